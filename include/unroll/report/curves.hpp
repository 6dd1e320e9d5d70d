#pragma once

#include <map>
#include <utility>

#include "unroll/report/picture.hpp"
#include "unroll/train/history.hpp"

namespace unroll {

enum class Line { solid, dashed, steps, points, points_and_line };

namespace figure {

/// Line of a line chart. Values that are not finite are left out, in the line and in its band.
struct Series {
  std::string name;
  std::vector<double> x, y;
  std::vector<double> low = {}, high = {};  ///< limits of a band around y; empty: none
  Line line = Line::solid;
  bool reference = false;  ///< drawn in grey, as a reference for the other lines
};

/// Line chart, for example of learning curves, accuracy over steps or gradient flow.
struct Curves {
  std::string title;  ///< may be empty
  Axis x, y;
  std::vector<Series> series;
  std::string band = {};  ///< description of the bands: "range of 3 runs"
};

/// Line over consecutive steps from `first` on.
inline Series over_steps(std::string name, std::vector<double> y, double first = 0) {
  Series series{.name = std::move(name), .x = {}, .y = std::move(y)};
  for (std::size_t k = 0; k < series.y.size(); ++k) series.x.push_back(first + double(k));
  return series;
}

/// Constant reference line from `low` to `high`, for example a chance level.
inline Series level(std::string name, double value, double low, double high) {
  return {.name = std::move(name), .x = {low, high}, .y = {value, value}, .line = Line::dashed, .reference = true};
}

/// Mean over several runs, with smallest and largest value as a band. Shorter runs count as far as they reach.
inline Series over_runs(std::string name, const std::vector<std::vector<double>>& runs, double first = 1) {
  std::size_t steps = 0;
  for (const auto& run : runs) steps = std::max(steps, run.size());
  Series series = over_steps(std::move(name), std::vector<double>(steps), first);
  for (std::size_t k = 0; k < steps; ++k) {
    double sum = 0, low = HUGE_VAL, high = -HUGE_VAL;
    int count = 0;
    for (const auto& run : runs) {
      if (k >= run.size() || !is_finite(run[k])) continue;
      sum += run[k], low = std::min(low, run[k]), high = std::max(high, run[k]), ++count;
    }
    series.y[k] = sum / count;  // NaN without values: left out
    if (runs.size() > 1) series.low.push_back(low), series.high.push_back(high);
  }
  return series;
}

/// Measurement of every epoch, per run: `epochs_of(histories, &Epoch::loss)`; scale 100 gives per cent.
inline std::vector<std::vector<double>> epochs_of(const std::vector<History>& runs, double Epoch::*number,
                                                  double scale = 1) {
  std::vector<std::vector<double>> values;
  for (const History& run : runs) {
    values.emplace_back();
    for (const Epoch& epoch : run) values.back().push_back(scale * (epoch.*number));
  }
  return values;
}

/// Learning curves: training and validation loss after every epoch, mean and range over the runs.
inline Curves learning_curves(const std::vector<History>& runs, const std::string& unit = "nats") {
  Curves curves{
      .title = {}, .x = {"epoch"}, .y = {text("loss (", unit, ")")}, .series = {}, .band = "range of the runs"};
  curves.series.push_back(over_runs("training", epochs_of(runs, &Epoch::loss)));
  const Series watched = over_runs("validation", epochs_of(runs, &Epoch::validation_loss));
  if (std::any_of(watched.y.begin(), watched.y.end(), [](double y) { return is_finite(y); }))
    curves.series.push_back(watched);
  return curves;
}

}  // namespace figure

namespace detail {

inline bool has_band(const figure::Series& series) { return !series.low.empty(); }

inline void check_series(const figure::Series& series) {
  const std::size_t n = series.x.size();
  require<ShapeError>(series.y.size() == n, "curves: '", series.name, "' must have ", n,
                      " values, one for each place, got ", series.y.size());
  require<ShapeError>(series.low.size() == series.high.size() && (!has_band(series) || series.low.size() == n),
                      "curves: the band of '", series.name, "' must have ", n,
                      " lower and upper limits, one for each value, got ", series.low.size(), " and ",
                      series.high.size());
}

/// Table with one row for each point of each line.
inline DataTable numbers_of(const figure::Curves& curves) {
  DataTable table{{"line", "name", curves.x.title, curves.y.title, "low", "high"}, {}};
  for (std::size_t s = 0; s < curves.series.size(); ++s) {
    const figure::Series& series = curves.series[s];
    check_series(series);
    for (std::size_t k = 0; k < series.x.size(); ++k)
      table.rows.push_back({s, series.name, series.x[k], series.y[k], has_band(series) ? series.low[k] : NAN,
                            has_band(series) ? series.high[k] : NAN});
  }
  return table;
}

/// Table for readers: one column per line, one row per x. If a line is not increasing in x (such as a ROC curve), the
/// same table as `numbers_of`.
inline DataTable shown_of(const figure::Curves& curves) {
  std::map<double, std::size_t> row_of;
  bool once = true;
  for (const figure::Series& series : curves.series)
    for (std::size_t k = 0; k < series.x.size(); ++k) {
      row_of.emplace(series.x[k], 0);
      once = once && (k == 0 || series.x[k - 1] < series.x[k]);
    }
  if (!once) return numbers_of(curves);
  DataTable table{{curves.x.title}, {}};
  for (auto& [x, row] : row_of) row = table.rows.size(), table.rows.push_back({x});
  const auto add = [&](const std::string& name, const figure::Series& series, const std::vector<double>& values) {
    table.columns.push_back(name);
    for (auto& row : table.rows) row.push_back(NAN);
    for (std::size_t k = 0; k < series.x.size(); ++k) table.rows[row_of.at(series.x[k])].back() = values[k];
  };
  for (const figure::Series& series : curves.series) {
    add(series.name, series, series.y);
    if (has_band(series))
      add(series.name + ", low", series, series.low), add(series.name + ", high", series, series.high);
  }
  return table;
}

inline std::string look(const figure::Series& series, std::size_t number) {
  const std::string colour = text(" lc rgb '", series.reference ? "#666666" : colours[number % colours.size()], "'");
  const int point = point_type(number);
  const std::string dash = series.reference || series.line == Line::dashed ? " dt 2"
                           : number >= colours.size()                      ? " dt 4"
                                                                           : "";
  switch (series.x.size() == 1 ? Line::points : series.line) {  // a line needs two places
    case Line::points:
      return text("points pt ", point, " ps 0.8", colour);
    case Line::points_and_line:
      return text("linespoints lw 2.5 pt ", point, " ps 0.8", colour, dash);
    case Line::steps:
      return text("steps lw 2.5", colour, dash);
    default:
      return text("lines lw ", series.reference ? 2 : 3, colour, dash);
  }
}

/// Whether x has only a few whole values, such as epochs, between which there are no tics.
inline bool few_whole_places(const figure::Curves& curves) {
  double low = HUGE_VAL, high = -HUGE_VAL;
  for (const figure::Series& series : curves.series)
    for (const double x : series.x) {
      if (x != std::floor(x)) return false;
      low = std::min(low, x), high = std::max(high, x);
    }
  return high - low <= 10 && !curves.x.logarithmic;
}

inline std::string line_of(std::size_t s, const char* columns) {
  return text("data skip 1 using ($1 == ", s, " ? $3 : NaN):", columns, " with ");
}

}  // namespace detail

namespace figure {

/// Picture of a line chart. Throws ShapeError if there are no lines or the vectors of a line differ in length.
inline Picture picture(const figure::Curves& curves) {
  using namespace detail;
  require<ShapeError>(!curves.series.empty(), "curves: series must have at least 1 entry, got 0");
  const Head head(curves.title, curves.series.size());
  Picture picture{numbers_of(curves), shown_of(curves), {}, 640, 340 + head.height()};
  std::string plots;
  const auto add = [&](const std::string& plot) { plots += (plots.empty() ? "plot " : ", \\\n     ") + plot; };
  std::size_t number = 0;
  for (std::size_t s = 0; s < curves.series.size(); ++s) {
    const figure::Series& series = curves.series[s];
    const std::size_t colour = series.reference ? 0 : number++;
    if (has_band(series))
      add(text(line_of(s, "5:6"), "filledcurves lc rgb '", colours[colour % colours.size()], "' notitle"));
    add(text(line_of(s, "4"), look(series, colour), " title ", detail::gnuplot_quoted(series.name)));
  }
  picture.commands =
      text(head.commands(picture.height), axis_commands("x", curves.x), axis_commands("y", curves.y),
           few_whole_places(curves) ? "set xtics 1\n" : "", "set grid ytics lc rgb '#e5e5e5'\n", plots, "\n");
  return picture;
}

}  // namespace figure
}  // namespace unroll
