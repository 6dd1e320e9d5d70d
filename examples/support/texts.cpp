#include "texts.hpp"

#include <algorithm>

#include "unroll/core/utf8.hpp"
#include "unroll/io/formats/detail/csv_fields.hpp"
#include "unroll/io/input_file.hpp"
#include "unroll/text/readers.hpp"

namespace example {

using unroll::detail::in_quotes;

namespace {

/// Place of the column in the first line.
std::size_t place_of(const std::string& column, const unroll::detail::CsvFields& names) {
  const auto count = std::ranges::count(names.all, column);
  names.lines.expect(count == 1, [&] {
    return unroll::text("the line must have one field ", in_quotes(column), ", got ", count,
                        "; the nearest: ", unroll::detail::nearest_names(column, names.all));
  });
  return std::size_t(std::ranges::find(names.all, column) - names.all.begin());
}

}  // namespace

bool is_text(std::string_view field) {
  return !unroll::detail::parse_number<double>(field) && !unroll::detail::is_missing_number(field);
}

std::vector<std::string> read_texts(const std::filesystem::path& file, const std::string& column) {
  if (column.empty()) return {unroll::read_text_file(file)};
  const std::string table = unroll::read_text_file(file), name = file.string();
  unroll::detail::CsvFields line(table, name, file.extension() == ".tsv" ? '\t' : ',', '\0');
  line.next();
  const std::size_t fields = line.all.size(), place = place_of(column, line);
  std::vector<std::string> texts;
  while (line.next()) {
    line.lines.expect(line.all.size() == fields, "the line must have ", fields, " fields, as the first line, got ",
                      line.all.size());
    if (line.all[place].find_first_not_of(" \t\n") != std::string_view::npos) texts.emplace_back(line.all[place]);
  }
  unroll::require<unroll::FileError>(!texts.empty(), name, ": the column ", in_quotes(column),
                                     " must have text, got none");
  return texts;
}

}  // namespace example
