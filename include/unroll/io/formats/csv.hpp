#pragma once

#include <algorithm>
#include <concepts>
#include <filesystem>
#include <limits>
#include <map>
#include <numeric>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "unroll/core/types.hpp"
#include "unroll/io/formats/detail/class_numbers.hpp"
#include "unroll/io/formats/detail/csv_fields.hpp"
#include "unroll/io/formats/missing_values.hpp"
#include "unroll/io/input_file.hpp"

namespace unroll {

/// Table of numbers from a file. Lines become columns, so a recording with one line per step is a sequence.
template <std::floating_point Scalar = float>
struct NumberTable {
  std::vector<std::string> names;  // one per row of `values`; empty if the fields have no names
  MatrixX<Scalar> values;          // [fields x lines]
  Labels labels = {};              // [lines] indices into `classes`, -1: missing; empty without CsvOptions::labels
  std::vector<std::string> classes = {};  // of the options; otherwise sorted, by value if all are numbers
};

/// Treatment of the first line.
enum class CsvHeader {
  automatic,  ///< names, if no field is a number and at least one is text; ambiguous lines throw
  yes,        ///< names, even if they are numbers
  no,         ///< data
};

/// Options of read_csv.
struct CsvOptions {
  char separator = ',';                           ///< ' ' means any number of blanks and tabs
  CsvHeader header = CsvHeader::automatic;        ///< treatment of the first line
  std::vector<std::string> without = {};          ///< names of fields to skip; "" is the name of pandas' index
  std::vector<std::string> with = {};             ///< names of the fields to read, in this order; empty: all others
  std::string labels = {};                        ///< name of a field whose texts are classes; empty: none
  std::vector<std::string> classes = {};          ///< their names, so that files agree; empty: those of the file
  MissingValues missing = MissingValues::refuse;  ///< drop_step leaves out the line
  std::vector<std::string> names = {};            ///< of all fields, in place of those of the first line; empty: those
  char decimal = '.';                             ///< decimal point, or a comma with another separator
  char comment = '\0';                            ///< lines that begin with it are skipped; '\0': none
};

namespace detail {

inline void check_csv_options(const CsvOptions& o) {
  const auto list = [&](const std::vector<std::string>& names, std::string_view name) {
    return std::ranges::find(names, name) != names.end();
  };
  require<ValueError>(o.decimal == '.' || (o.decimal == ',' && o.separator != ','),
                      "csv: decimal must be '.', or ',' with another separator, got ", [&] {
                        return in_quotes({&o.decimal, 1});
                      });
  require<ValueError>(o.comment == '\0' || (o.comment != o.separator && o.comment > ' ' && o.comment != '"' &&
                                            std::isalnum(static_cast<unsigned char>(o.comment)) == 0 &&
                                            o.comment != '-' && o.comment != '+' && o.comment != '.'),
                      "csv: comment must be no letter, digit, blank, quote, sign, point or separator, got ", [&] {
                        return in_quotes({&o.comment, 1});
                      });
  require<ValueError>(o.with.empty() || o.without.empty(), "csv: with must be empty if without is not");
  require<ValueError>(o.labels.empty() || !(list(o.with, o.labels) || list(o.without, o.labels)),
                      "csv: labels must be no field of with or without, got ", [&] { return in_quotes(o.labels); });
  require<ValueError>(o.classes.empty() || !o.labels.empty(), "csv: classes must be empty without labels");
  for (const std::string& name : o.classes)
    require<ValueError>(!is_missing_label(name), "csv: classes must be no words for missing values, got ",
                        [&] { return in_quotes(name); });
}

/// Whether the fields are "0", "1", "2", ..., at least three: pandas writes these for columns without names.
inline bool counts_up(const std::vector<std::string_view>& fields) {
  std::size_t k = 0;
  return fields.size() >= 3 && std::ranges::all_of(fields, [&k](auto field) { return field == text(k++); });
}

inline bool has_csv_names(const CsvFields& first, const CsvOptions& options) {
  if (options.header != CsvHeader::automatic) return options.header == CsvHeader::yes;
  const auto is_number = [&](auto field) { return csv_number<double>(field, options.decimal).has_value(); };
  const auto is_absent = [](auto field) { return is_missing_number(field) || is_infinite(field); };
  const bool number = std::ranges::any_of(first.all, is_number), missing = std::ranges::any_of(first.all, is_absent);
  const auto name = std::ranges::find_if(first.all, [&](auto field) { return !is_number(field) && !is_absent(field); });
  constexpr std::string_view option = "; set the option header";
  first.lines.expect(
      name == first.all.end() || !number, "the first line must be names or numbers, got both, such as ",
      [&] { return in_quotes(*name); }, option);
  first.lines.expect(name != first.all.end() || !missing || !number,
                     "the first line must be names or numbers, got numbers and empty fields", option);
  first.lines.expect(!counts_up(first.all), "the first line 0, 1, 2, ... may be numbers or names from pandas", option);
  return name != first.all.end();
}

/// Names of all fields; empty if they have none.
inline std::vector<std::string> csv_names(const CsvFields& first, const CsvOptions& options, bool named) {
  const std::size_t given = options.names.size();
  first.lines.expect(given == 0 || given == first.all.size(), "the line must have ", given,
                     " fields, as the option names, got ", first.all.size());
  if (given > 0) return options.names;
  return named ? std::vector<std::string>(first.all.begin(), first.all.end()) : std::vector<std::string>();
}

/// Fields of a line that are read, and the expected number of fields.
struct CsvColumns {
  std::size_t fields = 0;
  std::vector<std::string> names = {};  // of all fields
  std::vector<std::size_t> read = {};
  std::optional<std::size_t> labels = {};

  CsvColumns(const CsvFields& first, const CsvOptions& options, bool named)
      : fields(first.all.size()), names(csv_names(first, options, named)) {
    first.lines.expect(!names.empty() || (options.with.empty() && options.labels.empty()),
                       "the fields must have names for the options with and labels, got none; set the option names");
    if (!options.labels.empty()) labels = field_of(options.labels, first.lines);
    for (const std::string& name : options.with) read.push_back(field_of(name, first.lines));
    if (options.with.empty()) read_all_but(options.without, first.lines);
    first.lines.expect(!read.empty(), "at least 1 field must be read, got 0");
  }

  std::vector<std::string> names_read() const {
    std::vector<std::string> some;
    for (const std::size_t k : read)
      if (!names.empty()) some.push_back(names[k]);
    return some;
  }

 private:
  std::size_t field_of(std::string_view name, const TextLines& lines) const {
    const auto count = std::ranges::count(names, name);
    lines.expect(count == 1, [&] {
      return text("the line must have one field ", in_quotes(name), ", got ", count,
                  "; the nearest: ", nearest_names(name, {names.begin(), names.end()}));
    });
    return std::size_t(std::ranges::find(names, name) - names.begin());
  }

  void read_all_but(const std::vector<std::string>& without, const TextLines& lines) {
    for (std::size_t k = 0; k < fields; ++k) {
      const std::string_view name = names.empty() ? "-" : std::string_view(names[k]);
      if (k == labels || (!names.empty() && std::ranges::find(without, name) != without.end())) continue;
      lines.expect(
          !name.empty() && !name.starts_with("Unnamed: "), "field ", k + 1, " must have a name, got ",
          [&] { return in_quotes(name); },
          "; write pandas' table with index=False, or add the field to the option without");
      read.push_back(k);
    }
  }
};

/// Classes of a field of labels: the given ones, or those of the file.
class CsvClasses {
 public:
  explicit CsvClasses(const std::vector<std::string>& given) : given_(given), known_(number_classes("csv", given)) {}

  /// Allocates memory for the labels of `lines` lines.
  void reserve(Index lines) { labels_.reserve(std::size_t(lines)); }

  void append(std::string_view label, const TextLines& lines) { labels_.push_back(number(label, lines)); }

  /// Moves labels and classes to the table.
  template <class Scalar>
  void finish(NumberTable<Scalar>& table) {
    table.classes = given_;
    if (given_.empty()) sort_classes(table.classes);
    table.labels = Eigen::Map<const Labels>(labels_.data(), Index(labels_.size()));
  }

 private:
  Index number(std::string_view label, const TextLines& lines) {
    if (is_missing_label(label)) return -1;
    if (!given_.empty()) return class_number(known_, label, lines);
    const auto found = found_.find(label);
    constexpr std::size_t most = 100'000;
    lines.expect(found != found_.end() || found_.size() < most, "the field of labels must have at most ", most,
                 " classes, got more");
    return found != found_.end() ? found->second : found_.emplace(label, Index(found_.size())).first->second;
  }

  /// Sorts the classes of the file by their values if all are numbers, otherwise as texts.
  void sort_classes(std::vector<std::string>& names) {
    const auto value = [](const std::string& name) { return parse_number<double>(name); };
    for (const auto& item : found_) names.push_back(item.first);
    if (std::ranges::all_of(names, &std::optional<double>::has_value, value))
      std::ranges::stable_sort(names, {}, value);
    std::vector<Index> sorted(names.size());
    for (std::size_t k = 0; k < names.size(); ++k) sorted[std::size_t(found_.at(names[k]))] = Index(k);
    for (Index& label : labels_)
      if (label >= 0) label = sorted[std::size_t(label)];
  }

  std::vector<std::string> given_;
  ClassNumbers known_;                                    // views of given_
  std::map<std::string, Index, std::less<>> found_ = {};  // numbered in the order of the file
  std::vector<Index> labels_ = {};
};

/// Checks a field without a number and returns whether it is missing.
inline bool check_missing(const CsvFields& line, std::size_t k, bool missing, MissingValues treatment,
                          std::string_view expected) {
  line.lines.expect(
      missing && treatment != MissingValues::refuse, "field ", k + 1, " must be ", expected, ", got ",
      [&] { return in_quotes(line.all[k]); },
      missing ? "; set the option missing" : "; leave out a field of texts by without, or read its classes by labels");
  return true;
}

/// Largest number of lines with this number of fields; each field has a separator or a line end.
inline Index most_csv_lines(std::string_view text, std::size_t fields) {
  const auto ends = std::ranges::count_if(text, [](char c) { return c == '\n' || c == '\r'; });
  return 1 + std::min(static_cast<Index>(ends), static_cast<Index>(text.size() / fields));
}

/// Reads the values of a line into `numbers`. Returns false if some are missing and the line is left out.
template <class Scalar>
bool read_csv_line(const CsvFields& line, const CsvColumns& columns, const CsvOptions& options, Scalar* numbers,
                   CsvClasses& classes) {
  line.lines.expect(line.all.size() == columns.fields, "the line must have ", columns.fields,
                    " fields, as the first line, got ", line.all.size());
  bool missing = false;
  for (const std::size_t k : columns.read) {
    const auto number = csv_number<Scalar>(line.all[k], options.decimal);
    if (!number) missing = check_missing(line, k, is_missing_number(line.all[k]), options.missing, "a finite number");
    *numbers++ = number.value_or(std::numeric_limits<Scalar>::quiet_NaN());
  }
  const std::string_view label = columns.labels ? line.all[*columns.labels] : "-";
  if (is_missing_label(label)) missing = check_missing(line, *columns.labels, true, options.missing, "a label");
  if (missing && options.missing == MissingValues::drop_step) return false;
  if (columns.labels) classes.append(label, line.lines);
  return true;
}

}  // namespace detail

/// Parses `text`, which is called `file` in messages. See `read_csv`.
template <std::floating_point Scalar = float>
NumberTable<Scalar> parse_csv(std::string_view text, const CsvOptions& options = {},
                              std::string_view file = "text in memory") {
  detail::check_csv_options(options);
  detail::CsvFields line(text, file, options.separator, options.comment);
  detail::CsvClasses classes(options.classes);
  bool more = line.next();
  require<FileError>(more, file, ": the file must have lines of numbers, got none");
  const bool named = detail::has_csv_names(line, options);
  const detail::CsvColumns columns(line, options, named);
  if (named) more = line.next();
  require<FileError>(more, file, ": the file must have lines of numbers, got only names");
  NumberTable<Scalar> table{columns.names_read(), {}};
  const Index most = detail::most_csv_lines(text, columns.fields);
  detail::within_memory<FileError>(
      [&] {
        table.values.resize(Index(columns.read.size()), most);
        if (columns.labels) classes.reserve(most);
      },
      file, ": there is no memory for ", most, " lines");
  Index kept = 0;
  for (; more; more = line.next())
    kept += detail::read_csv_line(line, columns, options, &table.values(0, kept), classes);
  require<FileError>(kept > 0, file, ": at least 1 line must have all values, got 0");
  table.values.conservativeResize(Eigen::NoChange, kept);
  if (columns.labels) classes.finish(table);
  return table;
}

/// Table of numbers from a CSV file with one line per step. `header` determines whether the first line contains names.
/// With CsvHeader::automatic it does if no field is a number and at least one is text ("nan", "NA" and empty fields are
/// missing numbers, not names); a first line with both throws. Fields may be quoted (RFC 4180); with
/// tabs as separators quotes are text unless they enclose a field within a line. Empty lines are ignored. Values are
/// rounded to Scalar.
///
/// Throws FileError, with file, line and field, for: another number of fields than in the first line; text instead of a
/// number; a missing number or label (see `missing`); an ambiguous first line; a field without a name that is not in
/// `without` (pandas' index); a field of `with` or `labels` that does not exist once; a label that is not in `classes`;
/// no data. Throws ValueError for options out of range or in conflict.
template <std::floating_point Scalar = float>
NumberTable<Scalar> read_csv(const std::filesystem::path& path, const CsvOptions& options = {}) {
  return parse_csv<Scalar>(detail::read_text(path), options, path.string());
}

}  // namespace unroll
