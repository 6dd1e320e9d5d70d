#pragma once
// Numbers and names in rows and columns: what a picture is drawn from, and what a page shows.

#include <cmath>
#include <cstdio>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "unroll/core/error.hpp"
#include "unroll/core/finite.hpp"
#include "unroll/report/detail/markup.hpp"

namespace unroll {

/// A number, which may be missing (NaN), or a text.
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

  /// All digits; nothing where the number is missing.
  std::string exact() const { return is_text_ ? text_ : is_missing() ? std::string() : text(number_); }

  /// As a reader wants it: four digits, whole numbers in full.
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
    require<ShapeError>(table.rows[k].size() == table.columns.size(), "table: row ", k, " has ", table.rows[k].size(),
                        " values, expected ", table.columns.size());
}

}  // namespace detail

/// A line of names, then a line for each row; an empty field where a number is missing. Throws ShapeError unless every
/// row has a value for each column.
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

}  // namespace unroll
