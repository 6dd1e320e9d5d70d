#include "pictures.hpp"

#include "../support/today.hpp"
#include "report.hpp"
#include "unroll/report/bars.hpp"
#include "unroll/report/curves.hpp"
#include "unroll/report/heat_map.hpp"
#include "unroll/report/report.hpp"

namespace hcp {

using namespace unroll;

namespace {

std::vector<double> per_cent(const std::vector<GroupedHits>& steps, double Interval::*number) {
  std::vector<double> values;
  for (const GroupedHits& hits : steps) values.push_back(100 * (hits.accuracy().*number));
  return values;
}

figure::Curves accuracy_over_time(const Results& results) {
  const Scores& scores = results.main();
  figure::Curves curves{
      .title = {}, .x = {"time since the beginning of the clip (s)"}, .y = {"accuracy (%)", 0, 100}, .series = {}};
  figure::Series accuracy = figure::over_steps("accuracy, 95 % confidence limits over participants",
                                               per_cent(scores.at_step, &Interval::value));
  accuracy.low = per_cent(scores.at_step, &Interval::low), accuracy.high = per_cent(scores.at_step, &Interval::high);
  curves.series.push_back(std::move(accuracy));
  if (results.test && results.validation)
    curves.series.push_back(
        figure::over_steps("cross-validation", per_cent(results.validation->at_step, &Interval::value)));
  std::vector<double> chance = results.chance.at_step;
  for (double& share : chance) share *= 100;
  figure::Series most_frequent = figure::over_steps("most frequent clip", std::move(chance));
  most_frequent.line = Line::steps, most_frequent.reference = true;
  curves.series.push_back(std::move(most_frequent));
  return curves;
}

figure::Curves sequences_over_time(const Scores& scores) {
  figure::Series left = figure::over_steps("sequences", {scores.sequences_at.begin(), scores.sequences_at.end()});
  left.line = Line::steps;
  return {.title = {},
          .x = {"time since the beginning of the clip (s)"},
          .y = {"number of sequences", 0},
          .series = {left}};
}

figure::Bars control_bars(const LeakReport& leak) {
  figure::Bars bars{.title = {},
                    .value = {"balanced accuracy (%)", 0, 100},
                    .bars = {},
                    .limits = "95 % confidence limits",
                    .reference = "chance"};
  for (const ControlResult& result : leak.controls)
    bars.bars.push_back({std::string(name(result.control)), 100 * result.balanced.value, 100 * result.balanced.low,
                         100 * result.balanced.high, 100 * result.balanced_chance});
  return bars;
}

DataTable control_runs(const LeakReport& leak) {
  DataTable table{{"control", "repeat", "accuracy", "chance", "balanced accuracy", "balanced chance"}, {}};
  for (const ControlResult& result : leak.controls)
    for (std::size_t k = 0; k < result.accuracies.size(); ++k)
      table.rows.push_back({std::string(name(result.control)), k + 1, result.accuracies[k], result.chance,
                            result.balanced_values[k], result.balanced_chance});
  return table;
}

void add_pictures(Report& report, const Results& results) {
  const Scores& scores = results.main();
  const auto at = [&](std::size_t t) { return percent_text(scores.at_step[t].accuracy()); };
  report.figure(
      "accuracy", accuracy_over_time(results), "Accuracy (%) against the time since the beginning of the clip (s).",
      text("Accuracy is ", at(0), " in the first second and ", at(scores.at_step.size() - 1), " in the last."));
  report.figure("sequences", sequences_over_time(scores),
                "Number of sequences against the time since the beginning of the clip (s); clips differ in length.",
                text(scores.sequences_at.front(), " sequences in the first second, ", scores.sequences_at.back(),
                     " in the last."));
  report.figure(
      "confusion", figure::Confusion{{}, scores.confusion.counts(), clip_names(), "seconds"},
      "Confusion matrix: true clip (rows) and predicted clip (columns), in % of the seconds of the true clip.",
      text("The diagonal contains the correct predictions: ", percent_text(scores.steps.accuracy()),
           " of all seconds."));
}

void add_controls(Report& report, const LeakReport& leak) {
  report.heading("Leak test");
  report.paragraph(leak.verdict());
  report.figure("controls", control_bars(leak), "Balanced accuracy (%) of each control, with chance levels.",
                leak.verdict());
  report.table("control_runs", control_runs(leak), "Runs of the controls");
}

void add_results(Report& report, const Model& model, const Results& results) {
  const GroupedHits& steps = results.main().steps;
  const auto share = [&](const char* what, const Interval& i) {
    report.metric({.name = what,
                   .value = 100 * i.value,
                   .unit = "%",
                   .note = text("95 % confidence limits ", TableValue(100 * i.low).rounded(), " to ",
                                TableValue(100 * i.high).rounded())});
  };
  share("accuracy", steps.accuracy());
  share("balanced accuracy", steps.balanced_accuracy());
  if (results.all_tested) {
    share(("accuracy of " + all_tested_text(results)).c_str(), results.all_tested->steps.accuracy());
    share(("balanced accuracy of " + all_tested_text(results)).c_str(), results.all_tested->steps.balanced_accuracy());
  }
  report.metric({.name = "chance, most frequent clip", .value = 100 * results.chance.majority, .unit = "%"});
  report.metric(
      {.name = "chance, most frequent clip of each second", .value = 100 * results.chance.per_step, .unit = "%"});
  report.metric({.name = "parameters", .value = double(model.parameters())});
  if (!results.history.empty()) report.metric({.name = "training time", .value = results.seconds, .unit = "s"});
}

}  // namespace

std::string write_report(const std::filesystem::path& folder, const Options& options, const Data& data,
                         const Model& model, const Results& results) {
  Report report("HCP study: movie clips from brain activity", folder);
  report.paragraph(text("Data: ", data.source, ". Tested on ", tested_text(results), "."));
  report.settings(settings_of(options));
  report.environment(environment(example::today()));
  add_results(report, model, results);
  add_pictures(report, results);
  if (!results.history.empty())
    report.figure("loss", figure::learning_curves({results.history}), "Training loss (nats) against the epoch.",
                  text("The loss of the last epoch is ", results.history.back().loss, "."));
  if (results.leak) add_controls(report, *results.leak);
  report.file("metrics.json", "all printed numbers");
  if (options.load.empty()) report.file("model.safetensors", "the trained model");
  report.write();
  return report.missing();
}

}  // namespace hcp
