#include "report.hpp"

#include <algorithm>
#include <cmath>

#include "../support/format.hpp"
#include "../support/names.hpp"
#include "unroll/models/memory.hpp"

namespace har {

using namespace unroll;
using example::format;

namespace {

std::string range_text(Index low, Index high) { return low == high ? text(low) : text(low, " to ", high); }

std::string steps_text(const LazyDataset<float>& data) {
  Index low = data.length(0), high = low;
  for (Index s = 1; s < data.size(); ++s) low = std::min(low, data.length(s)), high = std::max(high, data.length(s));
  return range_text(low, high);
}

std::string padded(std::string word, std::size_t width) {
  // counts bytes: class names outside ASCII may be misaligned
  return word.size() < width ? std::string(width - word.size(), ' ') + word : word;
}

double recall(const ConfusionMatrix::Counts& counts, Index label) {
  return double(counts(label, label)) / double(std::max<Index>(counts.row(label).sum(), 1));
}

}  // namespace

nlohmann::json json_of(const ConfusionMatrix::Counts& counts) {
  nlohmann::json rows = nlohmann::json::array();
  for (Index truth = 0; truth < counts.rows(); ++truth) {
    nlohmann::json row = nlohmann::json::array();
    for (Index k = 0; k < counts.cols(); ++k) row.push_back(counts(truth, k));
    rows.push_back(row);
  }
  return rows;
}

nlohmann::json json_of(const Run& run) {
  nlohmann::json object{{"seed", run.seed},
                        {"epochs", run.record.history.size()},
                        {"diverged", run.record.diverged},
                        {"seconds", run.record.seconds()}};
  for (const auto& [name, part] :
       {std::pair("training", &run.training), std::pair("validation", &run.validation), std::pair("test", &run.test)}) {
    if (part->top.empty()) continue;
    object[name] = {{"loss", part->loss}};
    for (std::size_t k = 0; k < part->top.size(); ++k) object[name][text("top_", k + 1)] = part->top[k];
  }
  if (!run.test.top.empty()) object["confusion"] = json_of(run.test.confusion);
  if (run.record.best_epoch > 0) object["best_epoch"] = run.record.best_epoch;
  return object;
}

nlohmann::json json_of(const Summary& summary) {
  return {{"mean", summary.mean},
          {"sample_standard_deviation", summary.sample_deviation},
          {"population_standard_deviation", summary.population_deviation},
          {"runs", summary.count}};
}

Summary summary_of(const std::vector<Run>& runs, const std::function<double(const Run&)>& number) {
  std::vector<double> values;
  for (const Run& run : runs)
    if (!run.diverged()) values.push_back(number(run));
  return summarize(Eigen::Map<const VectorX<double>>(values.data(), std::ssize(values)));
}

std::vector<Summary> top_summaries(const std::vector<Run>& runs, Part part) {
  std::size_t count = 0;
  for (const Run& run : runs) count = std::max(count, (run.*part).top.size());
  std::vector<Summary> summaries;
  for (std::size_t k = 0; k < count; ++k)
    summaries.push_back(summary_of(runs, [&](const Run& run) { return (run.*part).top[k]; }));
  return summaries;
}

std::string percent_text(const Summary& summary) {
  const std::string mean = format("%.1f %%", 100 * summary.mean);
  return summary.count > 1 ? mean + format(" +- %.1f", 100 * summary.sample_deviation) : mean;
}

std::string data_text(const Data& data) {
  std::string remarks;
  for (const std::string& remark : data.remarks) remarks += "\n  " + remark;
  return text(data.name, ": ", data.train.size(), " training sequences, ", data.test.size(), " test sequences; ",
              data.train.features(), " channels, ", steps_text(data.train), " steps, ", data.classes.size(),
              " classes (", example::quoted_list(data.classes), ")", remarks,
              "\n  channels standardized with mean and deviation of the training data\n");
}

std::string epoch_text(const Epoch& epoch, const Options& options, Index epochs) {
  return format("epoch %3.0f/%ld   training: loss %.4f, top-1 %5.1f %%   %s: loss %.4f, top-1 %5.1f %%\n", epoch.epoch,
                long(epochs), epoch.loss, 100 * epoch.accuracy, options.validates() ? "validation" : "test",
                epoch.validation_loss, 100 * epoch.validation_accuracy);
}

std::string run_text(const Run& run) {
  const RunRecord& record = run.record;
  if (run.diverged()) return text("seed ", run.seed, ": diverged: ", record.diverged, "\n");
  std::string line =
      format("seed %ld: %ld epochs in %.1f s", long(run.seed), long(record.history.size()), record.seconds());
  for (const auto& [name, part] : {std::pair("validation", &run.validation), std::pair("test", &run.test)}) {
    if (part->top.empty()) continue;
    line += format("; %s loss %.4f", name, part->loss);
    for (std::size_t k = 0; k < part->top.size(); ++k)
      line += format(", top-%ld %.1f %%", long(k + 1), 100 * part->top[k]);
  }
  if (record.best_epoch > 0) line += format("; parameters of epoch %ld", long(record.best_epoch));
  return line + (record.loaded ? " (loaded)\n" : "\n");
}

std::string confusion_text(const ConfusionMatrix::Counts& counts, const std::vector<std::string>& classes) {
  std::size_t width = 6;
  for (const std::string& name : classes) width = std::max(width, name.size());
  std::string table = padded("", width);
  for (const std::string& name : classes) table += "  " + padded(name, width);
  table += "  recall\n";
  for (Index truth = 0; truth < counts.rows(); ++truth) {
    table += padded(classes[std::size_t(truth)], width);
    for (Index k = 0; k < counts.cols(); ++k) table += "  " + padded(text(counts(truth, k)), width);
    table += format("  %5.1f %%\n", 100 * recall(counts, truth));
  }
  return table;
}

std::string text_of(const nlohmann::json& json) {
  return json.dump(2, ' ', false, nlohmann::json::error_handler_t::replace) + "\n";
}

nlohmann::json metrics_json(const Options& options, const Data& data, const Network& network, Index largest_batch_steps,
                            const std::vector<Run>& runs, std::uint64_t seed) {
  nlohmann::json all{{"options", options_json(options)},
                     {"data",
                      {{"name", data.name},
                       {"training_sequences", data.train.size()},
                       {"test_sequences", data.test.size()},
                       {"channels", data.train.features()},
                       {"classes", data.classes}}},
                     {"model",
                      {{"seed", seed},
                       {"parameters", network.parameters().size()},
                       {"training_step_bytes", training_bytes(network, largest_batch_steps, options.setting.batch)}}},
                     {"loss_of_guessing", std::log(double(data.classes.size()))},
                     {"confusion_of_all_runs", json_of(confusion_of_all(runs))},
                     {"runs", nlohmann::json::array()}};
  for (Index k = 0; k < std::ssize(data.classes); ++k)
    all["recall_of_all_runs"].push_back(recall(confusion_of_all(runs), k));
  for (const auto& [name, part] : {std::pair("training", &Run::training), std::pair("validation", &Run::validation),
                                   std::pair("test", &Run::test)}) {
    const auto tops = top_summaries(runs, part);
    for (std::size_t k = 0; k < tops.size(); ++k) all[name][text("top_", k + 1)] = json_of(tops[k]);
  }
  for (const Run& run : runs) all["runs"].push_back(json_of(run));
  return all;
}

ConfusionMatrix::Counts confusion_of_all(const std::vector<Run>& runs) {
  ConfusionMatrix::Counts sum;
  for (const Run& run : runs) {
    if (run.test.top.empty()) continue;
    if (sum.size() == 0)
      sum = run.test.confusion;
    else
      sum += run.test.confusion;
  }
  return sum;
}

example::RunScores scores_of(const Options& options, const Data& data, const std::vector<Run>& runs) {
  example::RunScores scores{
      .seeds = {}, .items = "test sequences", .tested = test_fingerprint(data), .group_of = data.test_people};
  if (!data.test_people.empty()) scores.groups = "people";
  example::ItemMeasure right{.name = "top-1", .unit = "%"};
  std::vector<History> histories;
  for (const Run& run : runs) {
    if (run.diverged()) continue;
    scores.seeds.push_back(run.seed);
    histories.push_back(run.record.history);
    auto& [parts, wholes] = right.seeds.emplace_back();
    for (Index s = 0; s < data.test.size(); ++s) {
      const Index label = data.test.labels(s)[0];
      wholes.push_back(label >= 0);
      parts.push_back(label >= 0 && run.test.predicted[std::size_t(s)] == label);
    }
  }
  scores.curves = example::curves_of(histories, "nats", 1, options.validates() ? "validation" : "test");
  scores.measures.push_back(std::move(right));
  return scores;
}

std::string history_csv(const std::vector<Run>& runs) {
  std::string csv;
  for (const Run& run : runs) {
    const std::string table = to_csv(run.record.history);
    for (std::size_t begin = 0, end; begin < table.size(); begin = end + 1) {
      end = table.find('\n', begin);
      const std::string line = table.substr(begin, end - begin + 1);
      if (begin > 0) csv += text(run.seed, ",", line);
      if (begin == 0 && csv.empty()) csv = "seed," + line;
    }
  }
  return csv;
}

}  // namespace har
