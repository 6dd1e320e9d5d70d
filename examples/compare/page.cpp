#include "page.hpp"

#include <algorithm>
#include <map>

#include "../support/format.hpp"
#include "../support/names.hpp"
#include "../support/today.hpp"
#include "unroll/report/bars.hpp"
#include "unroll/report/curves.hpp"
#include "unroll/report/report.hpp"

namespace compare {

using namespace unroll;
using example::format;
using example::ItemMeasure;
using unroll::detail::in_quotes;

namespace {

const double none = Epoch::none;

std::string with_unit(const std::string& name, const std::string& unit) {
  return unit.empty() ? name : text(name, " (", unit, ")");
}

/// First run with the measure of the tests.
const Run& run_with_measure(const Comparison& comparison) {
  return *std::ranges::find_if(comparison.runs,
                               [&](const Run& run) { return run.measure(comparison.measure) != nullptr; });
}
const ItemMeasure& tested_measure(const Comparison& comparison) {
  return *run_with_measure(comparison).measure(comparison.measure);
}

/// Text of a share or a number: three significant digits after small p values.
std::string p_text(double p) { return p < 1e-4 ? "< 0.0001" : format("%.2g", p); }

DataTable runs_table(const std::vector<Run>& runs) {
  DataTable table{{"run", "program", "seeds", "epochs", "tested", "folder"}, {}};
  for (const Run& run : runs) {
    std::size_t epochs = 0;
    for (const example::EpochValues& curve : run.scores.curves)
      for (const auto& values : curve.seeds) epochs = std::max(epochs, values.size());
    const std::size_t items = run.scores.measures.empty() ? 0 : run.scores.measures.front().seeds.front().parts.size();
    table.rows.push_back({run.label, run.program() + " " + run.verb(), run.scores.seeds.size(), epochs,
                          items == 0 ? std::string("-") : text(items, " ", run.scores.items), run.folder.string()});
  }
  return table;
}

DataTable settings_table(const Comparison& comparison) {
  DataTable table{{"setting"}, {}};
  for (const Run& run : comparison.runs) table.columns.push_back(run.label);
  for (const Setting& setting : settings_that_differ(comparison.runs)) {
    std::vector<TableValue> row{setting.name == "fingerprint" ? std::string("fingerprint of the data") : setting.name};
    row.insert(row.end(), setting.values.begin(), setting.values.end());
    table.rows.push_back(std::move(row));
  }
  return table;
}

DataTable measures_table(const std::vector<Run>& runs) {
  DataTable table{
      {"measure", "run", "value", "low", "high", "limits over", "seeds", "low over seeds", "high over seeds"}, {}};
  for (const std::string& name : measure_names(runs))
    for (const Run& run : runs) {
      const ItemMeasure* const measure = run.measure(name);
      if (measure == nullptr) continue;
      const Value value = value_of(run, *measure);
      const Limits units = value.over_units.value_or(Limits{none, none}),
                   seeds = value.over_seeds.value_or(Limits{none, none});
      table.rows.push_back({with_unit(name, measure->unit), run.label, value.value, units.low, units.high,
                            text(units_of(run, *measure).size(), " ", run.units()), run.scores.seeds.size(), seeds.low,
                            seeds.high});
    }
  return table;
}

DataTable tests_table(const Comparison& comparison) {
  const std::string unit = with_unit("difference", tested_measure(comparison).unit);
  DataTable table{{"runs", unit, "low", "high", "test", "p", "p, Holm"}, {}};
  for (const PairTest& pair : comparison.tests)
    if (pair.refused.empty())
      table.rows.push_back({text(comparison.runs[pair.first].label, " - ", comparison.runs[pair.second].label),
                            pair.difference, pair.limits.low, pair.limits.high, pair.method, pair.p, pair.corrected});
  return table;
}

std::string refused_text(const Comparison& comparison, const PairTest& pair) {
  return text("No paired test of ", in_quotes(comparison.runs[pair.first].label), " and ",
              in_quotes(comparison.runs[pair.second].label), ": ", pair.refused, ".");
}

/// Lines of all runs in a picture for each name and unit of curves.
std::map<std::pair<std::string, std::string>, figure::Curves> curves_of(const std::vector<Run>& runs) {
  std::map<std::pair<std::string, std::string>, figure::Curves> all;
  for (const Run& run : runs)
    for (const example::EpochValues& curve : run.scores.curves) {
      figure::Curves& picture = all[{curve.name, curve.unit}];
      picture.x.title = "epoch", picture.y.title = with_unit(curve.name, curve.unit);
      picture.band = "range of the seeds";
      picture.series.push_back(figure::over_runs(run.label, curve.seeds));
    }
  return all;
}

/// Curve at the last epoch of each run: "gru 0.12, lstm 0.31".
std::string last_values(const figure::Curves& curves) {
  std::string all;
  for (const figure::Series& series : curves.series)
    if (!series.y.empty())
      all += text(all.empty() ? "" : ", ", series.name, " ", TableValue(series.y.back()).rounded());
  return all;
}

void add_curves(Report& report, const std::vector<Run>& runs) {
  report.heading("Curves");
  std::size_t number = 0;
  for (const auto& [key, curves] : curves_of(runs)) {
    const std::string spread = std::ranges::any_of(curves.series, [](const auto& s) { return !s.low.empty(); })
                                   ? " Lines are means over the seeds, bands their range."
                                   : "";
    report.figure(text("curve_", ++number), curves, text(curves.y.title, " after every epoch.", spread),
                  text("Last values: ", last_values(curves), "."));
  }
  if (number == 0) report.paragraph("The runs have no values after epochs.");
}

void add_measures(Report& report, const Comparison& comparison) {
  report.heading("Measures");
  if (comparison.measure.empty()) {
    report.paragraph("The runs tested nothing, so they have no measures.");
    return;
  }
  const ItemMeasure& measure = tested_measure(comparison);
  figure::Bars bars{.title = {}, .value = {with_unit(measure.name, measure.unit)}, .bars = {}, .limits = "95 % limits"};
  for (const Run& run : comparison.runs) {
    const ItemMeasure* const own = run.measure(measure.name);
    if (own == nullptr || own->unit != measure.unit) continue;
    const Value value = value_of(run, *own);
    const Limits limits = value.over_units.value_or(Limits{none, none});
    bars.bars.push_back({run.label, value.value, limits.low, limits.high});
    report.metric({.name = text(run.label, ": ", measure.name),
                   .value = value.value,
                   .unit = measure.unit,
                   .note = value.over_units ? format("95 %% limits %.4g to %.4g over %s", limits.low, limits.high,
                                                     run.units().c_str())
                                            : std::string()});
  }
  report.figure(
      "measure", bars,
      text(with_unit(measure.name, measure.unit), ", ", measure.larger_is_better ? "larger" : "smaller", " is better."),
      "The numbers are in the table of measures.");
  report.table(
      "measures", measures_table(comparison.runs),
      "Final measures. Values are means over the seeds. Low and high are 95 % limits by the percentile bootstrap "
      "over the tested units; those over seeds are limits of the mean by Student's t.");
  report.paragraph(
      "Limits over units describe other units, such as other people, with the same trained networks: units must be "
      "independent. Limits over seeds describe other seeds with the same data: values of the seeds must be about "
      "normal. Runs with different test data are not comparable by these values.");
}

std::size_t count_of(const Comparison& comparison, const std::string& method) {
  return std::size_t(std::ranges::count_if(
      comparison.tests, [&](const PairTest& pair) { return pair.refused.empty() && pair.method.starts_with(method); }));
}

void add_tests(Report& report, const Comparison& comparison) {
  report.heading("Paired tests");
  const DataTable table = comparison.measure.empty() ? DataTable() : tests_table(comparison);
  if (!table.rows.empty()) {
    const bool larger = tested_measure(comparison).larger_is_better;
    report.table(
        "tests", table,
        text("Paired tests of ", comparison.measure, ", two-sided. The first run is better if the difference is ",
             larger ? "positive" : "negative", "; low and high are its 95 % limits by the paired bootstrap."));
    const std::string& units = run_with_measure(comparison).units();
    if (count_of(comparison, "McNemar") > 0)
      report.paragraph(text("The exact McNemar test compares the ", units,
                            " that only one of two runs has right; it assumes that ", units, " are independent."));
    if (count_of(comparison, "permutation") > 0)
      report.paragraph(text(
          "The paired permutation test exchanges the two runs within each of the ", units, "; it assumes that ", units,
          " are independent and that both runs could be exchanged if they were equally good. p is at least ",
          "2 divided by the number of exchanges, 2 to the number of ", units, "."));
    if (table.rows.size() > 1)
      report.paragraph(
          text("Holm's correction for ", table.rows.size(),
               " tests limits the probability of one or more false positives; it assumes nothing about how "
               "the tests depend on each other."));
    report.paragraph("A test describes the trained networks on other test data, not the settings with other seeds.");
  }
  for (const PairTest& pair : comparison.tests)
    if (!pair.refused.empty()) report.paragraph(refused_text(comparison, pair));
  if (comparison.measure.empty()) report.paragraph("There is no measure to test.");
}

}  // namespace

Comparison compare_runs(std::vector<Run> runs, const std::string& measure) {
  Comparison comparison{.runs = std::move(runs), .measure = measure, .tests = {}};
  const std::vector<std::string> names = measure_names(comparison.runs);
  if (measure.empty() && !names.empty()) comparison.measure = names.front();
  require<ValueError>(measure.empty() || std::ranges::find(names, measure) != names.end(), "--measure must be ",
                      names.empty() ? "left out, because the runs have none" : example::any_of(names), ", got ",
                      [&] { return in_quotes(measure); });
  if (!comparison.measure.empty()) comparison.tests = test_pairs(comparison.runs, comparison.measure);
  return comparison;
}

std::string text_of(const Comparison& comparison) {
  DataTable values{{"measure", "run", "value", "95 % limits", "over"}, {}};
  for (const auto& row : measures_table(comparison.runs).rows)
    values.rows.push_back({row[0], row[1], row[2].rounded(),
                           row[3].is_missing() ? std::string() : text(row[3].rounded(), " to ", row[4].rounded()),
                           row[5]});
  std::string lines = values.rows.empty() ? "the runs have no measures\n" : to_text(values);
  const DataTable tests = comparison.measure.empty() ? DataTable() : tests_table(comparison);
  if (!tests.rows.empty()) {
    DataTable shown{{"runs", tests.columns[1], "95 % limits", "test", "p", "p, Holm"}, {}};
    for (const auto& row : tests.rows)
      shown.rows.push_back({row[0], row[1].rounded(), text(row[2].rounded(), " to ", row[3].rounded()), row[4],
                            p_text(row[5].number()), p_text(row[6].number())});
    lines += text("\npaired tests of ", comparison.measure, "\n", to_text(shown));
  }
  for (const PairTest& pair : comparison.tests)
    if (!pair.refused.empty()) lines += refused_text(comparison, pair) + "\n";
  return lines;
}

std::string write_page(const Comparison& comparison, const std::filesystem::path& folder) {
  Report report(text("Comparison of ", comparison.runs.size(), " runs"), folder);
  report.heading("Runs");
  report.table("runs", runs_table(comparison.runs), "Compared runs.");
  const DataTable settings = settings_table(comparison);
  if (settings.rows.empty())
    report.paragraph("The settings of all runs are equal.");
  else
    report.table("settings", settings, "Settings that differ. An empty cell: the program has no such setting.");
  add_measures(report, comparison);
  add_tests(report, comparison);
  add_curves(report, comparison.runs);
  report.environment(environment(example::today()));
  for (const Run& run : comparison.runs)
    if (const auto page = std::filesystem::canonical(run.folder) / "report.html"; std::filesystem::exists(page))
      report.file(page.lexically_relative(std::filesystem::canonical(folder)).generic_string(),
                  text("page of the run ", in_quotes(run.label)));
  report.write();
  return report.missing();
}

}  // namespace compare
