#include "results.hpp"

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "../support/fingerprint.hpp"
#include "../support/format.hpp"
#include "../support/names.hpp"
#include "../support/today.hpp"
#include "unroll/io/atomic_file.hpp"
#include "unroll/report/curves.hpp"
#include "unroll/report/heat_map.hpp"
#include "unroll/report/report.hpp"
#include "unroll/train/metrics/summary.hpp"

namespace lm {

using namespace unroll;
using example::format;
using Json = nlohmann::ordered_json;

namespace {

std::string token_of(const Options& options) { return options.words() ? "word" : "character"; }

/// "1.602 bits per character, perplexity 3.04"
std::string loss_text(double nats, const Options& options) {
  return format("%.3f bits per %s, perplexity %.2f", bits_per_symbol(nats), token_of(options).c_str(),
                perplexity(nats));
}

std::string dump(const Json& json) { return json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n"; }

std::vector<std::vector<double>> in_bits(const std::vector<TrainedRun>& runs, double unroll::Epoch::*value) {
  std::vector<std::vector<double>> all;
  for (const TrainedRun& run : runs) {
    all.emplace_back();
    for (const auto& epoch : run.state.history) all.back().push_back(bits_per_symbol(epoch.*value));
  }
  return all;
}

figure::Curves loss_curves(const Model& model, const std::vector<TrainedRun>& runs) {
  figure::Curves curves{.title = "",
                        .x = {"epoch"},
                        .y = {"bits per " + token_of(model.options)},
                        .series = {},
                        .band = "range of the runs"};
  curves.series.push_back(figure::over_runs(model.options.dropout > 0 ? "training, with dropout" : "training",
                                            in_bits(runs, &unroll::Epoch::loss)));
  curves.series.push_back(figure::over_runs("validation", in_bits(runs, &unroll::Epoch::validation_loss)));
  return curves;
}

/// Heat map of log10(update / weight), one row per tensor.
figure::HeatMap ratio_map(const Model& model, const RunState& state) {
  const auto& blocks = model.network.parameters().table().blocks();
  const Index count = Index(blocks.size()), epochs = state.ratios.size() / count;
  figure::HeatMap map{.title = "", .x = {"epoch"}, .y = {"tensor"}, .value = "log10(update / weight)", .values = {}};
  map.values = state.ratios.reshaped(count, epochs).array().log10();
  for (const ParameterBlock& block : blocks) map.row_names.push_back(block.name);
  for (Index e = 0; e < epochs; ++e) map.column_names.push_back(text(e + 1));
  return map;
}

/// Row of the mean over runs, with the standard deviation of several.
Metric mean_of(const std::vector<TrainedRun>& runs, const std::string& name,
               const std::function<double(const TrainedRun&)>& value, const std::string& note) {
  Metric metric{.name = name, .note = note};
  const double count = double(runs.size());
  for (const TrainedRun& run : runs) metric.value += value(run) / count;
  if (runs.size() == 1) return metric;
  double squares = 0;
  for (const TrainedRun& run : runs) squares += std::pow(value(run) - metric.value, 2);
  metric.deviation = std::sqrt(squares / (count - 1));
  metric.note += text(", mean and sample standard deviation of ", runs.size(), " seeds");
  return metric;
}

double loss_of(const TrainedRun& run) { return run.validation.evaluation.loss.value(); }

void add_metrics(Report& report, const Model& model, const std::vector<TrainedRun>& runs, const TrainedRun& best) {
  const std::string token = token_of(model.options);
  const auto run_bits = [](const TrainedRun& run) { return bits_per_symbol(loss_of(run)); };
  const auto run_perplexity = [](const TrainedRun& run) { return perplexity(loss_of(run)); };
  report.metric(mean_of(runs, "bits per " + token, run_bits, "validation text"));
  report.metric(mean_of(runs, "perplexity", run_perplexity, "validation text"));
  report.metric(
      {.name = "unknown tokens", .value = 100 * best.validation.unknown, .unit = "%", .note = "validation text"});
  report.metric({.name = "first loss",
                 .value = bits_per_symbol(best.state.first_loss),
                 .unit = "bits",
                 .note = "first batch, before training"});
  report.metric({.name = "loss of uniform probabilities",
                 .value = std::log2(double(model.vocabulary.size())),
                 .unit = "bits",
                 .note = "log2 of the number of tokens"});
  double seconds = 0;
  for (const auto& epoch : best.state.history) seconds += epoch.seconds;
  report.metric({.name = "training speed",
                 .value = std::round(double(best.state.tokens) * double(best.state.epochs) / seconds),
                 .unit = model.options.tokens + "/s"});
  report.metric({.name = "vocabulary", .value = double(model.vocabulary.size()), .unit = "tokens"});
  report.metric({.name = "parameters", .value = double(model.network.parameters().size())});
}

/// History of all runs, as CSV with the seed in the first column.
std::string history_csv(const std::vector<TrainedRun>& runs) {
  std::string csv;
  for (const TrainedRun& run : runs) {
    std::string_view lines(csv.empty() ? "seed," : "");
    const std::string table = to_csv(run.state.history);
    for (std::size_t begin = 0, end = 0; begin < table.size(); begin = end + 1) {
      end = table.find('\n', begin);
      if (begin > 0) csv += text(run.seed, ",");
      if (begin > 0 || !lines.empty()) csv += text(lines, table.substr(begin, end - begin), "\n"), lines = {};
    }
  }
  return csv;
}

std::string history_json(const std::vector<TrainedRun>& runs) {
  Json all = Json::array();
  for (const TrainedRun& run : runs)
    all.push_back({{"seed", run.seed}, {"epochs", Json::parse(to_json(run.state.history))}});
  return dump(all);
}

std::string listed_samples(const std::vector<TrainedRun>& runs) {
  std::string all;
  for (const TrainedRun& run : runs)
    all += (runs.size() > 1 ? text("==== seed ", run.seed, "\n") : std::string()) + run.state.samples_written;
  return all;
}

void add_figures(Report& report, const Model& model, const std::vector<TrainedRun>& runs, const TrainedRun& best,
                 const std::vector<std::string>& samples) {
  const History& history = best.state.history;
  report.figure(
      "loss", loss_curves(model, runs), "Loss (bits per " + token_of(model.options) + ") against the epoch.",
      text("Validation loss of seed ", best.seed, ": ", bits_per_symbol(history.front().validation_loss),
           " bits after the first epoch, ", bits_per_symbol(history.back().validation_loss), " after the last."));
  report.figure("ratios", ratio_map(model, best.state),
                "Size of the last update of each epoch relative to each tensor, log10.",
                "Logarithm of the Euclidean norm of the update divided by that of the weight; about -3 is normal.");
  if (samples.empty()) return;
  DataTable table{{"sample", "text"}, {}};
  for (const std::string& one : samples) table.rows.push_back({Index(table.rows.size()) + 1, one});
  report.table("samples", table, "Texts generated by the trained model.");
}

}  // namespace

std::size_t best_of(const std::vector<TrainedRun>& runs) {
  return std::size_t(std::ranges::min_element(runs, {}, loss_of) - runs.begin());
}

std::string corpus_text(const Options& options, const Corpus& corpus) {
  return text(corpus.train.tokens(), " training ", options.tokens, ", ", corpus.validation.tokens(), " validation ",
              options.tokens, "; vocabulary ", corpus.vocabulary.size(), "\n  ", options.text, "\n");
}

std::string network_text(const Model& model) {
  const Options& o = model.options;
  return text(o.cell, ", ", o.layers, " x ", o.units, " units, embedding dimension ", o.embedding, ", ",
              model.network.parameters().size(), " parameters\n");
}

std::string first_loss_text(const RunState& state, const Model& model) {
  const long tokens = long(model.vocabulary.size());
  return format("first loss %.3f bits per %s; with uniform probabilities, log2(%ld) = %.3f\n",
                bits_per_symbol(state.first_loss), token_of(model.options).c_str(), tokens, std::log2(double(tokens)));
}

std::string epoch_text(const Model& model, const RunState& state, Index epochs) {
  const auto& row = state.history.back();
  return format("epoch %*.0f/%ld   training %s   validation %s   ", int(text(epochs).size()), row.epoch, long(epochs),
                loss_text(row.loss, model.options).c_str(), loss_text(row.validation_loss, model.options).c_str()) +
         format("%.1f s, %.0f %s/s   rate %.2g\n", row.seconds, double(state.tokens) / row.seconds,
                model.options.tokens.c_str(), row.learning_rate);
}

std::string validation_text(const Validation& validation, const Options& options) {
  const LossValue& loss = validation.evaluation.loss;
  return loss_text(loss.value(), options) +
         format(" on %ld %s, %.2f %% unknown", long(loss.scored), options.tokens.c_str(), 100 * validation.unknown);
}

std::string total_text(const std::string& file, const Total& total, const Options& options) {
  return file + ": " + loss_text(total.mean(), options) +
         format(" on %ld %s, %.2f %% unknown\n", long(total.tokens), options.tokens.c_str(),
                100 * double(total.unknown) / double(total.tokens));
}

std::string samples_text(const std::vector<std::string>& samples) {
  std::string all;
  for (const std::string& one : samples) all += one + "\n" + (one.find('\n') == one.npos ? "" : "---\n");
  return all;
}

namespace {

Json loss_json(double nats, Index tokens, double unknown) {
  return {{"bits_per_token", bits_per_symbol(nats)},
          {"perplexity", perplexity(nats)},
          {"tokens", tokens},
          {"unknown_share", unknown}};
}
Json loss_json(const Validation& validation) {
  const LossValue& loss = validation.evaluation.loss;
  return loss_json(loss.value(), Index(loss.scored), validation.unknown);
}

}  // namespace

std::string json_of(const Validation& validation, const std::string& text) {
  Json json{{"text", text}};
  json.update(loss_json(validation));
  return dump(json);
}

std::string json_of(const std::vector<std::string>& samples) { return dump({{"samples", samples}}); }

std::string json_of(const std::vector<TrainedRun>& runs, const std::filesystem::path& folder) {
  const TrainedRun& best = runs[best_of(runs)];
  Json json{{"model", (folder / "model.safetensors").string()}, {"seed", best.seed}, {"runs", Json::array()}};
  for (const TrainedRun& run : runs) {
    Json one{{"seed", run.seed}, {"epochs", run.state.epochs}};
    one.update(Json{{"validation", loss_json(run.validation)}});
    json["runs"].push_back(std::move(one));
  }
  return dump(json);
}

std::string json_of(const std::vector<std::pair<std::string, Total>>& files, const DataTable& rows) {
  Json json{{"files", Json::array()}, {"rows", Json::array()}};
  for (const auto& [file, total] : files) {
    Json one{{"file", file}};
    one.update(loss_json(total.mean(), total.tokens, double(total.unknown) / double(total.tokens)));
    json["files"].push_back(std::move(one));
  }
  for (const auto& row : rows.rows) {
    Json one = Json::object();
    for (std::size_t k = 0; k < row.size(); ++k) {
      const double number = row[k].number();
      const bool whole = number == std::floor(number) && std::abs(number) < 1e15;
      one[rows.columns[k]] = row[k].is_text() ? Json(row[k].letters()) : whole ? Json(Index(number)) : Json(number);
    }
    json["rows"].push_back(std::move(one));
  }
  return dump(json);
}

example::RunScores scores_of(const Model& model, const std::vector<TrainedRun>& runs, const Part& validation,
                             const Options& options) {
  example::Fingerprint tokens;
  each_piece(validation, model.vocabulary, options, [&](const Dataset<float>& data, std::span<const Index> samples) {
    for (const Index sample : samples) {
      const Index count = data.labels(sample).size();
      tokens.add(&count, sizeof count);
      for (const Index label : data.labels(sample)) {
        const std::string token = label < 0 ? std::string() : std::string(model.vocabulary.token(label));
        tokens.add(token.c_str(), token.size() + 1);
      }
    }
  });
  const std::string unit = "bits per " + token_of(model.options);
  example::RunScores scores{.seeds = {}, .items = "pieces of the validation text", .tested = tokens.text()};
  example::ItemMeasure loss{.name = "validation loss", .unit = unit, .larger_is_better = false, .scale = 1};
  std::vector<History> histories;
  for (const TrainedRun& run : runs) {
    scores.seeds.push_back(run.seed);
    histories.push_back(run.state.history);
    auto& [parts, wholes] = loss.seeds.emplace_back();
    for (const LossValue& piece : run.validation.pieces)
      parts.push_back(bits_per_symbol(piece.sum)), wholes.push_back(piece.count);
  }
  scores.curves = example::curves_of(histories, unit, bits_per_symbol(1));
  scores.measures.push_back(std::move(loss));
  return scores;
}

std::string write_results(const Model& model, const Options& options, const std::vector<TrainedRun>& runs,
                          const std::vector<std::string>& samples, const std::filesystem::path& folder) {
  const TrainedRun& best = runs[best_of(runs)];
  write_text(folder / "history.csv", history_csv(runs));
  write_text(folder / "history.json", history_json(runs));
  write_text(folder / "samples.txt", listed_samples(runs));
  Report report(text("Language model of ", options.tokens, ": ", example::title_of(options.text)), folder);
  report.paragraph(text("Cell ", options.cell, ", text ", options.text, ". Validation, seed ", best.seed, ": ",
                        validation_text(best.validation, options),
                        ". Settings are chosen by the validation text only. A test text is evaluated once, with the "
                        "chosen settings: text evaluate --text FILE."));
  add_metrics(report, model, runs, best);
  report.settings({model.training.begin(), model.training.end()});
  report.environment(environment(example::today()));
  add_figures(report, model, runs, best, samples);
  for (const auto& [name, what] : NamedValues{{"model.safetensors", "trained network and vocabulary"},
                                              {"config.json", "settings, for --config"},
                                              {"history.csv", "one line per run and epoch"},
                                              {"history.json", "one entry per run and epoch"},
                                              {"samples.txt", "texts generated after every epoch"}})
    report.file(name, what);
  report.write();
  return report.missing();
}

}  // namespace lm
