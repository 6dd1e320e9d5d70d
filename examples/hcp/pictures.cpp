#include "pictures.hpp"

#include <cmath>

#include "../support/names.hpp"
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
  if (results.test && results.cross_validation)
    curves.series.push_back(
        figure::over_steps("cross-validation", per_cent(results.cross_validation->at_step, &Interval::value)));
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

void add_pictures(Report& report, const Data& data, const Results& results) {
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
      "confusion", figure::Confusion{{}, scores.confusion, data.classes, "seconds"},
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

/// Mean attention over the recordings, by step read and step of the output; NaN where no recording has both steps.
MatrixX<double> mean_attention(const Model& model, const Dataset<float>& clips) {
  constexpr Index most = 100;  // recordings
  Index longest = 0;
  const Index count = std::min(most, clips.size());
  for (Index s = 0; s < count; ++s) longest = std::max(longest, clips.length(s));
  MatrixX<double> sum = MatrixX<double>::Zero(longest, longest), recordings = sum;
  for (Index s = 0; s < count; ++s) {
    const MatrixX<double> weights = model.attention(clips.sequence(s));
    sum.topLeftCorner(weights.rows(), weights.cols()) += weights;
    recordings.topLeftCorner(weights.rows(), weights.cols()).array() += 1;
  }
  return sum.cwiseQuotient(recordings);
}

void add_attention(Report& report, const Data& data, const std::vector<Index>& shown, const Model& model) {
  const Part part = part_of(data, shown);
  const MatrixX<double> one = model.attention(part.clips.sequence(0));
  if (one.size() == 0) return;
  const auto map = [](const MatrixX<double>& weights) {
    return figure::HeatMap{.title = {},
                           .x = {"time of the output (s)"},
                           .y = {"time that is attended to (s)"},
                           .value = "attention (%)",
                           .values = 100 * weights,
                           .low = 0};
  };
  const std::string participant = data.participants[std::size_t(shown[std::size_t(part.group.front())])],
                    clip = data.classes[std::size_t(std::max<Index>(0, part.clips.labels(0)[0]))];
  report.heading("Attention");
  report.figure("attention_mean", map(mean_attention(model, part.clips)),
                "Attention weights (%), mean over recordings of the tested participants: time of the output (columns) "
                "and time that is attended to (rows), in seconds.",
                "Weights of one output add up to 100 %; later steps are not attended to.");
  report.figure("attention", map(one),
                text("Attention weights (%) of one recording: participant ", participant, ", ", clip, "."),
                text("The largest weight is ", TableValue(100 * one.maxCoeff()).rounded(), " %."));
}

void add_results(Report& report, const Model* model, const Results& results) {
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
  if (results.runs.size() > 1) {
    VectorX<double> accuracies(Index(results.runs.size()));
    for (std::size_t k = 0; k < results.runs.size(); ++k)
      accuracies[Index(k)] =
          100 * (results.runs[k].test ? *results.runs[k].test : *results.runs[k].cross_validation).value;
    const Summary summary = summarize(accuracies);
    report.metric({"accuracy over seeds", summary.mean, summary.sample_deviation, "%",
                   text("mean and sample standard deviation of ", summary.count, " seeds")});
  }
  if (model != nullptr) report.metric({.name = "parameters", .value = double(model->parameters())});
  double seconds = 0;
  for (const Run& run : results.runs) seconds += run.training.seconds();
  if (seconds > 0) report.metric({.name = "training time", .value = seconds, .unit = "s"});
}

DataTable runs_table(const Results& results) {
  const auto value = [](const std::optional<Interval>& i) { return i ? 100 * i->value : std::nan(""); };
  DataTable table{{"seed", "cross-validation accuracy (%)", "test accuracy (%)", "balanced test accuracy (%)", "epochs",
                   "best epoch"},
                  {}};
  for (const Run& run : results.runs)
    table.rows.push_back({run.seed, value(run.cross_validation), value(run.test), value(run.balanced),
                          run.training.history.size(),
                          run.training.best_epoch > 0 ? double(run.training.best_epoch) : std::nan("")});
  return table;
}

void add_training(Report& report, const Results& results) {
  std::vector<History> histories;
  for (const Run& run : results.runs)
    if (!run.training.history.empty()) histories.push_back(run.training.history);
  if (histories.empty()) return;
  report.heading("Training");
  report.figure("loss", figure::learning_curves(histories), "Loss (nats) against the epoch.",
                text("The training loss of the last epoch of the first run is ", histories.front().back().loss, "."));
  report.table("runs", runs_table(results),
               "Runs. The saved model is selected by the cross-validation, otherwise by the validation loss.");
}

}  // namespace

std::string write_report(const std::filesystem::path& folder, const nlohmann::json& settings, const Data& data,
                         const std::vector<Index>& shown, const Model* model, const Results& results) {
  const bool trained = !results.runs.empty() && !results.runs.front().training.history.empty();
  Report report(text("Brain decoding",
                     results.leak ? ", leak test"
                     : trained    ? ""
                                  : ", evaluation",
                     ": ", settings.at("data") == "" ? "synthetic data" : example::title_of(data.source)),
                folder);
  report.paragraph(
      results.leak
          ? text("Data: ", data.source, ".")
          : text("Data: ", data.source, ". Tested on ", tested_text(results),
                 ". Test data are used once, for the saved settings; settings are to be selected by cross-validation ",
                 "or validation data."));
  if (!results.tested.trained_on.empty()) report.paragraph("Of the tested " + known_text(results));
  report.settings(named_values(settings));
  report.environment(environment(example::today()));
  if (results.test || results.cross_validation) {
    add_results(report, model, results);
    add_pictures(report, data, results);
  }
  add_training(report, results);
  if (model != nullptr && !shown.empty()) add_attention(report, data, shown, *model);
  if (results.leak) add_controls(report, *results.leak);
  report.file("metrics.json", "all printed numbers");
  if (trained) report.file("model.safetensors", "the trained model");
  report.write();
  return report.missing();
}

}  // namespace hcp
