#include "results.hpp"

#include <cmath>

#include "../support/format.hpp"
#include "unroll/io/checkpoint.hpp"
#include "unroll/report/curves.hpp"
#include "unroll/report/heat_map.hpp"
#include "unroll/report/report.hpp"
#include "unroll/train/metrics/summary.hpp"

namespace lm {

using namespace unroll;
using example::format;

namespace {

std::string token_of(const Options& options) { return options.words() ? "word" : "character"; }

std::vector<double> column(const History& history, double unroll::Epoch::*value, double factor = 1) {
  std::vector<double> all;
  for (const auto& epoch : history) all.push_back(factor * (epoch.*value));
  return all;
}

figure::Curves loss_curves(const Model& model, const RunState& state) {
  const auto& history = state.training.history;
  figure::Curves curves{.title = "", .x = {"epoch"}, .y = {"bits per " + token_of(model.options)}, .series = {}};
  curves.series.push_back(figure::over_steps(model.options.dropout > 0 ? "training, with dropout" : "training",
                                             column(history, &unroll::Epoch::loss, bits_per_symbol(1)), 1));
  curves.series.push_back(
      figure::over_steps("validation", column(history, &unroll::Epoch::validation_loss, bits_per_symbol(1)), 1));
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

NamedValues settings_as_text(const Options& options) {
  Options copy = options;
  NamedValues values;
  const Settings settings = settings_of(copy);
  for (const Setting& setting : settings.all())
    if (setting.belongs_to("train")) values.emplace_back(setting.name, setting.text());
  return values;
}

void add_metrics(Report& report, const Model& model, const RunState& state, const Validation& validation) {
  const double loss = validation.evaluation.loss.value();
  report.metric(
      {.name = "bits per " + token_of(model.options), .value = bits_per_symbol(loss), .note = "validation text"});
  report.metric({.name = "perplexity", .value = perplexity(loss), .note = "validation text"});
  report.metric({.name = "unknown tokens", .value = 100 * validation.unknown, .unit = "%", .note = "validation text"});
  report.metric(
      {.name = "first loss", .value = state.first_loss, .unit = "nats", .note = "first batch, before training"});
  report.metric({.name = "loss of uniform probabilities",
                 .value = std::log(double(model.vocabulary.size())),
                 .unit = "nats",
                 .note = "ln of the number of tokens"});
  double seconds = 0;
  for (const auto& epoch : state.training.history) seconds += epoch.seconds;
  report.metric({.name = "training speed",
                 .value = std::round(double(state.tokens) * double(state.training.epochs) / seconds),
                 .unit = model.options.tokens + "/s"});
  report.metric({.name = "vocabulary", .value = double(model.vocabulary.size()), .unit = "tokens"});
  report.metric({.name = "parameters", .value = double(model.network.parameters().size())});
}

}  // namespace

std::string corpus_text(const Options& options, const Corpus& corpus) {
  return text(corpus.train.tokens(), " training ", options.tokens, ", ", corpus.validation.tokens(), " validation ",
              options.tokens, "; vocabulary ", corpus.vocabulary.size(), "\n  ", options.text, "\n");
}

std::string network_text(const Model& model) {
  const Options& o = model.options;
  return text(o.cell, ", ", o.layers, " x ", o.units, " units, embedding dimension ", o.embedding, ", ",
              model.network.parameters().size(), " parameters\n");
}

std::string first_loss_text(const RunState& state, Index tokens) {
  return format("first loss %.3f nats; loss of uniform probabilities, ln %ld = %.3f\n", state.first_loss, long(tokens),
                std::log(double(tokens)));
}

std::string epoch_text(const Model& model, const RunState& state, Index epochs) {
  const auto& row = state.training.history.back();
  const std::string token = token_of(model.options);
  return format(
      "epoch %2.0f/%ld   loss %.3f   validation: %.3f bits per %s, perplexity %.2f   %.1f s, %.0f %s/s   rate %.2g\n",
      row.epoch, long(epochs), row.loss, bits_per_symbol(row.validation_loss), token.c_str(),
      perplexity(row.validation_loss), row.seconds, double(state.tokens) / row.seconds, model.options.tokens.c_str(),
      row.learning_rate);
}

std::string validation_text(const Validation& validation, const Options& options) {
  const double loss = validation.evaluation.loss.value();
  return format("%.3f bits per %s, perplexity %.2f on %ld %s, %.2f %% unknown", bits_per_symbol(loss),
                token_of(options).c_str(), perplexity(loss), long(validation.evaluation.loss.scored),
                options.tokens.c_str(), 100 * validation.unknown);
}

std::string write_results(const Model& model, const RunState& state, const Validation& validation,
                          const std::filesystem::path& folder) {
  const History& history = state.training.history;
  write_text(folder / "history.csv", to_csv(history));
  write_text(folder / "history.json", to_json(history));
  write_text(folder / "samples.txt", state.samples);
  Report report("Language model of " + model.options.tokens, folder);
  report.paragraph(text("Cell ", model.options.cell, ", text ", model.options.text,
                        ". Validation: ", validation_text(validation, model.options), "."));
  add_metrics(report, model, state, validation);
  report.settings(settings_as_text(model.options));
  report.environment(environment());
  report.figure(
      "loss", loss_curves(model, state), "Loss (bits per " + token_of(model.options) + ") against the epoch.",
      text("Validation loss: ", bits_per_symbol(history.front().validation_loss), " bits after the first epoch, ",
           bits_per_symbol(history.back().validation_loss), " after the last."));
  report.figure("ratios", ratio_map(model, state),
                "Size of the last update of each epoch relative to each tensor, log10.",
                "Logarithm of the Euclidean norm of the update divided by that of the weight; about -3 is normal.");
  for (const auto& [name, what] : NamedValues{{"model.safetensors", "trained network and vocabulary"},
                                              {"config.json", "settings, for --config"},
                                              {"history.csv", "one line per epoch"},
                                              {"history.json", "one entry per epoch"},
                                              {"samples.txt", "texts generated after every epoch"}})
    report.file(name, what);
  report.write();
  return report.missing();
}

}  // namespace lm
