#include "report.hpp"

#include "../support/format.hpp"
#include "../support/names.hpp"
#include "unroll/models/memory.hpp"

namespace har {

using namespace unroll;
using example::format;

namespace {

std::string range_text(Index low, Index high) { return low == high ? text(low) : text(low, " to ", high); }

std::string steps_text(const Dataset<float>& data) {
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
                        {"epochs", run.fit.history.size()},
                        {"test_loss_before_training", run.loss_before},
                        {"test_loss", run.loss.value()},
                        {"training_loss", run.fit.history.back().loss},
                        {"training_accuracy", run.fit.history.back().accuracy},
                        {"seconds", run.seconds},
                        {"confusion", json_of(run.confusion.counts())}};
  for (std::size_t k = 0; k < run.top.size(); ++k) object[text("top_", k + 1)] = run.top[k].value();
  if (run.fit.best_epoch > 0) object["best_epoch"] = run.fit.best_epoch;
  return object;
}

}  // namespace

nlohmann::json options_json(const Options& o) {
  nlohmann::json all{
      {"cell", o.cell},         {"direction", o.direction},   {"units", o.setting.units}, {"layers", o.layers},
      {"pool", o.pool},         {"every_step", o.every_step}, {"outputs", o.outputs},     {"start", o.start},
      {"dropout", o.dropout},   {"epochs", o.epochs},         {"batch", o.setting.batch}, {"optimizer", o.optimizer},
      {"rate", o.setting.rate}, {"momentum", o.momentum},     {"clip", o.clip},           {"validation", o.validation},
      {"patience", o.patience}, {"least_gain", o.least_gain}, {"seeds", o.seeds},         {"first_seed", o.first_seed}};
  if (o.data.empty())
    all.update({{"train", o.train}, {"test", o.test}});
  else
    all["data"] = o.data;
  if (o.study) all.update({{"units", o.all_units}, {"batch", o.all_batches}, {"rate", o.all_rates}});
  if (!o.stream) return all;
  for (const char* name : {"pool", "every_step", "outputs", "validation", "patience", "least_gain"}) all.erase(name);
  all.update({{"direction", o.directions},
              {"window", o.window},
              {"test_share", o.test_share},
              {"carry", o.carry},
              {"class_weights", o.class_weights}});
  return all;
}

nlohmann::json json_of(const Summary& summary) {
  return {{"mean", summary.mean},
          {"sample_standard_deviation", summary.sample_deviation},
          {"population_standard_deviation", summary.population_deviation},
          {"runs", summary.count}};
}

std::vector<Summary> top_summaries(const std::vector<Run>& runs) {
  std::vector<Summary> summaries;
  for (std::size_t k = 0; k < runs.front().top.size(); ++k) {
    VectorX<double> values(Index(runs.size()));
    for (std::size_t r = 0; r < runs.size(); ++r) values[Index(r)] = runs[r].top[k].value();
    summaries.push_back(summarize(values));
  }
  return summaries;
}

std::string percent_text(const Summary& summary) {
  const std::string mean = format("%.1f %%", 100 * summary.mean);
  return summary.count > 1 ? mean + format(" +- %.1f", 100 * summary.sample_deviation) : mean;
}

ModelDetails details_of(const Data& data, const Options& options) {
  ModelDetails details{.outputs = data.classes,
                       .training = {{"data", data.name},
                                    {"fingerprint of the data", data_fingerprint(data)},
                                    {"seed", text(options.first_seed)},
                                    {"options", options_json(options).dump()}}};
  details.mean = data.mean;
  details.deviation = data.deviation;
  return details;
}

std::string data_text(const Data& data) {
  std::string remarks;
  for (const std::string& remark : data.remarks) remarks += "\n  " + remark;
  return text(data.name, ": ", data.train.size(), " training sequences, ", data.test.size(), " test sequences; ",
              data.train.features(), " channels, ", steps_text(data.train), " steps, ", data.classes.size(),
              " classes (", example::quoted_list(data.classes), ")", remarks,
              "\n  channels standardized with mean and deviation of the training data\n");
}

std::string epoch_text(const Epoch& epoch, const Options& options) {
  return format("epoch %3.0f/%ld   training: loss %.4f, top-1 %5.1f %%   %s: loss %.4f, top-1 %5.1f %%\n", epoch.epoch,
                long(options.epochs), epoch.loss, 100 * epoch.accuracy, options.validation > 0 ? "validation" : "test",
                epoch.validation_loss, 100 * epoch.validation_accuracy);
}

std::string run_text(const Run& run) {
  std::string line = format("seed %ld: %ld epochs in %.1f s, test loss %.4f", long(run.seed),
                            long(run.fit.history.size()), run.seconds, run.loss.value());
  for (std::size_t k = 0; k < run.top.size(); ++k)
    line += format(", top-%ld %.1f %%", long(k + 1), 100 * run.top[k].value());
  if (run.fit.best_epoch > 0) line += format("; parameters of epoch %ld", long(run.fit.best_epoch));
  return line + "\n";
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

std::string metrics_json(const Options& options, const Data& data, const Network& network, Index largest_batch_steps,
                         const std::vector<Run>& runs) {
  nlohmann::json all{{"options", options_json(options)},
                     {"data",
                      {{"name", data.name},
                       {"training_sequences", data.train.size()},
                       {"test_sequences", data.test.size()},
                       {"channels", data.train.features()},
                       {"classes", data.classes}}},
                     {"model",
                      {{"parameters", network.parameters().size()},
                       {"training_step_bytes", training_bytes(network, largest_batch_steps, options.setting.batch)}}},
                     {"loss_of_guessing", std::log(double(data.classes.size()))},
                     {"confusion_of_all_runs", json_of(confusion_of_all(runs))},
                     {"runs", nlohmann::json::array()}};
  for (Index k = 0; k < Index(data.classes.size()); ++k)
    all["recall_of_all_runs"].push_back(recall(confusion_of_all(runs), k));
  const auto tops = top_summaries(runs);
  for (std::size_t k = 0; k < tops.size(); ++k) all[text("top_", k + 1)] = json_of(tops[k]);
  for (const Run& run : runs) all["runs"].push_back(json_of(run));
  // Names from files may contain invalid UTF-8: it is replaced instead of throwing.
  return all.dump(2, ' ', false, nlohmann::json::error_handler_t::replace) + "\n";
}

ConfusionMatrix::Counts confusion_of_all(const std::vector<Run>& runs) {
  ConfusionMatrix::Counts sum = runs.front().confusion.counts();
  for (std::size_t k = 1; k < runs.size(); ++k) sum += runs[k].confusion.counts();
  return sum;
}

std::string history_csv(const std::vector<Run>& runs) {
  std::string csv;
  for (const Run& run : runs) {
    const std::string table = to_csv(run.fit.history);
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
