#include "training.hpp"

#include <chrono>
#include <ctime>

#include "unroll/data/pairs.hpp"

namespace g2p {

using namespace unroll;

namespace {

/// Wall-clock and processor time since construction; std::clock counts all threads of the process.
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

/// One pair for each pronunciation of a word.
Pairs pairs_of(const Words& words) {
  std::vector<MatrixX<float>> sources;
  std::vector<std::vector<Index>> targets;
  for (std::size_t k = 0; k < words.sources.size(); ++k)
    for (const auto& pronunciation : words.pronunciations[k])
      sources.push_back(words.sources[k]), targets.push_back(pronunciation);
  return {std::move(sources), std::move(targets), special_tokens};
}

/// Learning rate that falls to 0.3 of its value for the last quarter of the epochs.
struct LateFall {
  double first;
  Index epochs;
  double rate(long epoch) const { return first * (4 * epoch >= 3 * epochs ? 0.3 : 1); }
};

}  // namespace

Run train(Network& network, const Options& options, const Data& data, std::uint64_t seed, const Threads& threads,
          const std::function<void(const Epoch&)>& on_epoch) {
  network.initialise(seed);
  const Pairs pairs = pairs_of(data.train);
  Adam<float> adam({.learning_rate = options.rate});
  Run run{seed};
  Stopwatch watch;
  network.fit(
      pairs, adam,
      {.epochs = options.epochs,
       .batches = {.size = options.batch},
       .seed = seed,
       .clip_norm = options.clip,
       .learning_rate = LateFall{options.rate, options.epochs},
       .threads = threads,
       .on_epoch =
           [&](const unroll::Epoch& row) {
             const Seconds seconds = watch.seconds();
             run.seconds.wall += seconds.wall, run.seconds.processor += seconds.processor;
             const auto hypotheses = decode(network, data.validation.sources, {.beams = 0}, threads);
             run.history.push_back({Index(row.epoch), row.loss, error_rates(hypotheses, data.validation), seconds});
             on_epoch(run.history.back());
             watch = {};
             return true;
           },
       .progress = Progress::quiet});
  run.validation = test(network, options, data.validation, threads);
  run.test = test(network, options, data.test, threads);
  return run;
}

Tested test(const Network& network, const Options& options, const Words& words, const Threads& threads) {
  const Search search{.beams = options.search.beams, .length_penalty = options.search.length_penalty};
  return {error_rates(decode(network, words.sources, {.beams = 0}, threads), words),
          error_rates(decode(network, words.sources, search, threads), words)};
}

}  // namespace g2p
