#pragma once

#include "unroll/report/picture.hpp"

namespace unroll {
namespace figure {

/// Bar of a bar chart.
struct Bar {
  std::string name;
  double value = 0;
  double low = NAN, high = NAN;  ///< confidence limits; NaN: none
  double reference = NAN;        ///< mark for comparison; NaN: none
};

/// Bar chart: named results with confidence limits and reference values.
struct Bars {
  std::string title;  ///< may be empty
  Axis value;
  std::vector<Bar> bars;       ///< from top to bottom
  std::string limits = {};     ///< description of the limits: "95 % limits"
  std::string reference = {};  ///< description of the reference marks: "chance"
};

}  // namespace figure

namespace detail {

inline DataTable numbers_of(const figure::Bars& bars) {
  DataTable table{{"place", "name", bars.value.title, "low", "high", "reference"}, {}};
  for (const figure::Bar& bar : bars.bars)
    table.rows.push_back({table.rows.size(), bar.name, bar.value, bar.low, bar.high, bar.reference});
  return table;
}

inline bool any_number(const std::vector<figure::Bar>& bars, double figure::Bar::*number) {
  return std::any_of(bars.begin(), bars.end(), [&](const figure::Bar& bar) { return is_finite(bar.*number); });
}

/// Table for readers, without the columns that no bar uses.
inline DataTable shown_of(const figure::Bars& bars) {
  const bool limits = any_number(bars.bars, &figure::Bar::low),
             reference = any_number(bars.bars, &figure::Bar::reference);
  DataTable table{{"", bars.value.title}, {}};
  if (limits) table.columns.insert(table.columns.end(), {"low", "high"});
  if (reference) table.columns.push_back(bars.reference);
  for (const figure::Bar& bar : bars.bars) {
    table.rows.push_back({bar.name, bar.value});
    if (limits) table.rows.back().insert(table.rows.back().end(), {bar.low, bar.high});
    if (reference) table.rows.back().push_back(bar.reference);
  }
  return table;
}

inline std::string bar_plots(const figure::Bars& bars) {
  std::string plots = "plot data skip 1 using (0):1:(0):3:($1-0.32):($1+0.32) with boxxyerror lc rgb '#56b4e9' notitle";
  if (any_number(bars.bars, &figure::Bar::low))
    plots += text(", \\\n     data skip 1 using 3:1:4:5 with xerrorbars pt 7 ps 0.5 lw 2 lc rgb '#000000' title ",
                  detail::gnuplot_quoted(bars.limits));
  if (any_number(bars.bars, &figure::Bar::reference))
    plots +=
        text(", \\\n     data skip 1 using 6:($1-0.42):(0):(0.84) with vectors nohead lw 3 lc rgb '#d55e00' title ",
             detail::gnuplot_quoted(bars.reference));
  return plots + "\n";
}

}  // namespace detail

namespace figure {

/// Picture of a bar chart. Throws ShapeError if there are no bars.
inline Picture picture(const Bars& bars) {
  using namespace detail;
  require<ShapeError>(!bars.bars.empty(), "bars: bars must have at least 1 entry, got 0");
  std::vector<std::string> names;
  for (const Bar& bar : bars.bars) names.push_back(bar.name);
  const Head head(bars.title, std::size_t(any_number(bars.bars, &Bar::low)) + any_number(bars.bars, &Bar::reference));
  const int left = 9 * int(std::min<std::size_t>(longest(names), 60)) + 24, count = int(bars.bars.size());
  Picture picture{numbers_of(bars), shown_of(bars), {}, std::max(640, left + 300), head.height() + 40 * count + 70};
  picture.commands =
      text(head.commands(picture.height), "set lmargin at screen ", double(left) / picture.width, "\n",
           axis_commands("x", bars.value), "set yrange [", count - 0.5, ":-0.5]\nset ytics scale 0 ", tics(names),
           "\nset grid xtics lc rgb '#e5e5e5'\nset style fill solid 0.8 noborder\n", bar_plots(bars));
  return picture;
}

}  // namespace figure
}  // namespace unroll
