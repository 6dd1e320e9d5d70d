#include "report.hpp"

#include <algorithm>
#include <cmath>

#include "../support/format.hpp"
#include "../support/names.hpp"
#include "../support/today.hpp"
#include "pictures.hpp"
#include "unroll/models/summary.hpp"
#include "unroll/report/report.hpp"

namespace peaks {

using namespace unroll;
using example::format;

namespace {

constexpr const char* toy_warning =
    "The data are a toy simulation; results are not comparable with simulated or recorded LHCb events.";

std::string with_deviation(const char* pattern, const Summary& summary) {
  const std::string mean = format(pattern, summary.mean);
  return summary.count < 2 ? mean : mean + " +- " + format(pattern, summary.sample_deviation);
}

std::string seeds_text(const Options& options) {
  const auto seeds = options.seeds.all();
  return seeds.size() == 1 ? "seed " + text(seeds.front())
                           : text("mean and sample standard deviation of ", seeds.size(), " seeds");
}

NamedValues events_of(const EventSets& events) {
  return {{"data.source", events.training.source},
          {"data.training events", text(events.training.data.size())},
          {"data.validation events", text(events.validation.data.size())},
          {"data.test events", text(events.test.data.size())},
          {"data.bins", text(events.test.bins())}};
}

/// The first column has the values of a study, and is removed from other tables.
DataTable without_study(const Options& options, DataTable table) {
  if (!options.study.empty()) return table;
  table.columns.erase(table.columns.begin());
  for (auto& row : table.rows) row.erase(row.begin());
  return table;
}

DataTable runs_table(const Options& options, const std::vector<Point>& points) {
  DataTable table{{options.study, "seed", "efficiency (%)", "false positives per event", "found", "missed",
                   "false positives", "seconds", "collapsed"},
                  {}};
  for (const Point& point : points)
    for (const Run& run : point.runs) {
      const Score& score = run.score();
      table.rows.push_back({point.value, run.seed, 100 * score.efficiency(), score.false_rate(), score.found,
                            score.missed, score.extra, run.seconds, run.collapse.empty() ? "no" : "yes"});
    }
  return without_study(options, std::move(table));
}

DataTable summary_table(const Options& options, const std::vector<Point>& points) {
  DataTable table{{options.study, "efficiency (%)", "deviation", "false positives per event", "deviation of these",
                   "parameters", "seconds per epoch", "megabytes of a step", "collapsed"},
                  {}};
  for (const Point& point : points) {
    const PointSummary summary = summary_of(point);
    table.rows.push_back({point.value, summary.efficiency.mean, summary.efficiency.sample_deviation,
                          summary.false_rate.mean, summary.false_rate.sample_deviation, point.parameters,
                          summary.seconds.mean, double(point.bytes) / 1e6, summary.collapsed});
  }
  return table;
}

DataTable epochs_table(const Options& options, const std::vector<Point>& points) {
  DataTable table{{options.study, "seed", "epoch", "loss", "efficiency (%)", "false positives per event",
                   "largest output", "learning rate", "seconds"},
                  {}};
  for (const Point& point : points)
    for (const Run& run : point.runs)
      for (const auto& [numbers, outcome] : run.epochs)
        table.rows.push_back({point.value, run.seed, numbers.epoch, numbers.loss, 100 * outcome.score.efficiency(),
                              outcome.score.false_rate(), outcome.largest, numbers.learning_rate, numbers.seconds});
  return without_study(options, std::move(table));
}

void add_metrics(Report& report, const Options& options, const Baseline& baseline, const std::vector<Point>& points) {
  const Point& best = best_of(points);
  const PointSummary summary = test_summary_of(best);
  const auto deviation = [](const Summary& s) { return s.count < 2 ? std::nan("") : s.sample_deviation; };
  const std::string note = (options.study.empty() ? std::string()
                                                  : text("test events; ", options.study, " ", best.value,
                                                         " was selected by the validation events; ")) +
                           seeds_text(options);
  if (options.study.empty() && best.runs.size() > 1)
    report.metric({.name = "efficiency of the saved network",
                   .value = 100 * best_of(best).test->efficiency(),
                   .unit = "%",
                   .note = text("seed ", best_of(best).seed, ", selected by the validation events")});
  report.metric({"efficiency", summary.efficiency.mean, deviation(summary.efficiency), "%", note});
  report.metric({"false positives", summary.false_rate.mean, deviation(summary.false_rate), "per event", note});
  report.metric({.name = "efficiency of a fixed level",
                 .value = 100 * baseline.score.efficiency(),
                 .unit = "%",
                 .note = format("at %.2f false positives per event, channel 0 above %g", baseline.score.false_rate(),
                                baseline.level)});
  report.metric({.name = "time per epoch", .value = summary.seconds.mean, .unit = "s"});
  report.metric(
      {.name = "memory of a training step", .value = double(best.bytes) / 1e6, .unit = "MB", .note = "estimate"});
  report.metric({.name = "parameters", .value = double(best.parameters)});
}

void add_remarks(Report& report, const Options& options, const EventSets& events, const std::vector<Point>& points) {
  if (events.shared > 0) report.paragraph(text(events.shared, " of the test events are also training events."));
  if (options.data.empty()) report.paragraph(toy_warning);
  for (const std::string& remark : events.training.remarks) report.paragraph(events.training.source + ": " + remark);
  if (events.test.source != events.training.source)
    for (const std::string& remark : events.test.remarks) report.paragraph(events.test.source + ": " + remark);
  for (const Point& point : points)
    for (const Run& run : point.runs)
      if (!run.collapse.empty()) report.paragraph(text("Seed ", run.seed, ": ", run.collapse));
}

}  // namespace

std::string data_text(const EventSets& events) {
  std::string words;
  const bool one_file = events.training.source == events.test.source;
  const std::string monitored = text(events.validation.data.size(), " validation events, ");
  words += text(events.training.data.size(), " training events, ", monitored, events.test.data.size(),
                " test events, from ", events.training.source, one_file ? "" : " and " + events.test.source, "; ",
                events.test.bins(), " bins of ", format("%.4g", events.test.bin_width()), " mm\n");
  for (const std::string& remark : events.training.remarks) words += events.training.source + ": " + remark + "\n";
  if (!one_file)
    for (const std::string& remark : events.test.remarks) words += events.test.source + ": " + remark + "\n";
  if (events.shared > 0) words += text(events.shared, " of the test events are also training events\n");
  return events.training.source == "a toy simulation" ? words + toy_warning + "\n" : words;
}

std::string baseline_text(const Baseline& baseline, const Events& test) {
  Index masked = 0;
  each_event(test,
             [&](const MatrixX<float>&, const MatrixX<float>& target) { masked += target.array().isNaN().count(); });
  const Score& score = baseline.score;
  return format(
      "%.2f peaks and %.1f masked bins per event; a fixed level of %g finds %.1f %% at %.2f false positives per "
      "event\n",
      double(score.found + score.missed) / double(score.events), double(masked) / double(score.events), baseline.level,
      100 * score.efficiency(), score.false_rate());
}

std::string study_text(const Options& options, const std::vector<Point>& points) {
  if (options.study.empty()) return {};
  std::string lines = "\n" + options.study + " (validation events)\n";
  for (const Point& point : points) {
    const PointSummary summary = summary_of(point);
    lines += format("  %-8s", text(point.value).c_str()) + with_deviation("%.1f %%", summary.efficiency) + " at " +
             with_deviation("%.2f", summary.false_rate) +
             (summary.collapsed > 0 ? text(", ", summary.collapsed, " collapsed\n") : "\n");
  }
  return lines + "\n";
}

std::string result_text(const Options& options, const std::vector<Point>& points, const Events& test) {
  const Point& best = best_of(points);
  const PointSummary summary = test_summary_of(best);
  const std::string value = options.study.empty()
                                ? std::string()
                                : text("selected by validation events: ", options.study, " ", best.value, ", ");
  const bool found = summary.efficiency.mean > 0 || summary.collapsed > 0;  // a collapse has a separate message
  return (found ? "" : "No vertex is found: train longer, with more --epochs, or with more events.\n") + value +
         "efficiency " + with_deviation("%.1f %%", summary.efficiency) + " at " +
         with_deviation("%.2f", summary.false_rate) + " false positives per event, " +
         text(test.data.size(), test.data.size() == 1 ? " test event, " : " test events, ", seeds_text(options), "\n");
}

nlohmann::json results_json(const nlohmann::json& settings, const Options& options, const EventSets& events,
                            const Baseline& baseline, const std::vector<Point>& points) {
  const auto json_of = [](const Score& score) {
    return nlohmann::json{{"efficiency", score.efficiency()},
                          {"false_positives_per_event", score.false_rate()},
                          {"found", score.found},
                          {"missed", score.missed},
                          {"false_positives", score.extra},
                          {"events", score.events}};
  };
  nlohmann::json all{{"options", settings},
                     {"data",
                      {{"source", events.training.source},
                       {"training_events", events.training.data.size()},
                       {"validation_events", events.validation.data.size()},
                       {"test_events", events.test.data.size()},
                       {"bins", events.test.bins()}}},
                     {"fixed_level", {{"level", baseline.level}, {"test", json_of(baseline.score)}}}};
  for (const Point& point : points) {
    nlohmann::json one{{"parameters", point.parameters}};
    if (!options.study.empty()) one[options.study] = point.value, one["selected"] = &point == &best_of(points);
    for (const Run& run : point.runs) {
      nlohmann::json each{{"seed", run.seed}, {"seconds", run.seconds}, {"validation", json_of(run.score())}};
      if (run.test) each["test"] = json_of(*run.test);
      if (!run.collapse.empty()) each["collapse"] = run.collapse;
      one["runs"].push_back(std::move(each));
    }
    all["results"].push_back(std::move(one));
  }
  return all;
}

example::RunScores scores_of(const Events& test, const Point& point) {
  example::RunScores scores{.seeds = {}, .items = "test events", .tested = fingerprint(test)};
  example::ItemMeasure f1{.name = "F1", .unit = "%"}, efficiency{.name = "efficiency", .unit = "%"},
      extra{.name = "false positives", .unit = "per event", .larger_is_better = false, .scale = 1};
  example::EpochValues loss{"training loss", "", {}}, found{"validation efficiency", "%", {}},
      rate{"validation false positives", "per event", {}};
  const auto add = [](example::ItemMeasure& measure, const std::vector<Score>& events, const auto& part_and_whole) {
    auto& [parts, wholes] = measure.seeds.emplace_back();
    for (const Score& event : events) {
      const auto [part, whole] = part_and_whole(event);
      parts.push_back(double(part)), wholes.push_back(double(whole));
    }
  };
  for (const Run& run : point.runs) {
    scores.seeds.push_back(run.seed);
    add(f1, run.test_events, [](const Score& s) { return std::pair(2 * s.found, 2 * s.found + s.missed + s.extra); });
    add(efficiency, run.test_events, [](const Score& s) { return std::pair(s.found, s.found + s.missed); });
    add(extra, run.test_events, [](const Score& s) { return std::pair(s.extra, s.events); });
    for (auto* curve : {&loss, &found, &rate}) curve->seeds.emplace_back();
    for (const auto& [numbers, outcome] : run.epochs) {
      loss.seeds.back().push_back(numbers.loss);
      found.seeds.back().push_back(100 * outcome.score.efficiency());
      rate.seeds.back().push_back(outcome.score.false_rate());
    }
  }
  scores.curves = {std::move(loss), std::move(found), std::move(rate)};
  scores.measures = {std::move(f1), std::move(efficiency), std::move(extra)};
  return scores;
}

Written write_report(const std::filesystem::path& folder, const nlohmann::json& settings, const Options& options,
                     const EventSets& events, const Baseline& baseline, const std::vector<Point>& points) {
  Report report(text("Vertex finding", options.study.empty() ? "" : ", study of " + options.study, ": ",
                     example::title_of(events.training.source)),
                folder);
  report.paragraph(
      "Results after each epoch, and the selection of networks and settings, are those of the validation events. The "
      "test events are used once, for the selected ones.");
  add_remarks(report, options, events, points);
  add_metrics(report, options, baseline, points);
  report.settings(named_values(settings));
  report.settings(events_of(events));
  report.environment(environment(example::today()));
  if (!options.study.empty()) {
    report.table("study", summary_table(options, points),
                 "Results of the validation events: mean and sample standard deviation over seeds.");
    report.figure("study_rates", study_picture(options, points),
                  "Efficiency (%) against false positives per event, validation events.",
                  "One point per value of the study.");
  } else {
    add_pictures(report, options, events, points.front(), network_of(options, best_of(points.front())));
  }
  report.heading("Runs");
  report.table("runs", runs_table(options, points), "Results of the validation events after the last epoch.");
  report.table("epochs", epochs_table(options, points), "Results of the validation events after every epoch.");
  report.file("results.json", "all results");
  report.file("model.safetensors", "the selected network");
  report.write();
  return {{"report.html", "report.json", "report.csv", "results.json", "runs.csv", "epochs.csv", "model.safetensors"},
          report.missing()};
}

}  // namespace peaks
