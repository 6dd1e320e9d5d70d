#include "training.hpp"

#include <numeric>

#include "../support/trained.hpp"

namespace g2p {

using namespace unroll;

namespace {

/// One pair for each pronunciation of a word.
Pairs pairs_of(const Words& words) {
  std::vector<MatrixX<float>> sources;
  std::vector<std::vector<Index>> targets;
  for (std::size_t k = 0; k < words.sources.size(); ++k)
    for (const auto& pronunciation : words.pronunciations[k])
      sources.push_back(words.sources[k]), targets.push_back(pronunciation);
  return {std::move(sources), std::move(targets), special_tokens};
}

/// Learning rate that falls to a part of its value for the last quarter of the epochs.
struct LateFall {
  double first, factor;
  Index epochs;
  double rate(long epoch) const { return first * (4 * epoch >= 3 * epochs ? factor : 1); }
};

constexpr Index rate_numbers = 4;

void add(const ErrorRates& rates, VectorX<double>& all) {
  all.conservativeResize(all.size() + rate_numbers);
  all.tail(rate_numbers) << double(rates.edits), double(rates.phonemes), double(rates.wrong_words), double(rates.words);
}

/// Measurements of epoch k of a state.
Epoch epoch_of(const State& state, std::size_t k) {
  const unroll::Epoch& row = state.history[k];
  const auto rates = state.rates.segment(Index(k) * rate_numbers, rate_numbers);
  return {Index(row.epoch),
          row.loss,
          row.validation_loss,
          {Index(rates[0]), Index(rates[1]), Index(rates[2]), Index(rates[3])},
          row.seconds};
}

PairFitOptions fit_options(const Options& options, std::uint64_t seed, const Threads& threads,
                           const Pairs& validation) {
  PairFitOptions fit{.epochs = options.epochs,
                     .batches = {.size = options.batch},
                     .seed = seed,
                     .validation = &validation,
                     .clip_norm = options.clip,
                     .learning_rate = LateFall{options.rate, options.late_rate, options.epochs},
                     .threads = threads,
                     .products = example::precision_of(options.products)};
  if (options.patience > 0) fit.early_stopping = {.patience = options.patience};
  return fit;
}

}  // namespace

double Run::seconds() const {
  return std::accumulate(history.begin(), history.end(), 0.0,
                         [](double sum, const Epoch& epoch) { return sum + epoch.seconds; });
}

Run train(Network& network, const Options& options, const Data& data, std::uint64_t seed, const Threads& threads,
          const example::RunControl& control, const std::function<void(const Epoch&)>& on_epoch) {
  const Pairs pairs = pairs_of(data.train), validation = pairs_of(data.validation);
  Adam<float> adam({.learning_rate = options.rate});
  State state;
  PairFitOptions fit = fit_options(options, seed, threads, validation);
  fit.on_epoch = [&](const unroll::Epoch&) {
    add(error_rates(decode({&network}, data.validation.sources, {.beams = 0}, threads), data.validation), state.rates);
    on_epoch(epoch_of(state, state.history.size() - 1));
    return true;
  };
  network.fit(pairs, adam, fit, control, state);
  Run run{seed};
  for (std::size_t k = 0; k < state.history.size(); ++k) run.history.push_back(epoch_of(state, k));
  if (options.patience > 0) run.best_epoch = Index(state.best_epoch);
  example::stop_if_requested();
  run.validation = test({&network}, options.search, data.validation, threads);
  return run;
}

Tested test(const Networks& networks, const Search& search, const Words& words, const Threads& threads) {
  const Search best{.beams = search.beams, .length_penalty = search.length_penalty};
  const Hypotheses hypotheses = decode(networks, words.sources, best, threads);
  return {error_rates(decode(networks, words.sources, {.beams = 0}, threads), words), error_rates(hypotheses, words),
          error_rates_of_words(hypotheses, words)};
}

}  // namespace g2p
