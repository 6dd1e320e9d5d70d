#pragma once
// Rows of a matrix by name: several inputs of a model in one matrix.

#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "unroll/core/option_checks.hpp"
#include "unroll/core/types.hpp"

namespace unroll {

/// Names of blocks of rows of a matrix, in the order of the rows, such as the inputs of a model:
///
///     const NamedRows inputs{{"x", 6}, {"gap", 1}};   // rows 0 to 5 and row 6
///     values.row(inputs.first("gap")) = gaps;
class NamedRows {
 public:
  struct Part {
    std::string name;
    Index rows = 0;
    bool operator==(const Part&) const = default;
  };

  NamedRows() = default;
  /// Throws as `add`.
  NamedRows(std::initializer_list<Part> parts) {
    for (const Part& part : parts) add(part.name, part.rows);
  }

  /// Throws ValueError unless the name is new and has 1 to 64 bytes without control characters, and there is at least
  /// 1 row.
  void add(std::string name, Index rows) {
    require<ValueError>(!name.empty() && name.size() <= 64, "named rows: a name must have 1 to 64 bytes, got ",
                        name.size());
    for (const char c : name)
      require<ValueError>(static_cast<unsigned char>(c) >= 0x20 && c != 0x7f,
                          "named rows: a name must have no control characters, got byte ", int(c));
    require<ValueError>(find(name) == nullptr, "named rows: names must differ, got '", name, "' twice");
    constexpr Index most = Index(1) << 40;
    detail::check_between("named rows", text("rows of '", name, "'"), rows, 1, most);
    require<ValueError>(parts_.size() < 4096, "named rows: names must be at most 4096");
    parts_.push_back({std::move(name), rows});
  }

  bool empty() const { return parts_.empty(); }
  std::size_t size() const { return parts_.size(); }
  auto begin() const { return parts_.begin(); }
  auto end() const { return parts_.end(); }
  bool has(std::string_view name) const { return find(name) != nullptr; }

  /// Rows of all names together.
  Index rows() const {
    Index all = 0;
    for (const Part& part : parts_) all += part.rows;
    return all;
  }
  /// First row, and number of rows, of a name. Throw ValueError for an unknown one.
  Index first(std::string_view name) const {
    Index row = 0;
    for (const Part* part = parts_.data(); part != &found(name); ++part) row += part->rows;
    return row;
  }
  Index rows(std::string_view name) const { return found(name).rows; }

  bool operator==(const NamedRows&) const = default;

 private:
  const Part* find(std::string_view name) const {
    for (const Part& part : parts_)
      if (part.name == name) return &part;
    return nullptr;
  }
  const Part& found(std::string_view name) const;

  std::vector<Part> parts_;
};

namespace detail {

/// "x [6 rows], gap [1 row]"; the first eight names.
template <class = Once>
[[gnu::cold]] std::string rows_text(const NamedRows& rows) {
  if (rows.empty()) return "none";
  std::string all;
  std::size_t shown = 0;
  for (const NamedRows::Part& part : rows) {
    if (++shown > 8) break;
    all += text(shown == 1 ? "" : ", ", part.name, " [", part.rows, part.rows == 1 ? " row]" : " rows]");
  }
  return rows.size() > 8 ? text(all, ", and ", rows.size() - 8, " more") : all;
}

/// First difference of names and rows; empty if there is none.
inline std::string rows_difference(const NamedRows& given, const NamedRows& expected) {
  for (const NamedRows::Part& part : expected)
    if (!given.has(part.name)) return text("'", part.name, "' is missing");
  for (const NamedRows::Part& part : given)
    if (!expected.has(part.name)) return text("there is no '", part.name, "'");
  for (const NamedRows::Part& part : expected)
    if (given.rows(part.name) != part.rows)
      return text("'", part.name, "' must have ", part.rows, part.rows == 1 ? " row" : " rows", ", got ",
                  given.rows(part.name));
  return given == expected ? "" : "the order differs";
}

/// Throws ShapeError unless both have the same names and rows in the same order. `what`: for example "the inputs of the
/// data set"; `as`: for example "as in the model".
inline void check_rows(std::string_view where, std::string_view what, std::string_view as, const NamedRows& given,
                       const NamedRows& expected) {
  if (given == expected) return;
  fail<ShapeError>({where, behind(where), what, " must be ", rows_text(expected), ", ", as, ", got ", rows_text(given),
                    "; ", rows_difference(given, expected)});
}

}  // namespace detail

inline const NamedRows::Part& NamedRows::found(std::string_view name) const {
  const Part* const part = find(name);
  require<ValueError>(part != nullptr, [&] {
    return text("named rows: the name must be one of ", detail::rows_text(*this), ", got '", name.substr(0, 64), "'");
  });
  return *part;
}

}  // namespace unroll
