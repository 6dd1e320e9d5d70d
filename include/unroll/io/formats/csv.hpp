#pragma once

#include <algorithm>
#include <cctype>
#include <concepts>
#include <deque>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "unroll/core/types.hpp"
#include "unroll/io/detail/diagnostics.hpp"
#include "unroll/io/detail/text_lines.hpp"
#include "unroll/io/input_file.hpp"

namespace unroll {

/// Table of numbers from a file. Lines become columns, so a recording with one line per step is a sequence.
template <std::floating_point Scalar = float>
struct NumberTable {
  std::vector<std::string> names;  // one per row of `values`; empty if the file has no line of names
  MatrixX<Scalar> values;          // [fields x lines]
};

/// Treatment of the first line.
enum class CsvHeader {
  automatic,  ///< names, if no field is a number and at least one is text; ambiguous lines throw
  yes,        ///< names, even if they are numbers
  no,         ///< data, there are no names
};

/// Options of read_csv.
struct CsvOptions {
  char separator = ',';                     ///< ' ' means any number of blanks and tabs
  CsvHeader header = CsvHeader::automatic;  ///< treatment of the first line
  std::vector<std::string> without = {};    ///< names of fields to skip; "" is the name of pandas' index
};

namespace detail {

/// Splitter of lines into fields. Quoted fields may contain separators, line ends and doubled quotes (RFC 4180).
class CsvFields {
 public:
  CsvFields(std::string_view text, std::string_view file, char separator)
      : lines(text, file), blanks_(separator == '\t' ? " " : " \t"), separator_(separator) {
    const auto letter = static_cast<unsigned char>(separator);
    const bool possible =
        std::isalnum(letter) == 0 && std::string_view("\"\r\n+-.").find(separator) == std::string_view::npos;
    require<ValueError>(possible && separator != '\0', "csv: the separator must be no letter, digit, quote, sign, ",
                        "point or line end, got ", [&] {
                          return in_quotes({&separator_, 1});
                        });
  }

  /// Reads the fields of the next non-blank line into `all`; false at the end. They are valid until the next call.
  bool next() {
    auto line = lines.next_whole();
    if (!line) return false;
    all.clear(), unquoted_.clear();
    std::string_view rest = separator_ == ' ' ? trimmed(*line) : *line;
    for (bool more = true; more;) {
      skip_blanks(rest);
      all.push_back(rest.starts_with('"') ? take_quoted(*line, rest) : take_plain(rest));
      skip_blanks(rest);
      more = !rest.empty();
      if (separator_ == ' ') continue;
      lines.expect(!more || rest.front() == separator_, "field ", all.size(),
                   " must end with its closing quote, got text after it");
      rest.remove_prefix(more);
    }
    return true;
  }

  TextLines lines;
  std::vector<std::string_view> all;

 private:
  void skip_blanks(std::string_view& rest) const {
    rest.remove_prefix(std::min(rest.find_first_not_of(blanks_), rest.size()));
  }

  std::string_view take_plain(std::string_view& rest) const {
    const auto end = std::min(separator_ == ' ' ? rest.find_first_of(blanks_) : rest.find(separator_), rest.size());
    const std::string_view field = rest.substr(0, end);
    rest.remove_prefix(end);
    return field.substr(0, field.find_last_not_of(blanks_) + 1);
  }

  /// Removes a quoted field from `rest`, the end of `line`. `line` is extended if the quotes are still open at its end.
  std::string_view take_quoted(std::string_view& line, std::string_view& rest) {
    bool doubled = false;
    for (std::size_t at = 1;; ++at) {
      at = rest.find('"', at);
      if (at == rest.npos) {
        at = rest.size() - 1;
        lines.expect(lines.extend(line), "field ", all.size() + 1, " must have a closing quote, got none");
        rest = {rest.data(), std::size_t(line.data() + line.size() - rest.data())};
      } else if (rest.substr(at + 1).starts_with('"')) {
        doubled = true, ++at;
      } else {
        const std::string_view inside = rest.substr(1, at - 1);
        rest.remove_prefix(at + 1);
        return doubled ? without_doubles(inside) : inside;
      }
    }
  }

  std::string_view without_doubles(std::string_view inside) {
    std::string& field = unquoted_.emplace_back();
    for (std::size_t k = 0; k < inside.size(); ++k) {
      field += inside[k];
      if (inside[k] == '"') ++k;
    }
    return field;
  }

  std::string_view blanks_;
  char separator_;
  std::deque<std::string> unquoted_;
};

/// Whether a field is text that programs write for a missing or non-finite number.
inline bool is_missing_number(std::string_view field) {
  std::string word(field.substr(0, 16));
  for (char& c : word) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  if (word.starts_with('-') || word.starts_with('+')) word.erase(0, 1);
  constexpr std::string_view words[] = {"", "nan", "na", "n/a", "<na>", "null", "none", "?", "inf", "infinity"};
  return std::ranges::find(words, word) != std::ranges::end(words);
}

/// Whether the fields are "0", "1", "2", ..., at least three: pandas writes these for columns without names.
inline bool counts_up(const std::vector<std::string_view>& fields) {
  std::size_t k = 0;
  return fields.size() >= 3 && std::ranges::all_of(fields, [&k](auto field) { return field == text(k++); });
}

inline bool has_csv_names(const CsvFields& first, CsvHeader header) {
  if (header != CsvHeader::automatic) return header == CsvHeader::yes;
  const auto is_number = [](auto field) { return parse_number<double>(field).has_value(); };
  const bool number = std::ranges::any_of(first.all, is_number),
             missing = std::ranges::any_of(first.all, is_missing_number);
  const auto name =
      std::ranges::find_if(first.all, [&](auto field) { return !is_number(field) && !is_missing_number(field); });
  constexpr std::string_view option = "; set the option header";
  first.lines.expect(
      name == first.all.end() || !number, "the first line must be names or numbers, got both, such as ",
      [&] { return in_quotes(*name); }, option);
  first.lines.expect(name != first.all.end() || !missing || !number,
                     "the first line must be names or numbers, got numbers and empty fields", option);
  first.lines.expect(!counts_up(first.all), "the first line 0, 1, 2, ... may be numbers or names from pandas", option);
  return name != first.all.end();
}

/// Fields of a line that are read, and the expected number of fields.
struct CsvColumns {
  std::size_t fields = 0;
  std::vector<std::size_t> read = {};
  std::vector<std::string> names = {};

  CsvColumns(const CsvFields& first, const CsvOptions& options) : fields(first.all.size()) {
    const bool named = has_csv_names(first, options.header);
    for (std::size_t k = 0; k < fields; ++k) {
      const std::string_view name = first.all[k];
      if (named && std::ranges::find(options.without, name) != options.without.end()) continue;
      first.lines.expect(
          !named || !(name.empty() || name.starts_with("Unnamed: ")), "field ", k + 1, " must have a name, got ",
          [&] { return in_quotes(name); },
          "; write pandas' table with index=False, or add the field to the option without");
      read.push_back(k);
      if (named) names.emplace_back(name);
    }
    first.lines.expect(!read.empty(), "at least 1 field must be read, got 0");
  }
};

template <class Scalar>
void append_csv_line(const CsvFields& line, const CsvColumns& columns, std::vector<Scalar>& numbers) {
  line.lines.expect(line.all.size() == columns.fields, "the line must have ", columns.fields,
                    " fields, as the first line, got ", line.all.size());
  for (const std::size_t k : columns.read) {
    const auto number = parse_number<Scalar>(line.all[k]);
    line.lines.expect(number.has_value(), "field ", k + 1, " must be a finite number, got ",
                      [&] { return in_quotes(line.all[k]); });
    numbers.push_back(*number);
  }
}

}  // namespace detail

/// Parses `text`, which is called `file` in messages. See `read_csv`.
template <std::floating_point Scalar = float>
NumberTable<Scalar> parse_csv(std::string_view text, const CsvOptions& options = {},
                              std::string_view file = "text in memory") {
  detail::CsvFields line(text, file, options.separator);
  bool more = line.next();
  require<FileError>(more, file, ": the file must have lines of numbers, got none");
  const detail::CsvColumns columns(line, options);
  if (!columns.names.empty()) more = line.next();
  std::vector<Scalar> numbers;
  for (; more; more = line.next()) detail::append_csv_line(line, columns, numbers);
  require<FileError>(!numbers.empty(), file, ": the file must have lines of numbers, got only names");
  const Index rows = Index(columns.read.size());
  return {columns.names, Eigen::Map<const MatrixX<Scalar>>(numbers.data(), rows, Index(numbers.size()) / rows)};
}

/// Table of numbers from a CSV file with one line per step. `header` determines whether the first line contains names.
/// With CsvHeader::automatic it does if no field is a number and at least one is text ("nan", "NA" and empty fields are
/// missing numbers, not names); a first line with both throws. Fields may be quoted (RFC 4180). Empty lines are
/// ignored. Values are rounded to Scalar.
///
/// Throws FileError, with file, line and field, for: another number of fields than in the first line; text or an empty
/// field instead of a number; an ambiguous first line; a field without a name that is not in `without` (pandas' index);
/// no data. Throws ValueError for an invalid separator.
template <std::floating_point Scalar = float>
NumberTable<Scalar> read_csv(const std::filesystem::path& path, const CsvOptions& options = {}) {
  return parse_csv<Scalar>(detail::read_text(path), options, path.string());
}

}  // namespace unroll
