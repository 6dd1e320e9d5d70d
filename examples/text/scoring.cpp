#include "scoring.hpp"

#include <cmath>

#include "unroll/losses/softmax_cross_entropy.hpp"
#include "unroll/train/evaluate.hpp"
#include "unroll/train/metrics/summary.hpp"

namespace lm {

using namespace unroll;

namespace {

/// Losses of the labels of a sample.
VectorX<double> losses_of(const ConstView<float>& output, const Labels& labels) {
  VectorX<double> losses(labels.size());
  SoftmaxCrossEntropy<float>().per_column(output, labels, losses);
  return losses;
}

/// Losses of all tokens of a stream but the first.
std::vector<double> stream_losses(const Network& network, const std::vector<Index>& tokens, Index vocabulary) {
  const TokenStreams<float> stream(tokens, vocabulary, {.streams = 1, .steps = 256, .tail = Tail::keep});
  Network::Weights weights;
  Network::Tape tape;
  network.prepare(weights);
  ModelState<float> states;
  Batch<float> batch;
  std::vector<double> all;
  for (Index k = 0; k < stream.windows(); ++k) {
    batch.gather(stream.data(), stream.window(k));
    const auto output =
        network.forward(weights, batch.x(), batch.timeline(), tape, {.keeping = {Keep::nothing}}, states);
    const VectorX<double> losses = losses_of(output, stream.data().labels(k));
    all.insert(all.end(), losses.begin(), losses.end());
    network.final_state(tape, states);
  }
  return all;
}

std::vector<Scores> score_stream(const Model& model, const Tokens& tokens) {
  const std::vector<Index> numbers = model.vocabulary.numbers(tokens);
  const std::vector<double> losses = stream_losses(model.network, numbers, model.vocabulary.size());
  const std::string end(model.options.words() ? Vocabulary::end_token : "\n");
  std::vector<Scores> all;
  bool begins = true;
  Index line = 1 + (tokens.front() == end);
  for (std::size_t k = 1; k < tokens.size(); ++k) {
    if (begins) all.push_back({.unit = line, .first = Index(k == 1 && tokens.front() != end)});
    all.back().tokens.push_back(tokens[k]);
    all.back().known.push_back(model.vocabulary.find(tokens[k]).has_value());
    all.back().nats.push_back(losses[k - 1]);
    begins = tokens[k] == end;
    line += begins;
  }
  return all;
}

std::vector<Scores> score_units(const Model& model, const std::vector<Tokens>& units, const Threads& threads) {
  const auto data = sentence_data<float>(part_of(units, model.vocabulary).units, model.vocabulary);
  std::vector<Scores> all;
  Evaluator<Network>().each_output(model.network, data, all_samples(data.size()), {.threads = threads},
                                   [&](Index k, const auto& output) {
                                     const VectorX<double> losses = losses_of(output, data.labels(k));
                                     Scores scores{.unit = k + 1, .tokens = units[std::size_t(k)]};
                                     for (const std::string& token : scores.tokens)
                                       scores.known.push_back(model.vocabulary.find(token).has_value());
                                     scores.tokens.emplace_back(Vocabulary::end_token);
                                     scores.known.push_back(true);
                                     scores.nats.assign(losses.begin(), losses.end());
                                     all.push_back(std::move(scores));
                                   });
  return all;
}

}  // namespace

std::vector<Scores> score(const Model& model, const std::string& file, const std::string& column,
                          const Threads& threads) {
  const std::vector<Tokens> tokens = read_tokens(file, column, model.options);
  require<ValueError>(!model.options.streams() || tokens.front().size() > 1, file,
                      ": the text must have at least 2 tokens, got ", tokens.front().size());
  auto all = model.options.streams() ? score_stream(model, tokens.front()) : score_units(model, tokens, threads);
  for (Scores& scores : all) scores.file = file;
  return all;
}

Total& Total::operator+=(const Scores& scores) {
  tokens += Index(scores.tokens.size());
  for (const bool known : scores.known) unknown += !known;
  for (const double loss : scores.nats) nats += loss;
  return *this;
}

Total total_of(const std::vector<Scores>& all) {
  Total total;
  for (const Scores& scores : all) total += scores;
  return total;
}

DataTable token_table(const std::vector<Scores>& all) {
  DataTable table{{"file", "unit", "position", "token", "known", "bits", "probability"}, {}};
  for (const Scores& scores : all)
    for (std::size_t k = 0; k < scores.tokens.size(); ++k)
      table.rows.push_back({scores.file, scores.unit, scores.first + Index(k) + 1, scores.tokens[k],
                            int(scores.known[k]), bits_per_symbol(scores.nats[k]), std::exp(-scores.nats[k])});
  return table;
}

DataTable unit_table(const std::vector<Scores>& all, const Options& options) {
  DataTable table{{"file", "unit", "tokens", "unknown", "bits_per_token", "perplexity", "bits", "text"}, {}};
  for (const Scores& scores : all) {
    Total total;
    total += scores;
    std::string text = text_of(scores.tokens, options);
    if (text.ends_with('\n')) text.pop_back();
    table.rows.push_back({scores.file, scores.unit, total.tokens, total.unknown, bits_per_symbol(total.mean()),
                          perplexity(total.mean()), bits_per_symbol(total.nats), text});
  }
  return table;
}

}  // namespace lm
