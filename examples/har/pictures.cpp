#include "pictures.hpp"

#include <algorithm>
#include <cctype>
#include <cmath>

#include "../support/format.hpp"
#include "../support/today.hpp"
#include "report.hpp"
#include "stream_report.hpp"
#include "study_report.hpp"
#include "unroll/io/detail/diagnostics.hpp"
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
std::string monitored(const Options& options) { return options.validates() ? "validation" : "test"; }

/// Remarks as sentences.
std::string remarks_of(const std::vector<std::string>& remarks) {
  std::string words;
  for (const std::string& remark : remarks) {
    const std::size_t first = words.size();
    words += remark + ". ";
    words[first] = char(std::toupper(static_cast<unsigned char>(words[first])));
  }
  return words;
}

figure::Series epochs(const std::string& name, const std::vector<History>& runs, double Epoch::*number,
                      double scale = 1) {
  return figure::over_runs(name, figure::epochs_of(runs, number, scale));
}

/// Training curves of runs of one setting. `end`: end of the names of the figures.
void add_curves(Report& report, const Options& options, const std::vector<History>& runs, std::size_t classes,
                const std::string& end = {}, const std::string& of = "Training curves") {
  double last = 1;
  for (const History& run : runs) last = std::max(last, double(run.size()));
  const std::string band = runs.size() > 1 ? text("range of ", runs.size(), " runs") : "";
  report.figure("loss" + end,
                figure::Curves{.title = {},
                               .x = {"epoch"},
                               .y = {"cross entropy (nats)", 0},
                               .series = {epochs("training", runs, &Epoch::loss),
                                          epochs(monitored(options), runs, &Epoch::validation_loss),
                                          figure::level("uniform probabilities", std::log(double(classes)), 1, last)},
                               .band = band},
                of + ": cross entropy (nats) against the epoch.",
                format("Training loss of the first run: %.3f in the first epoch, %.3f in the last.",
                       runs[0].front().loss, runs[0].back().loss));
  report.figure("accuracy" + end,
                figure::Curves{.title = {},
                               .x = {"epoch"},
                               .y = {"top-1 accuracy (%)", 0, 100},
                               .series = {epochs("training", runs, &Epoch::accuracy, 100),
                                          epochs(monitored(options), runs, &Epoch::validation_accuracy, 100),
                                          figure::level("chance", 100 / double(classes), 1, last)},
                               .band = band},
                of + ": top-1 accuracy (%) against the epoch.",
                format("The %s accuracy of the first run is %.1f %% after the last epoch.", monitored(options).c_str(),
                       100 * runs[0].back().validation_accuracy));
}

/// Name of a figure: letters, digits and _ only.
std::string file_name(std::string name) {
  for (char& c : name) {
    if (c >= 'A' && c <= 'Z') c = char(c - 'A' + 'a');
    if (!(c >= 'a' && c <= 'z') && !(c >= '0' && c <= '9')) c = '_';
  }
  return name;
}

void add_weights(Report& report, const std::vector<WeightMatrix>& weights) {
  for (const WeightMatrix& each : weights)
    report.figure("weights_" + file_name(each.name),
                  figure::HeatMap{.title = {},
                                  .x = {each.columns},
                                  .y = {each.rows},
                                  .value = "weight",
                                  .values = each.values,
                                  .row_names = each.row_names,
                                  .column_names = each.column_names,
                                  .diverging = true},
                  text("Weights, parameter ", each.name, ": rows: ", each.rows, "; columns: ", each.columns, "."),
                  format("Values from %.2f to %.2f.", each.values.minCoeff(), each.values.maxCoeff()));
}

void add_inspection(Report& report, const Data& data, const Inspection& seen, const std::string& heading) {
  report.heading(heading);
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
  report.figure("state",
                figure::HeatMap{.title = {},
                                .x = {"step"},
                                .y = {"unit"},
                                .value = "output of the unit",
                                .values = seen.state,
                                .diverging = true},
                text("Outputs of the last recurrent layer at every step of the first test sequence (class ",
                     unroll::detail::in_quotes(seen.sequence), ")."),
                format("Values from %.2f to %.2f.", seen.state.minCoeff(), seen.state.maxCoeff()));
  report.figure("gradient",
                figure::Curves{.title = {},
                               .x = {"step"},
                               .y = {.title = "norm of the gradient", .logarithmic = true},
                               .series = {figure::over_steps("test sequences", seen.gradient)}},
                "Norm of the gradient of the loss with respect to the input of each step.",
                format("%.2g at the first step, %.2g at the last.", seen.gradient.front(), seen.gradient.back()));
  add_weights(report, seen.weights);
}

void finish(Report& report, const nlohmann::json& options) {
  report.settings(named_values(options));
  report.environment(environment(example::today()));
  report.write();
}

figure::Confusion confusion(const ConfusionMatrix::Counts& counts, const std::vector<std::string>& classes,
                            const char* counted) {
  return {.title = {}, .counts = counts, .classes = classes, .counted = counted};
}

}  // namespace

std::string write_report(const std::filesystem::path& folder, const Options& options, const Data& data,
                         const std::vector<Run>& runs, const Run& best, const Inspection& seen) {
  Report report("Activity recognition: " + data.name, folder);
  report.paragraph(text(data.name, ": ", data.train.size(), " training sequences, ", data.test.size(),
                        " test sequences. ", remarks_of(data.remarks)));
  report.paragraph(options.validates() ? "The epoch of each network and the saved network were selected by validation "
                                         "data. The test data were not used for any selection."
                                       : "Neither an epoch nor a network was selected by the test data.");
  const auto tops = top_summaries(runs, &Run::test);
  for (std::size_t k = 0; k < tops.size(); ++k) report.metric(metric_of(text("top-", k + 1), tops[k]));
  if (const auto validation = top_summaries(runs, &Run::validation); !validation.empty())
    report.metric(metric_of("top-1 of the validation data", validation[0]));
  report.metric(metric_of("top-1 of the training data", top_summaries(runs, &Run::training)[0]));
  report.metric({.name = "chance", .value = 100 * chance_levels(data.test).majority, .unit = "%"});
  report.metric({.name = "training time", .value = runs.front().record.seconds(), .unit = "s", .note = "first seed"});
  std::vector<History> histories;
  for (const Run& run : runs) histories.push_back(run.record.history);
  add_curves(report, options, histories, data.classes.size());
  report.figure("confusion", confusion(confusion_of_all(runs), data.classes, "sequences"),
                text("Confusion matrix, ", tested_text(data), ", of ", runs.size(), runs.size() > 1 ? " runs" : " run",
                     ": true class (rows) and predicted class (columns), in % of the true class."),
                text("The diagonal contains the correct predictions: ", percent_text(tops[0]), "."));
  add_inspection(report, data, seen, text("Network of seed ", best.seed));
  report.file("model.safetensors", text("network of seed ", best.seed));
  report.file("metrics.json", "all printed numbers");
  report.file("history.csv", "one line per run and epoch");
  finish(report, options_json(options));
  return report.missing();
}

// ---- the study

namespace {

/// Accuracies of one part of the data of all settings, with logistic regression and chance.
figure::Bars bars_of(const Study& study, const Data& data, Part part, const std::string& name) {
  figure::Bars bars{.title = {},
                    .value = {"top-1 accuracy of the " + name + " data (%)", 0, 100},
                    .bars = {},
                    .limits = "sample standard deviation",
                    .reference = "chance"};
  const double chance = 100 * chance_levels(data.test).majority;
  const auto add = [&](const std::string& model, const std::vector<Summary>& tops) {
    if (tops.empty() || tops[0].count == 0) return;
    const Summary& top = tops[0];
    bars.bars.push_back({model, 100 * top.mean, 100 * (top.mean - top.sample_deviation),
                         100 * (top.mean + top.sample_deviation), chance});
  };
  for (const Row& row : study.rows) add(name_of(row.setting), top_summaries(row.runs, part));
  if (part != &Run::validation) add("logistic regression", top_summaries(study.baseline, part));
  return bars;
}

void add_setting_curves(Report& report, const Options& options, const Study& study, const Data& data) {
  report.heading("Training curves of all settings");
  for (std::size_t k = 0; k < study.rows.size(); ++k) {
    std::vector<History> histories;
    for (const Run& run : study.rows[k].runs)
      if (!run.diverged()) histories.push_back(run.record.history);
    if (!histories.empty())
      add_curves(report, options, histories, data.classes.size(), text("_", k + 1), name_of(study.rows[k].setting));
  }
}

std::string search_text(const Options& options) {
  if (options.search == "grid") return "all combinations of the values";
  if (options.search == "random") return text("random search, ", options.trials, " settings");
  return text("successive halving, ", options.trials, " settings, of which the better half trains on after each rung");
}

}  // namespace

std::string write_report(const std::filesystem::path& folder, const Options& options, const Data& data,
                         const Study& study, double seconds, const Inspection& seen) {
  const Row& chosen = study.selected();
  Report report("Activity recognition study: " + data.name, folder);
  report.paragraph(text(study.rows.size(), " settings of a network (", options.cell, "), ", chosen.runs.size(),
                        chosen.runs.size() > 1 ? " seeds each; " : " seed each; ", search_text(options), ". ",
                        remarks_of(data.remarks)));
  report.paragraph(text("Setting selected by validation data, ",
                        options.validation_file().empty() ? "a part of the training data" : options.validation_file(),
                        ": ", name_of(chosen.setting),
                        options.test_all ? ". Test results of all settings are shown; they were not used for the "
                                           "selection."
                                         : ". The test data were used once, for this setting."));
  const auto tops = top_summaries(chosen.runs, &Run::test);
  for (std::size_t k = 0; k < tops.size(); ++k)
    report.metric(metric_of(text("selected setting, top-", k + 1), tops[k]));
  report.metric(
      metric_of("selected setting, top-1 of the validation data", top_summaries(chosen.runs, &Run::validation)[0]));
  report.metric(metric_of("logistic regression, top-1", top_summaries(study.baseline, &Run::test)[0]));
  report.metric({.name = "chance", .value = 100 * chance_levels(data.test).majority, .unit = "%"});
  report.metric({.name = "time of the study",
                 .value = seconds,
                 .unit = "s",
                 .note = text(study.loaded, " of ", study.trained, " runs were loaded")});
  for (const StudyTable& table : study_tables(study, options, data))
    report.table(table.name, table.table, table.caption);
  report.figure("settings_validation", bars_of(study, data, &Run::validation, "validation"),
                "Top-1 accuracy (%) of each setting on the validation data.",
                text("Selected: ", name_of(chosen.setting), "."));
  report.figure("settings_test", bars_of(study, data, &Run::test, "test"),
                "Top-1 accuracy (%) on " + tested_text(data) + ".",
                text("Selected by the validation data: ", name_of(chosen.setting), "."));
  std::vector<History> histories;
  for (const Run& run : chosen.runs)
    if (!run.diverged()) histories.push_back(run.record.history);
  report.heading("Selected setting: " + name_of(chosen.setting));
  add_curves(report, options, histories, data.classes.size());
  report.figure("confusion", confusion(confusion_of_all(chosen.runs), data.classes, "sequences"),
                "Confusion matrix, " + tested_text(data) +
                    ": true class (rows) and predicted class (columns), in % of the true class.",
                "All seeds of the selected setting.");
  add_inspection(report, data, seen, "Best network of the selected setting");
  add_setting_curves(report, options, study, data);
  report.file("model.safetensors", "best network of the selected setting, by validation data");
  report.file("study.json", "all results of the study");
  report.file("study.csv", "one line per run");
  report.file("study.md", "table as Markdown");
  finish(report, study_options_json(options));
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
  Report report("Activity at every step: " + parts.name, folder);
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
    if (run.model == results.runs.back().model) histories.push_back(run.record.history);
  report.figure("loss", figure::learning_curves(histories),
                "Training curves of " + results.runs.back().model + ": loss (nats) against the epoch.",
                format("First run: %.3f in the first epoch, %.3f in the last.", histories[0].front().loss,
                       histories[0].back().loss));
  report.file("model.safetensors", "network of " + results.saved);
  report.file("streams.json", "all printed numbers");
  report.file("streams.csv", "one line per run");
  report.file("streams.md", "table as Markdown");
  finish(report, options_json(options));
  return report.missing();
}

}  // namespace har
