#pragma once

#include <utility>

#include "unroll/core/types.hpp"
#include "unroll/report/picture.hpp"

namespace unroll {
namespace figure {

/// Heat map of a matrix, for example of weights, values over time or attention.
struct HeatMap {
  std::string title;       ///< may be empty
  Axis x, y;               ///< columns and rows; only the titles are used
  std::string value;       ///< title of the colour scale with its unit: "attention (%)"
  MatrixX<double> values;  ///< [rows x columns], first row at the top; NaN is white
  std::vector<std::string> row_names = {}, column_names = {};  ///< empty: rows or columns are numbered from 0
  std::optional<double> low = {}, high = {};                   ///< range of the colours; default: range of the values
  bool diverging = false;                                      ///< zero is white, with one colour for each sign
  bool written = false;                                        ///< rounded numbers in the cells, none for 0
};

/// Confusion matrix: counts by true class (rows) and predicted class (columns), as ConfusionMatrix::counts(). Colours
/// and numbers are per cent of the true class, with the counts below.
struct Confusion {
  std::string title;
  Eigen::Matrix<Index, Eigen::Dynamic, Eigen::Dynamic> counts;
  std::vector<std::string> classes;
  std::string counted = "sequences";  ///< unit of the counts
};

}  // namespace figure

namespace detail {

inline void check_map(const figure::HeatMap& map) {
  const auto fits = [](const std::vector<std::string>& names, Index count) {
    return names.empty() || Index(names.size()) == count;
  };
  require<ShapeError>(map.values.size() > 0, "heat map: values must have at least 1 number, got 0");
  require<ShapeError>(fits(map.row_names, map.values.rows()) && fits(map.column_names, map.values.cols()),
                      "heat map: row_names and column_names must have ", map.values.rows(), " and ", map.values.cols(),
                      " entries, as values, got ", map.row_names.size(), " and ", map.column_names.size());
}

inline std::string name_of(const std::vector<std::string>& names, Index k) {
  return names.empty() ? text(k) : names[std::size_t(k)];
}

inline DataTable numbers_of(const figure::HeatMap& map) {
  DataTable table{{"column", "row", map.value, map.x.title, map.y.title}, {}};
  for (Index row = 0; row < map.values.rows(); ++row)
    for (Index k = 0; k < map.values.cols(); ++k)
      table.rows.push_back({k, row, map.values(row, k), name_of(map.column_names, k), name_of(map.row_names, row)});
  return table;
}

inline DataTable shown_of(const figure::HeatMap& map) {
  DataTable table{{text(map.y.title, " \\ ", map.x.title)}, {}};
  for (Index k = 0; k < map.values.cols(); ++k) table.columns.push_back(name_of(map.column_names, k));
  for (Index row = 0; row < map.values.rows(); ++row) {
    table.rows.push_back({name_of(map.row_names, row)});
    for (Index k = 0; k < map.values.cols(); ++k) table.rows.back().push_back(map.values(row, k));
  }
  return table;
}

/// Layout of a heat map in pixels, with space for names on the left and below.
struct HeatMapLayout {
  static constexpr int line = 20;  // height of a name
  int cell_width, cell_height, left, right = 130, top, bottom, width, height;
  std::vector<std::string> title;

  HeatMapLayout(const figure::HeatMap& map, bool two_lines) {
    constexpr int letter = 9, most = 40;  // pixels per letter; longer names are cut at the edge of the picture
    const auto room = [](const std::vector<std::string>& names, Index count) {
      return letter * int(names.empty() ? text(count).size() : std::min<std::size_t>(longest(names), most));
    };
    const auto cell = [&](Index count, int whole, int least, const std::vector<std::string>& names) {
      const bool named = !names.empty() && count <= 60;  // with more names, only every few are shown
      return std::clamp(whole / int(count), map.written ? least : named ? line : 1, 64);
    };
    const int rows = int(map.values.rows()), columns = int(map.values.cols());
    cell_width = cell(columns, 480, 46, map.column_names);
    cell_height = cell(rows, 360, two_lines ? 46 : 30, map.row_names);
    left = room(map.row_names, rows) + 62;
    const int below = (turned(map) ? room(map.column_names, columns) : 20) + 50;
    width = left + columns * cell_width + right;
    title = title_lines(map.title, width);
    top = title_height(title) + 8;
    bottom = below;
    const int titles = letter * int(std::max(map.value.size(), map.y.title.size()));  // vertical
    height = top + std::max({rows * cell_height, 180, titles}) + bottom;
  }

  /// Whether column names are vertical, because they are wider than their cells.
  bool turned(const figure::HeatMap& map) const { return 9 * int(longest(map.column_names)) + 6 > cell_width; }

  /// Commands for margins and axis titles. The titles have explicit positions, because gnuplot does not know the width
  /// of the names and would place them outside.
  std::string commands(const figure::HeatMap& map) const {
    const auto at = [](int pixels, int whole) { return double(pixels) / double(whole); };
    return text("set lmargin at screen ", at(left, width), "\nset rmargin at screen ", at(width - right, width),
                "\nset tmargin at screen ", at(height - top, height), "\nset bmargin at screen ", at(bottom, height),
                "\nset label 1 ", detail::gnuplot_quoted(map.x.title), " center at screen ",
                at((left + width - right) / 2, width), ",", at(18, height), "\nset label 2 ",
                detail::gnuplot_quoted(map.y.title), " center rotate by 90 at screen ", at(18, width), ",",
                at((bottom + height - top) / 2, height), "\n");
  }
};

inline std::pair<double, double> range_of(const figure::HeatMap& map) {
  double low = HUGE_VAL, high = -HUGE_VAL;
  for (const double value : map.values.reshaped())
    if (is_finite(value)) low = std::min(low, value), high = std::max(high, value);
  if (low > high) low = 0, high = 0;
  low = map.low.value_or(low), high = map.high.value_or(high);
  if (map.diverging) high = std::max(std::abs(low), std::abs(high)), low = -high;
  if (low == high) high = low + 1;
  return {low, high};
}

/// Names of rows or columns, as many as fit into cells of `cell` pixels, or whole numbers.
inline std::string names_commands(const char* axis, const std::vector<std::string>& names, Index count, bool turned,
                                  int cell) {
  if (names.empty()) return count <= 10 ? text("set ", axis, "tics 1\n") : std::string();
  const std::size_t step = std::size_t((HeatMapLayout::line + cell - 1) / cell);
  return text("set ", axis, "tics ", turned ? "rotate by 90 right " : "", tics(names, step), "\n");
}

/// Labels in black or white, for contrast with the colour of the cell.
inline std::string letters_command(const char* label, double low, double high, bool diverging, bool two_lines) {
  const double middle = low + 0.6 * (high - low), dark = low + 0.15 * (high - low);
  return text(", \\\n     data skip 1 using 1:2:(", label, "):(", diverging ? text("$3 < ", dark, " || ") : "", "$3 > ",
              diverging ? low + 0.85 * (high - low) : middle,
              " ? 0xffffff : 0x000000) with labels font 'sans,15' tc rgb variable", two_lines ? " offset 0,0.5" : "");
}

/// `label`: gnuplot expression for the text in the cells; nullptr: none.
inline Picture map_picture(const figure::HeatMap& map, const char* label, bool two_lines) {
  check_map(map);
  const HeatMapLayout place(map, two_lines);
  const auto [low, high] = range_of(map);
  // Boxes have sharp edges, but one box per value is too large for a page if the map is large.
  const bool boxes = map.values.size() <= 4000 || map.values.rows() == 1 || map.values.cols() == 1;
  Picture picture{numbers_of(map), shown_of(map), {}, place.width, place.height};
  picture.commands =
      text(title_commands(place.title, place.height), place.commands(map),
           axis_commands("x", {"", -0.5, double(map.values.cols()) - 0.5}),
           axis_commands("y", {"", double(map.values.rows()) - 0.5, -0.5}), "set cblabel ",
           detail::gnuplot_quoted(map.value), "\nset cbrange [", low, ":", high, "]\nset palette ",
           map.diverging ? blue_to_red : pale_to_dark,
           "\nset tics scale 0\nset cbtics scale 0.5\nset style fill solid noborder\nunset key\n",
           names_commands("x", map.column_names, map.values.cols(), place.turned(map), place.cell_width),
           names_commands("y", map.row_names, map.values.rows(), false, place.cell_height), "plot data skip 1 using ",
           boxes ? "1:2:(0.5):(0.5):3 with boxxyerror lc palette" : "1:2:3 with image",
           label == nullptr ? std::string() : letters_command(label, low, high, map.diverging, two_lines), "\n");
  return picture;
}

}  // namespace detail

namespace figure {

/// Picture of a heat map. Throws ShapeError for a map without values and if the numbers of names and rows or columns
/// differ.
inline Picture picture(const figure::HeatMap& map) {
  return detail::map_picture(map, map.written ? "abs($3) < 0.5 ? '' : sprintf('%.0f', $3)" : nullptr, false);
}

/// Picture of a confusion matrix. Throws ShapeError unless there is one name for each row and column.
inline Picture picture(const figure::Confusion& confusion) {
  const auto& counts = confusion.counts;
  figure::HeatMap map{confusion.title,
                      {"predicted"},
                      {"true"},
                      "share of the true class (%)",
                      {},
                      confusion.classes,
                      confusion.classes,
                      0,
                      100};
  require<ShapeError>(counts.rows() == counts.cols() && !confusion.classes.empty(),
                      "confusion: counts must have as many rows as columns, with at least 1 name of a class, got ",
                      counts.rows(), " x ", counts.cols(), " and ", confusion.classes.size(), " names");
  const auto whole = counts.rowwise().sum().cwiseMax(1).template cast<double>().eval();
  map.values = 100 * (whole.cwiseInverse().asDiagonal() * counts.template cast<double>());
  map.written = true;
  Picture picture =
      detail::map_picture(map, "$6 > 0 ? sprintf(\"%s %%\\n%d\", $3 < 1 ? '<1' : sprintf('%.0f', $3), $6) : ''", true);
  picture.numbers.columns.push_back(confusion.counted);
  for (Index k = 0; k < counts.size(); ++k)
    picture.numbers.rows[std::size_t(k)].push_back(counts(k / counts.cols(), k % counts.cols()));
  for (Index row = 0; row < counts.rows(); ++row)
    for (Index k = 0; k < counts.cols(); ++k)
      picture.shown.rows[std::size_t(row)][std::size_t(k) + 1] =
          text(counts(row, k), " (", TableValue(std::round(10 * map.values(row, k)) / 10).rounded(), " %)");
  return picture;
}

}  // namespace figure
}  // namespace unroll
