#include "training.hpp"

#include <chrono>
#include <ctime>

#include "unroll/data/batches.hpp"

namespace g2p {

using namespace unroll;

namespace {

/// Of all threads together, as std::clock counts.
class Stopwatch {
 public:
  Seconds seconds() const {
    return {std::chrono::duration<double>(std::chrono::steady_clock::now() - wall_).count(),
            double(std::clock() - processor_) / CLOCKS_PER_SEC};
  }

 private:
  std::chrono::steady_clock::time_point wall_ = std::chrono::steady_clock::now();
  std::clock_t processor_ = std::clock();
};

class Training {
 public:
  Training(Network& network, const Options& options, const Words& words, std::uint64_t seed, const Threads& threads)
      : options_(options),
        seed_(seed),
        threads_(threads),
        pairs_(pairs_of(words)),
        samples_(all_samples(pairs_.size())),
        adam_({.learning_rate = options.rate}),
        step_(network.step(adam_, {.clip_norm = options.clip, .seed = seed, .threads = threads})) {}

  /// The mean loss of an epoch, counted from 0.
  double epoch(Index k) {
    adam_.learning_rate() = options_.rate * (4 * k >= 3 * options_.epochs ? 0.3 : 1);
    batches_.plan(
        samples_, [&](Index s) { return pairs_.length(s); }, {.size = options_.batch}, seed_, k);
    LossValue loss;
    for (Index b = 0; b < batches_.count(); ++b) {
      batch_.gather(pairs_, batches_.batch(b), 0, &threads_);
      loss += step_(batch_).loss;
    }
    return loss.value();
  }

 private:
  /// Each pronunciation of a word is learned.
  static SequencePairs<float> pairs_of(const Words& words) {
    std::vector<Matrix<float>> sources;
    std::vector<std::vector<Index>> targets;
    for (std::size_t k = 0; k < words.sources.size(); ++k)
      for (const auto& pronunciation : words.pronunciations[k])
        sources.push_back(words.sources[k]), targets.push_back(pronunciation);
    return {std::move(sources), std::move(targets), marks};
  }

  const Options& options_;
  std::uint64_t seed_;
  const Threads& threads_;
  SequencePairs<float> pairs_;
  std::vector<Index> samples_;
  Adam<float> adam_;
  BatchStep step_;
  Batches batches_;
  PairsBatch batch_;
};

}  // namespace

Run train(Network& network, const Options& options, const Data& data, std::uint64_t seed, const Threads& threads,
          const std::function<void(const Epoch&)>& on_epoch) {
  network.initialise(seed);
  Training training(network, options, data.train, seed, threads);
  Run run{seed};
  for (Index k = 0; k < options.epochs; ++k) {
    const Stopwatch watch;
    const double loss = training.epoch(k);
    network.check_finite(text("epoch ", k + 1));
    const Seconds seconds = watch.seconds();
    run.seconds.wall += seconds.wall, run.seconds.processor += seconds.processor;
    const auto written = write(network, data.validation.sources, {.beams = 0}, threads);
    run.history.push_back({k + 1, loss, error_rates(written, data.validation), seconds});
    on_epoch(run.history.back());
  }
  run.validation = test(network, options, data.validation, threads);
  run.test = test(network, options, data.test, threads);
  return run;
}

Tested test(const Network& network, const Options& options, const Words& words, const Threads& threads) {
  const Search search{.beams = options.search.beams, .length_penalty = options.search.length_penalty};
  return {error_rates(write(network, words.sources, {.beams = 0}, threads), words),
          error_rates(write(network, words.sources, search, threads), words)};
}

}  // namespace g2p
