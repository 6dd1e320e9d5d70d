#include "stream_report.hpp"

#include <map>
#include <nlohmann/json.hpp>
#include <unroll/core/tables/data_table.hpp>

#include "../support/format.hpp"
#include "report.hpp"

namespace har {

using namespace unroll;
using example::format;

namespace {

template <class F>
Summary summary_of(const std::vector<const StreamRun*>& runs, const F& number) {
  VectorX<double> values(std::ssize(runs));
  for (Index k = 0; k < values.size(); ++k) values[k] = number(*runs[std::size_t(k)]);
  return summarize(values);
}

Index steps_of(const std::vector<Stream>& streams) {
  Index steps = 0;
  for (const Stream& stream : streams) steps += stream.labels.size();
  return steps;
}

double share_of(const std::vector<Stream>& streams, Index label) {
  Index steps = 0;
  for (const Stream& stream : streams) steps += (stream.labels.array() == label).count();
  return double(steps) / double(steps_of(streams));
}

}  // namespace

std::vector<StreamRow> rows_of(const StreamResults& results) {
  std::vector<StreamRow> rows;
  for (const StreamRun& first : results.runs) {
    if (first.seed != results.runs.front().seed) continue;
    std::vector<const StreamRun*> runs;
    for (const StreamRun& run : results.runs)
      if (run.model == first.model) runs.push_back(&run);
    rows.push_back({first.model, summary_of(runs, [](const StreamRun& run) { return run.accuracy; }),
                    summary_of(runs, [](const StreamRun& run) { return run.rare.f1; }),
                    summary_of(runs, [](const StreamRun& run) { return run.area; }),
                    summary_of(runs, [](const StreamRun& run) { return run.record.seconds(); }).mean});
  }
  return rows;
}

std::string streams_text(const Options& options, const StreamParts& parts) {
  std::string words = text(parts.name, ": ", parts.train.size(), " recordings, ", steps_of(parts.train),
                           " training steps, ", steps_of(parts.test), parts.later ? " later" : "", " test steps; ",
                           parts.train.front().channels.rows(), " channels\n");
  for (std::size_t k = 0; k < parts.classes.size(); ++k)
    words += format("  '%s': %.1f %% of the training steps, %.1f %% of the test steps\n", parts.classes[k].c_str(),
                    100 * share_of(parts.train, Index(k)), 100 * share_of(parts.test, Index(k)));
  for (const std::string& remark : parts.remarks) words += "  " + remark + "\n";
  words += options.carry ? text("  training on whole recordings with carried state, windows of ", window_of(options),
                                " steps; test on whole recordings\n")
                         : text("  windows of ", window_of(options), " steps\n");
  return words + "\n";
}

std::string stream_run_text(const StreamRun& run) {
  return text(run.model, ", seed ", run.seed, ": ") +
         format("accuracy %.1f %%, precision %.1f %%, recall %.1f %%, F1 %.1f %%, area under ROC %.3f, %.1f s\n",
                100 * run.accuracy, 100 * run.rare.precision, 100 * run.rare.recall, 100 * run.rare.f1, run.area,
                run.record.seconds());
}

std::string table_text(const Options& options, const StreamParts& parts, const StreamResults& results, bool markdown) {
  const std::string& rare = parts.classes[std::size_t(results.rare)];
  DataTable table{{"model", "accuracy", text("F1 of '", rare, "'"), "area under ROC", "s per run"}, {}};
  for (const StreamRow& row : rows_of(results))
    table.rows.push_back({row.model, percent_text(row.accuracy), percent_text(row.f1), percent_text(row.area),
                          format("%.1f", row.seconds)});
  table.rows.push_back({"most frequent class", format("%.1f %%", 100 * results.majority), "", "50.0 %", ""});
  const std::string head = text(parts.name, " (",
                                options.seeds.all().size() > 1 ? text("mean and sample standard deviation of ",
                                                                      options.seeds.all().size(), " seeds")
                                                               : std::string("one seed"),
                                ")\n");
  return head + (markdown ? "\n" + to_markdown(table) : to_text(table, {.right = true}));
}

std::string streams_csv(const StreamResults& results) {
  std::string csv = "model,seed,accuracy,balanced_accuracy,precision,recall,f1,area,seconds\n";
  for (const StreamRun& run : results.runs)
    csv += text("\"", run.model, "\",", run.seed, ",", run.accuracy, ",", run.balanced, ",", run.rare.precision, ",",
                run.rare.recall, ",", run.rare.f1, ",", run.area, ",", run.record.seconds(), "\n");
  return csv;
}

nlohmann::json streams_json(const Options& options, const StreamParts& parts, const StreamResults& results) {
  nlohmann::json all{{"options", options_json(options)},
                     {"data", {{"name", parts.name}, {"classes", parts.classes}, {"remarks", parts.remarks}}},
                     {"rarest_class", parts.classes[std::size_t(results.rare)]},
                     {"naming_one_class", results.majority},
                     {"saved", results.saved},
                     {"runs", nlohmann::json::array()}};
  for (const StreamRow& row : rows_of(results))
    all["models"][row.model] = {
        {"accuracy", json_of(row.accuracy)}, {"f1", json_of(row.f1)}, {"area_under_roc", json_of(row.area)}};
  for (const StreamRun& run : results.runs)
    all["runs"].push_back({{"model", run.model},
                           {"seed", run.seed},
                           {"accuracy", run.accuracy},
                           {"balanced_accuracy", run.balanced},
                           {"precision", run.rare.precision},
                           {"recall", run.rare.recall},
                           {"f1", run.rare.f1},
                           {"area_under_roc", run.area},
                           {"seconds", run.record.seconds()}});
  return all;
}

example::RunScores scores_of(const StreamParts& parts, const StreamResults& results) {
  example::RunScores scores{.seeds = {}, .items = "test recordings", .tested = test_fingerprint(parts)};
  std::map<std::string, Index> people;
  for (const Stream& stream : parts.test) people.emplace(stream.person, std::ssize(people));
  if (!people.contains("")) {
    scores.groups = "people";
    for (const Stream& stream : parts.test) scores.group_of.push_back(people.at(stream.person));
  }
  example::ItemMeasure accuracy{.name = "accuracy", .unit = "%"},
      f1{.name = text("F1 of ", parts.classes[std::size_t(results.rare)]), .unit = "%"};
  std::vector<History> histories;
  for (const StreamRun& run : results.runs) {
    if (run.direction != results.direction) continue;
    scores.seeds.push_back(run.seed);
    histories.push_back(run.record.history);
    auto &right = accuracy.seeds.emplace_back(), &found = f1.seeds.emplace_back();
    for (const auto& counts : run.of_recordings) {
      const Index k = results.rare, both = 2 * counts(k, k);
      right.parts.push_back(double(counts.trace())), right.wholes.push_back(double(counts.sum()));
      found.parts.push_back(double(both));
      found.wholes.push_back(double(counts.row(k).sum() + counts.col(k).sum()));
    }
  }
  scores.curves = example::curves_of(histories);
  scores.measures = {std::move(accuracy), std::move(f1)};
  return scores;
}

}  // namespace har
