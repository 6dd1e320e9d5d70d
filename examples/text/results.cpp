#include "results.hpp"

#include <cmath>

#include "../support/format.hpp"
#include "unroll/io/checkpoint.hpp"
#include "unroll/report/curves.hpp"
#include "unroll/report/heat_map.hpp"
#include "unroll/report/report.hpp"

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
  curves.series.push_back(figure::over_steps(model.options.dropout > 0 ? "learned from, with dropout" : "learned from",
                                             column(history, &unroll::Epoch::loss, bits(1)), 1));
  curves.series.push_back(figure::over_steps("watched", column(history, &unroll::Epoch::validation_loss, bits(1)), 1));
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

void add_metrics(Report& report, const Model& model, const RunState& state, const Watched& watched) {
  const double loss = watched.evaluation.loss.value();
  report.metric({.name = "bits per " + token_of(model.options), .value = bits(loss), .note = "of the watched text"});
  report.metric({.name = "perplexity", .value = perplexity(loss), .note = "of the watched text"});
  report.metric({.name = "unknown", .value = 100 * watched.unknown, .unit = "%", .note = "of the watched tokens"});
  report.metric({.name = "first loss", .value = state.first_loss, .unit = "nats", .note = "of the first batch"});
  report.metric({.name = "guessing",
                 .value = std::log(double(model.vocabulary.size())),
                 .unit = "nats",
                 .note = "ln of the number of tokens"});
  double seconds = 0;
  for (const auto& epoch : state.training.history) seconds += epoch.seconds;
  report.metric({.name = "speed",
                 .value = std::round(double(state.tokens) * double(state.training.epochs) / seconds),
                 .unit = model.options.tokens + "/s",
                 .note = "while learning"});
  report.metric({.name = "tokens", .value = double(model.vocabulary.size()), .note = "in the vocabulary"});
  report.metric({.name = "parameters", .value = double(model.network.parameters().size())});
}

}  // namespace

std::string corpus_text(const Options& options, const Corpus& corpus) {
  return text(corpus.train.tokens(), " ", options.tokens, " to learn from, ", corpus.watched.tokens(), " to watch; ",
              corpus.vocabulary.size(), " different ones\n  ", options.text, "\n");
}

std::string network_text(const Model& model) {
  const Options& o = model.options;
  return text(o.cell, ", ", o.layers, " x ", o.units, " units, embedding of ", o.embedding, ", ",
              model.network.parameters().size(), " parameters\n");
}

std::string first_loss_text(const RunState& state, Index tokens) {
  return format("first loss %.3f nats; ln %ld = %.3f is that of guessing\n", state.first_loss, long(tokens),
                std::log(double(tokens)));
}

std::string epoch_text(const Model& model, const RunState& state, Index epochs) {
  const auto& row = state.training.history.back();
  const std::string token = token_of(model.options);
  return format(
      "epoch %2.0f/%ld   loss %.3f   watched: %.3f bits per %s, perplexity %.2f   %.1f s, %.0f %s/s   rate %.2g\n",
      row.epoch, long(epochs), row.loss, bits(row.validation_loss), token.c_str(), perplexity(row.validation_loss),
      row.seconds, double(state.tokens) / row.seconds, model.options.tokens.c_str(), row.learning_rate);
}

std::string watched_text(const Watched& watched, const Options& options) {
  const double loss = watched.evaluation.loss.value();
  return format("%.3f bits per %s, perplexity %.2f on %ld %s, %.2f %% of them unknown", bits(loss),
                token_of(options).c_str(), perplexity(loss), long(watched.evaluation.loss.scored),
                options.tokens.c_str(), 100 * watched.unknown);
}

std::string write_results(const Model& model, const RunState& state, const Watched& watched,
                          const std::filesystem::path& folder) {
  const History& history = state.training.history;
  write_text(folder / "history.csv", to_csv(history));
  write_text(folder / "history.json", to_json(history));
  write_text(folder / "samples.txt", state.samples);
  Report report("A text, learned by " + model.options.tokens, folder);
  report.paragraph(text("A network of kind ", model.options.cell, " foretells the next ", token_of(model.options),
                        " of ", model.options.text, ". ", watched_text(watched, model.options), "."));
  add_metrics(report, model, state, watched);
  report.settings(settings_as_text(model.options));
  report.environment(environment());
  report.figure("loss", loss_curves(model, state), "Loss of every epoch.",
                text("The watched loss begins at ", bits(history.front().validation_loss), " and ends at ",
                     bits(history.back().validation_loss), " bits."));
  report.figure("ratios", ratio_map(model, state), "How far the last update of each epoch moved each tensor.",
                "Euclidean norm of the update divided by that of the weight, as a power of ten; about -3 is sound.");
  for (const auto& [name, what] : NamedValues{{"model.safetensors", "the trained network with its vocabulary"},
                                              {"config.json", "the settings, to be given as --config"},
                                              {"history.csv", "every epoch"},
                                              {"history.json", "the same"},
                                              {"samples.txt", "written after every epoch"}})
    report.file(name, what);
  report.write();
  return report.missing();
}

}  // namespace lm
