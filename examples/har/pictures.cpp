#include "pictures.hpp"

#include <cmath>

#include "../support/format.hpp"
#include "../support/today.hpp"
#include "report.hpp"
#include "stream_report.hpp"
#include "study_report.hpp"
#include "unroll/report/bars.hpp"
#include "unroll/report/curves.hpp"
#include "unroll/report/heat_map.hpp"
#include "unroll/report/report.hpp"

namespace har {

using namespace unroll;
using example::format;

namespace {

Metric metric_of(const std::string& name, const Summary& summary) {
  const bool several = summary.count > 1;
  return {.name = name,
          .value = 100 * summary.mean,
          .deviation = several ? 100 * summary.sample_deviation : Epoch::none,
          .unit = "%",
          .note = several ? text("mean and sample standard deviation of ", summary.count, " seeds") : ""};
}

/// Data monitored during training: "validation" if there are any, otherwise "test".
std::string monitored(const Options& options) { return options.validation > 0 ? "validation" : "test"; }

std::string remarks_of(const std::vector<std::string>& remarks) {
  std::string words;
  for (const std::string& remark : remarks) words += remark + ". ";
  return words;
}

figure::Series epochs(const std::string& name, const std::vector<History>& runs, double Epoch::*number,
                      double scale = 1) {
  return figure::over_runs(name, figure::epochs_of(runs, number, scale));
}

void add_curves(Report& report, const Options& options, const std::vector<History>& runs, std::size_t classes) {
  double last = 1;
  for (const History& run : runs) last = std::max(last, double(run.size()));
  const std::string band = runs.size() > 1 ? text("range of ", runs.size(), " runs") : "";
  report.figure("loss",
                figure::Curves{.title = {},
                               .x = {"epoch"},
                               .y = {"cross entropy (nats)", 0},
                               .series = {epochs("training", runs, &Epoch::loss),
                                          epochs(monitored(options), runs, &Epoch::validation_loss),
                                          figure::level("uniform probabilities", std::log(double(classes)), 1, last)},
                               .band = band},
                "Training curves: cross entropy (nats) against the epoch.",
                format("Training loss of the first run: %.3f in the first epoch, %.3f in the last.",
                       runs[0].front().loss, runs[0].back().loss));
  report.figure("accuracy",
                figure::Curves{.title = {},
                               .x = {"epoch"},
                               .y = {"top-1 accuracy (%)", 0, 100},
                               .series = {epochs("training", runs, &Epoch::accuracy, 100),
                                          epochs(monitored(options), runs, &Epoch::validation_accuracy, 100),
                                          figure::level("chance", 100 / double(classes), 1, last)},
                               .band = band},
                "Training curves: top-1 accuracy (%) against the epoch.",
                format("The %s accuracy of the first run is %.1f %% after the last epoch.", monitored(options).c_str(),
                       100 * runs[0].back().validation_accuracy));
}

void add_inspection(Report& report, const Data& data, const Inspection& seen) {
  report.heading("Network of the first seed");
  std::vector<double> accuracy;
  for (const double share : seen.accuracy) accuracy.push_back(100 * share);
  report.figure(
      "accuracy_over_steps",
      figure::Curves{.title = {},
                     .x = {"number of steps"},
                     .y = {"top-1 accuracy (%)", 0, 100},
                     .series = {{.name = "test", .x = seen.steps, .y = accuracy, .line = Line::points_and_line},
                                figure::level("chance", 100 / double(data.classes.size()), seen.steps.front(),
                                              seen.steps.back())}},
      "Top-1 accuracy (%) of truncated sequences against their number of steps.",
      format("%.1f %% with %.0f steps, %.1f %% with all steps.", accuracy.front(), seen.steps.front(),
             accuracy.back()));
  report.figure(
      "state",
      figure::HeatMap{.title = {},
                      .x = {"step"},
                      .y = {"unit"},
                      .value = "output of the unit",
                      .values = seen.state,
                      .diverging = true},
      text("Outputs of the last recurrent layer at every step of the first test sequence (", seen.sequence, ")."),
      format("Values from %.2f to %.2f.", seen.state.minCoeff(), seen.state.maxCoeff()));
  report.figure("weights",
                figure::HeatMap{.title = {},
                                .x = {"channel"},
                                .y = {"row: units of each gate"},
                                .value = "weight",
                                .values = seen.weights,
                                .diverging = true},
                text("Input weights, parameter ", seen.weight_name, "."),
                format("Values from %.2f to %.2f.", seen.weights.minCoeff(), seen.weights.maxCoeff()));
  report.figure("gradient",
                figure::Curves{.title = {},
                               .x = {"step"},
                               .y = {.title = "norm of the gradient", .logarithmic = true},
                               .series = {figure::over_steps("test sequences", seen.gradient)}},
                "Norm of the gradient of the loss with respect to the input of each step.",
                format("%.2g at the first step, %.2g at the last.", seen.gradient.front(), seen.gradient.back()));
}

void finish(Report& report, const Options& options) {
  report.settings(named_values(options_json(options)));
  report.environment(environment(example::today()));
  report.write();
}

figure::Confusion confusion(const ConfusionMatrix::Counts& counts, const std::vector<std::string>& classes,
                            const char* counted) {
  return {.title = {}, .counts = counts, .classes = classes, .counted = counted};
}

}  // namespace

std::string write_report(const std::filesystem::path& folder, const Options& options, const Data& data,
                         const std::vector<Run>& runs, const Inspection& seen) {
  Report report("HAR study: " + data.name, folder);
  report.paragraph(text(data.name, ": ", data.train.size(), " training sequences, ", data.test.size(),
                        " test sequences. ", remarks_of(data.remarks)));
  const auto tops = top_summaries(runs);
  for (std::size_t k = 0; k < tops.size(); ++k) report.metric(metric_of(text("top-", k + 1), tops[k]));
  report.metric({.name = "chance", .value = 100 * chance_levels(data.test).majority, .unit = "%"});
  report.metric({.name = "training time", .value = runs.front().seconds, .unit = "s", .note = "first seed"});
  std::vector<History> histories;
  for (const Run& run : runs) histories.push_back(run.fit.history);
  add_curves(report, options, histories, data.classes.size());
  report.figure("confusion", confusion(confusion_of_all(runs), data.classes, "sequences"),
                text("Confusion matrix, test sequences of ", runs.size(), runs.size() > 1 ? " runs" : " run",
                     ": true class (rows) and predicted class (columns), in % of the true class."),
                text("The diagonal contains the correct predictions: ", percent_text(tops[0]), "."));
  add_inspection(report, data, seen);
  report.file("model.safetensors", "network of the first seed");
  report.file("metrics.json", "all printed numbers");
  report.file("history.csv", "one line per run and epoch");
  finish(report, options);
  return report.missing();
}

// ---- the study

namespace {

DataTable table_of(const Study& study) {
  DataTable table{{"batch", "units", "rate", "validation top-1 (%)", "sd", "test top-1 (%)", "sd", "top-2 (%)", "sd",
                   "top-3 (%)", "sd", "epochs", "s per run", "diverged"},
                  {}};
  for (const Row& row : rows_of(study)) {
    std::vector<TableValue> line{row.setting.batch, row.setting.units, row.setting.rate,
                                 row.top.empty() ? Epoch::none : 100 * row.validation.mean,
                                 row.top.empty() ? Epoch::none : 100 * row.validation.sample_deviation};
    for (std::size_t k = 0; k < 3; ++k) {
      line.emplace_back(k < row.top.size() ? 100 * row.top[k].mean : Epoch::none);
      line.emplace_back(k < row.top.size() ? 100 * row.top[k].sample_deviation : Epoch::none);
    }
    for (const double value : {row.epochs, row.seconds, double(row.diverged)}) line.emplace_back(value);
    table.rows.push_back(std::move(line));
  }
  return table;
}

figure::Bars bars_of(const Study& study, const Data& data) {
  figure::Bars bars{.title = {},
                    .value = {"top-1 accuracy of the test data (%)", 0, 100},
                    .bars = {},
                    .limits = "sample standard deviation",
                    .reference = "chance"};
  const double chance = 100 * chance_levels(data.test).majority;
  const auto add = [&](const std::string& name, const Summary& top) {
    bars.bars.push_back({name, 100 * top.mean, 100 * (top.mean - top.sample_deviation),
                         100 * (top.mean + top.sample_deviation), chance});
  };
  for (const Row& row : rows_of(study))
    if (!row.top.empty()) add(name_of(row.setting), row.top[0]);
  add("logistic regression", top_summaries(study.baseline)[0]);
  return bars;
}

}  // namespace

std::string write_report(const std::filesystem::path& folder, const Options& options, const Data& data,
                         const Study& study) {
  const auto rows = rows_of(study);
  const Row& chosen = chosen_of(rows);
  Report report("HAR study: " + data.name + ", settings", folder);
  report.paragraph(text(rows.size(), " settings of a network (", options.cell, "), ", options.seeds, " seeds each. ",
                        remarks_of(data.remarks)));
  report.paragraph(text("Setting selected by validation data, a part of the training data: ", name_of(chosen.setting),
                        ". Test results were not used for the selection."));
  for (std::size_t k = 0; k < chosen.top.size(); ++k)
    report.metric(metric_of(text("selected setting, top-", k + 1), chosen.top[k]));
  if (!chosen.top.empty())
    report.metric(metric_of("selected setting, top-1 of the validation data", chosen.validation));
  report.metric(metric_of("logistic regression, top-1", top_summaries(study.baseline)[0]));
  report.metric({.name = "chance", .value = 100 * chance_levels(data.test).majority, .unit = "%"});
  report.metric({.name = "time of the study",
                 .value = study.seconds,
                 .unit = "s",
                 .note = text(study.resumed, " of ", study.runs.size(), " runs were loaded")});
  report.table(
      "settings", table_of(study),
      "Mean and sample standard deviation over the seeds; seconds on one core. The validation column selected the "
      "setting.");
  report.figure("settings_top_1", bars_of(study, data),
                "Top-1 accuracy (%) of each setting on " + tested_text(data) + ".",
                text("Selected by the validation data: ", name_of(chosen.setting), "."));
  std::vector<History> histories;
  ConfusionMatrix::Counts counts = ConfusionMatrix::Counts::Zero(std::ssize(data.classes), std::ssize(data.classes));
  for (const Outcome& run : study.runs) {
    if (run.setting != chosen.setting || !run.diverged.empty()) continue;
    histories.push_back(run.history);
    counts += run.confusion;
  }
  if (!histories.empty()) {
    report.heading("Selected setting: " + name_of(chosen.setting));
    add_curves(report, options, histories, data.classes.size());
    report.figure("confusion", confusion(counts, data.classes, "sequences"),
                  "Confusion matrix: true class (rows) and predicted class (columns), in % of the true class.",
                  "Test sequences, all seeds of the selected setting.");
  }
  report.file("study.json", "all results of the study");
  report.file("study.csv", "one line per run");
  report.file("study.md", "table as Markdown");
  finish(report, options);
  return report.missing();
}

// ---- streams

namespace {

/// Up to 2560 steps of the first recording, every eighth step, which is the resolution of the figure.
figure::Curves probability_over_time(const StreamParts& parts, const StreamResults& results) {
  const Stream& stream = parts.test.front();
  const Index steps = std::min<Index>(stream.labels.size(), 2560), each = 8;
  figure::Curves curves{.title = {},
                        .x = {"step of the test part"},
                        .y = {text("probability of '", parts.classes[std::size_t(results.rare)], "'"), 0, 1},
                        .series = {}};
  const auto add = [&](const std::string& name, const auto& value_at) -> figure::Series& {
    curves.series.push_back({.name = name, .x = {}, .y = {}});
    for (Index t = 0; t < steps; t += each) {
      curves.series.back().x.push_back(double(t));
      curves.series.back().y.push_back(value_at(t));
    }
    return curves.series.back();
  };
  figure::Series& label = add("label", [&](Index t) { return double(stream.labels[t] == results.rare); });
  label.line = Line::steps, label.reference = true;
  for (const StreamRun& run : results.runs)
    if (run.seed == results.runs.front().seed) add(run.model, [&](Index t) { return run.probability[t]; });
  return curves;
}

figure::Curves roc_curves(const StreamResults& results) {
  figure::Curves curves{
      .title = {}, .x = {"false positive rate (%)", 0, 100}, .y = {"true positive rate (%)", 0, 100}, .series = {}};
  for (const StreamRun& run : results.runs) {
    if (run.seed != results.runs.front().seed) continue;
    figure::Series line{.name = run.model, .x = {}, .y = {}};
    // at most about 300 points, the resolution of the figure
    const std::size_t each = 1 + run.curve.size() / 300;
    for (std::size_t k = 0; k < run.curve.size(); k += k + each < run.curve.size() ? each : 1) {
      line.x.push_back(100 * run.curve[k].false_alarms);
      line.y.push_back(100 * run.curve[k].found);
    }
    curves.series.push_back(std::move(line));
  }
  curves.series.push_back({.name = "chance", .x = {0, 100}, .y = {0, 100}, .line = Line::dashed, .reference = true});
  return curves;
}

}  // namespace

std::string write_report(const std::filesystem::path& folder, const Options& options, const StreamParts& parts,
                         const StreamResults& results) {
  Report report("HAR streams: " + parts.name, folder);
  report.paragraph(remarks_of(parts.remarks) +
                   (parts.later ? text("The last ", 100 * options.test_share, " % of each recording are the test part.")
                                : std::string()));
  for (const StreamRow& row : rows_of(results)) {
    report.metric(metric_of(row.model + ", accuracy", row.accuracy));
    report.metric(metric_of(row.model + ", F1 of '" + parts.classes[std::size_t(results.rare)] + "'", row.f1));
    report.metric(metric_of(row.model + ", area under the ROC curve", row.area));
  }
  report.metric({.name = "most frequent class, accuracy", .value = 100 * results.majority, .unit = "%"});
  report.figure("probability", probability_over_time(parts, results),
                "Predicted probability at each step of the test part of the first recording, first seed.",
                "The grey line is 1 at steps with the label of the rarest class.");
  report.figure("roc", roc_curves(results),
                "ROC curves: true positive rate (%) against false positive rate (%), first seed.",
                "The optimum is the upper left corner.");
  for (const StreamRun& run : results.runs)
    if (run.seed == results.runs.front().seed && run.model == results.runs.back().model)
      report.figure("confusion", confusion(run.confusion, parts.classes, "steps"),
                    text("Confusion matrix of the test steps, ", run.model, ", first seed."),
                    "True class (rows) and predicted class (columns), in % of the true class.");
  std::vector<History> histories;
  for (const StreamRun& run : results.runs)
    if (run.model == results.runs.back().model) histories.push_back(run.history);
  report.figure("loss", figure::learning_curves(histories),
                "Training curves of " + results.runs.back().model + ": loss (nats) against the epoch.",
                format("First run: %.3f in the first epoch, %.3f in the last.", histories[0].front().loss,
                       histories[0].back().loss));
  report.file("streams.json", "all printed numbers");
  report.file("streams.csv", "one line per run");
  report.file("streams.md", "table as Markdown");
  finish(report, options);
  return report.missing();
}

}  // namespace har
