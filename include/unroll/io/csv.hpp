#pragma once
// Tables of numbers as text.

#include <algorithm>
#include <concepts>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "unroll/core/types.hpp"
#include "unroll/io/diagnostics.hpp"
#include "unroll/io/input_file.hpp"
#include "unroll/io/text_lines.hpp"

namespace unroll {

/// A column for each line of the file, so that a recording line by line is a sequence.
template <std::floating_point Scalar = float>
struct NumberTable {
  std::vector<std::string> names;  // one for each row of `values`; empty when the file has no line of names
  Matrix<Scalar> values;           // [fields x lines]
};

struct CsvOptions {
  char separator = ',';                   ///< a blank: any number of blanks and tabs
  std::vector<std::string> without = {};  ///< fields of these names hold no numbers and are left out
};

namespace detail {

inline std::vector<std::string_view> csv_fields(std::string_view line, char separator) {
  std::vector<std::string_view> fields;
  while (separator != ' ') {
    const bool last = line.find(separator) == line.npos;
    fields.push_back(trimmed(take_until(line, separator)));
    if (last) return fields;
  }
  for (line = trimmed(line); !line.empty(); line = trimmed(line)) {
    const auto end = std::min(line.find_first_of(" \t"), line.size());
    fields.push_back(line.substr(0, end));
    line.remove_prefix(end);
  }
  return fields;
}

/// Which fields of a line are read, and how many there must be.
struct CsvColumns {
  std::size_t fields = 0;
  std::vector<std::size_t> read = {};
  std::vector<std::string> names = {};

  CsvColumns(const std::vector<std::string_view>& first, const CsvOptions& options) : fields(first.size()) {
    const bool named = std::ranges::any_of(first, [](auto field) { return !parse_number<double>(field); });
    for (std::size_t k = 0; k < first.size(); ++k) {
      if (named && std::ranges::find(options.without, first[k]) != options.without.end()) continue;
      read.push_back(k);
      if (named) names.emplace_back(first[k]);
    }
  }
};

template <class Scalar>
void append_csv_line(const std::vector<std::string_view>& fields, const CsvColumns& columns, const TextLines& lines,
                     std::vector<Scalar>& numbers) {
  lines.expect(fields.size() == columns.fields, "expected ", columns.fields, " fields as in the first line, found ",
               fields.size());
  for (const std::size_t k : columns.read) {
    const auto number = parse_number<Scalar>(fields[k]);
    lines.expect(number.has_value(), "field ", k + 1, ": expected a number, found ", in_quotes(fields[k]));
    numbers.push_back(*number);
  }
}

}  // namespace detail

/// Reads `text`, named `file` in messages. See `read_csv`.
template <std::floating_point Scalar = float>
NumberTable<Scalar> parse_csv(std::string_view text, const CsvOptions& options = {},
                              std::string_view file = "text in memory") {
  detail::TextLines lines(text, file);
  auto line = lines.next();
  require<FileError>(line.has_value(), file, ": expected lines of numbers, found none");
  const detail::CsvColumns columns(detail::csv_fields(*line, options.separator), options);
  lines.expect(!columns.read.empty(), "expected a field with numbers");
  if (!columns.names.empty()) line = lines.next();
  std::vector<Scalar> numbers;
  for (; line; line = lines.next())
    detail::append_csv_line(detail::csv_fields(*line, options.separator), columns, lines, numbers);
  require<FileError>(!numbers.empty(), file, ": expected lines of numbers, found names alone");
  const Index rows = Index(columns.read.size());
  return {columns.names, Eigen::Map<const Matrix<Scalar>>(numbers.data(), rows, Index(numbers.size()) / rows)};
}

/// Reads a file of numbers, a line for each step, with or without a first line of names: that line has names when one
/// of its fields is no number. Empty lines are left out; values are rounded to Scalar. Quotes have no meaning.
///
/// Throws FileError that names file, line and field: another number of fields than in the first line, text where a
/// number must be, nothing to read.
template <std::floating_point Scalar = float>
NumberTable<Scalar> read_csv(const std::filesystem::path& path, const CsvOptions& options = {}) {
  return parse_csv<Scalar>(detail::read_text(path), options, path.string());
}

}  // namespace unroll
