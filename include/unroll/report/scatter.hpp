#pragma once

#include <cmath>

#include "unroll/report/picture.hpp"

namespace unroll {
namespace figure {

/// Point of a scatter plot.
struct Point {
  double x = 0, y = 0;
  std::string name = {};  ///< label next to the point, if there is room; may be empty
  std::size_t group = 0;
};

/// Scatter plot of named points, for example word vectors in the plane.
struct Scatter {
  std::string title;  ///< may be empty
  Axis x, y;
  std::vector<Point> points;
  std::vector<std::string> groups = {};  ///< names of groups 0, 1 ...; empty: one group without a name
  bool same_scale = false;               ///< use the same scale for both axes
};

}  // namespace figure

namespace detail {

inline DataTable numbers_of(const figure::Scatter& scatter) {
  DataTable table{{"group number", "name", scatter.x.title, scatter.y.title}, {}};
  if (!scatter.groups.empty()) table.columns.push_back("group");
  for (const figure::Point& point : scatter.points) {
    table.rows.push_back({point.group, point.name, point.x, point.y});
    require<ShapeError>(point.group < std::max<std::size_t>(scatter.groups.size(), 1), "scatter: the group of point '",
                        point.name, "' must be below ", std::max<std::size_t>(scatter.groups.size(), 1), ", got ",
                        point.group);
    if (!scatter.groups.empty()) table.rows.back().push_back(scatter.groups[point.group]);
  }
  return table;
}

inline DataTable shown_of(DataTable table) {
  table.columns.erase(table.columns.begin());
  for (auto& row : table.rows) row.erase(row.begin());
  return table;
}

/// Occupied space in the picture, in approximate pixels, so that labels do not overlap.
class LabelSpace {
 public:
  explicit LabelSpace(const std::vector<figure::Point>& points) {
    for (const figure::Point& point : points) x_.take_in(point.x), y_.take_in(point.y);
  }

  /// Occupies the space for the name of a point. Returns false if it overlaps a name placed before.
  bool take(const figure::Point& point) {
    constexpr double wide = 8, high = 16;
    const double x = 440 * x_.share(point.x), y = 360 * y_.share(point.y);
    const double end = x + wide * double(letter_count(point.name)) + wide;
    for (const Box& other : taken_)
      if (x < other.end && other.begin < end && std::abs(y - other.y) < high) return false;
    taken_.push_back({x, end, y});
    return true;
  }

 private:
  struct Box {
    double begin, end, y;
  };
  struct Range {
    double low = HUGE_VAL, high = -HUGE_VAL;
    void take_in(double value) {
      if (is_finite(value)) low = std::min(low, value), high = std::max(high, value);
    }
    double share(double value) const { return high > low ? (value - low) / (high - low) : 0; }
  };

  Range x_, y_;
  std::vector<Box> taken_;
};

/// Labels as gnuplot commands, in quotes in which gnuplot interprets nothing. Names that would overlap earlier ones are
/// left out; the table of numbers contains all.
inline std::string point_names(const std::vector<figure::Point>& points) {
  std::string commands;
  LabelSpace space(points);
  for (const figure::Point& point : points)
    if (!point.name.empty() && is_finite(point.x) && is_finite(point.y) && space.take(point))
      commands += text("set label ", detail::gnuplot_quoted(point.name), " at ", point.x, ",", point.y,
                       " left front offset 0.6,0.3 font 'sans,15'\n");
  return commands;
}

/// Plot commands per group. Points are small if there are many.
inline std::string group_plots(const std::vector<std::string>& groups, std::size_t points) {
  std::string plots;
  for (std::size_t g = 0; g < std::max<std::size_t>(groups.size(), 1); ++g)
    plots += text(g == 0 ? "plot " : ", \\\n     ", "data skip 1 using ($1 == ", g, " ? $3 : NaN):4 with points pt ",
                  point_type(g), " ps ", points > 30 ? 0.5 : 1.0, " lc rgb '", colours[g % colours.size()], "' ",
                  groups.empty() ? std::string("notitle") : "title " + detail::gnuplot_quoted(groups[g]));
  return plots + "\n";
}

}  // namespace detail

namespace figure {

/// Picture of a scatter plot. Throws ShapeError for a point whose group has no name, unless there are no names.
inline Picture picture(const Scatter& scatter) {
  using namespace detail;
  const DataTable numbers = numbers_of(scatter);
  const Head head(scatter.title, scatter.groups.size());
  Picture picture{numbers, shown_of(numbers), {}, 640, 480 + head.height()};
  picture.commands = text(head.commands(picture.height), axis_commands("x", scatter.x), axis_commands("y", scatter.y),
                          scatter.same_scale ? "set size ratio -1\n" : "",
                          "set offsets graph 0.05, graph 0.15, graph 0.05, graph 0.05\n", point_names(scatter.points),
                          group_plots(scatter.groups, scatter.points.size()));
  return picture;
}

}  // namespace figure
}  // namespace unroll
