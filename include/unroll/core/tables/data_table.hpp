#pragma once
// Table of numbers and texts, formatted as text, CSV or markdown.

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "unroll/core/error.hpp"
#include "unroll/core/finite.hpp"
#include "unroll/core/tables/readable.hpp"

namespace unroll {

/// Cell of a table: a number, which may be missing (NaN), or a text.
class TableValue {
 public:
  template <class T>
  requires std::is_arithmetic_v<T> TableValue(T number) : number_(double(number)) {}  // NOLINT
  TableValue(std::string letters) : text_(std::move(letters)), is_text_(true) {}      // NOLINT
  TableValue(const char* letters) : TableValue(std::string(letters)) {}               // NOLINT

  bool is_text() const { return is_text_; }
  bool is_missing() const { return !is_text_ && !is_finite(number_); }
  double number() const { return number_; }
  const std::string& letters() const { return text_; }

  /// Value with all digits; empty if missing.
  std::string exact() const { return is_text_ ? text_ : is_missing() ? std::string() : text(number_); }

  /// Value for display: four significant digits, whole numbers in full.
  std::string rounded() const {
    if (is_text_ || is_missing()) return text_;
    char digits[32];
    const bool whole = number_ == std::floor(number_) && std::abs(number_) < 1e9;
    std::snprintf(digits, sizeof digits, whole ? "%.0f" : "%.4g", number_);
    return digits;
  }

 private:
  double number_ = 0;
  std::string text_;
  bool is_text_ = false;
};

struct DataTable {
  std::vector<std::string> columns;
  std::vector<std::vector<TableValue>> rows;
};

namespace detail {

inline void check_table(const DataTable& table) {
  for (std::size_t k = 0; k < table.rows.size(); ++k)
    require<ShapeError>(table.rows[k].size() == table.columns.size(), "table: row ", k,
                        " must have as many values as columns, ", table.columns.size(), ", got ", table.rows[k].size());
}

}  // namespace detail

/// CSV with a header line; missing numbers are empty fields. Throws ShapeError unless every row has a value for each
/// column.
inline std::string to_csv(const DataTable& table) {
  detail::check_table(table);
  std::string csv;
  for (std::size_t k = 0; k < table.columns.size(); ++k) csv += text(k > 0 ? "," : "", csv_field(table.columns[k]));
  csv += "\n";
  for (const auto& row : table.rows) {
    for (std::size_t k = 0; k < row.size(); ++k) csv += text(k > 0 ? "," : "", csv_field(row[k].exact()));
    csv += "\n";
  }
  return csv;
}

/// Markdown table with rounded numbers. Throws ShapeError like to_csv.
inline std::string to_markdown(const DataTable& table) {
  detail::check_table(table);
  std::string lines, rule;
  for (const std::string& name : table.columns) lines += text("| ", markdown_cell(name), " "), rule += "|---";
  lines += "|\n" + rule + "|\n";
  for (const auto& row : table.rows) {
    for (const TableValue& value : row) lines += text("| ", markdown_cell(value.rounded()), " ");
    lines += "|\n";
  }
  return lines;
}

struct TextLayout {
  bool right = false;                    ///< right-aligned cells, else left-aligned
  std::vector<std::size_t> widths = {};  ///< minimum width of each column in letters; none for omitted columns
};

/// Text table with a header line, columns as wide as their widest cell and two blanks apart, and rounded numbers.
/// Throws ShapeError like to_csv.
inline std::string to_text(const DataTable& table, const TextLayout& layout = {}) {
  detail::check_table(table);
  require<ShapeError>(layout.widths.size() <= table.columns.size(), "table: widths must be at most ",
                      table.columns.size(), ", the number of columns, got ", layout.widths.size());
  std::vector<std::vector<std::string>> lines(1);
  for (const std::string& name : table.columns) lines.back().push_back(readable(name));
  for (const auto& row : table.rows) {
    lines.emplace_back();
    for (const TableValue& value : row) lines.back().push_back(readable(value.rounded()));
  }
  std::vector<std::size_t> widths = layout.widths;
  widths.resize(table.columns.size());
  for (const auto& line : lines)
    for (std::size_t k = 0; k < line.size(); ++k) widths[k] = std::max(widths[k], letter_count(line[k]));
  std::string all;
  for (const auto& line : lines) {
    for (std::size_t k = 0; k < line.size(); ++k) {
      const bool last = k + 1 == line.size();
      const std::string blanks(widths[k] - letter_count(line[k]), ' ');
      all += layout.right ? blanks + line[k] : last ? line[k] : line[k] + blanks;
      all += last ? "\n" : "  ";
    }
  }
  return all;
}

}  // namespace unroll
