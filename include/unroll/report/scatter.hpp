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

/// Places of points and labels in approximate pixels, so that labels cover neither each other nor other points.
class LabelSpace {
 public:
  explicit LabelSpace(const figure::Scatter& scatter) : points_(scatter.points), x_(scatter.x), y_(scatter.y) {
    for (const figure::Point& point : points_) x_.take_in(point.x), y_.take_in(point.y);
    x_scale_ = width / x_.size(), y_scale_ = height / y_.size();
    if (scatter.same_scale) x_scale_ = y_scale_ = std::min(x_scale_, y_scale_);
  }

  /// Occupies the space for the name of a point, to its right or its left. Returns false if it is not free.
  bool take(const figure::Point& point, bool right) {
    const double size = letter * double(letter_count(point.name));
    const double begin = right ? x(point) + mark : x(point) - mark - size;
    const Box box{begin, begin + size, y(point) + 0.3 * line};
    if (!is_free(box, point)) return false;
    taken_.push_back(box);
    return true;
  }

 private:
  struct Box {
    double begin, end, y;
  };
  struct Range {
    double low = HUGE_VAL, high = -HUGE_VAL;
    explicit Range(const Axis& axis) {
      for (const auto& limit : {axis.low, axis.high})
        if (limit) take_in(*limit);
    }
    void take_in(double value) {
      if (is_finite(value)) low = std::min(low, value), high = std::max(high, value);
    }
    double size() const { return high > low ? high - low : 1; }
  };
  static constexpr double width = 390, height = 320, letter = 9, line = 18, mark = 6;  // as drawn by gnuplot

  bool is_free(const Box& box, const figure::Point& point) const {
    for (const Box& other : taken_)
      if (box.begin < other.end + mark && other.begin < box.end + mark && std::abs(box.y - other.y) < line)
        return false;
    for (const figure::Point& other : points_) {
      const double from_left = x(other) - x(point), from_below = y(other) - y(point);
      const bool joined = std::abs(from_left) < mark && std::abs(from_below) < mark;  // one mark for the reader
      if (!joined && box.begin < x(other) + mark && x(other) - mark < box.end &&
          std::abs(box.y - y(other)) < 0.7 * line)
        return false;
    }
    return box.begin >= 0;
  }
  double x(const figure::Point& point) const { return x_scale_ * (point.x - x_.low); }
  double y(const figure::Point& point) const { return y_scale_ * (point.y - y_.low); }

  const std::vector<figure::Point>& points_;
  Range x_, y_;
  double x_scale_ = 1, y_scale_ = 1;
  std::vector<Box> taken_;
};

/// Labels as gnuplot commands, in quotes in which gnuplot interprets nothing. Names that would cover earlier ones
/// or points are left out; the table of numbers contains all.
inline std::string point_names(const figure::Scatter& scatter) {
  std::string commands;
  LabelSpace space(scatter);
  for (const figure::Point& point : scatter.points) {
    if (point.name.empty() || !is_finite(point.x) || !is_finite(point.y)) continue;
    const bool right = space.take(point, true);
    if (right || space.take(point, false))
      commands += text("set label ", detail::gnuplot_quoted(point.name), " at ", point.x, ",", point.y,
                       right ? " left front offset 0.6" : " right front offset -0.6", ",0.3 font 'sans,15'\n");
  }
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
                          "set autoscale fix\nset offsets graph 0.05, graph 0.15, graph 0.05, graph 0.05\n",
                          point_names(scatter), group_plots(scatter.groups, scatter.points.size()));
  return picture;
}

}  // namespace figure
}  // namespace unroll
