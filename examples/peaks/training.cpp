#include "training.hpp"

#include <chrono>

#include "unroll/losses/log_ratio.hpp"
#include "unroll/losses/mean_squared_error.hpp"
#include "unroll/optim/adam.hpp"
#include "unroll/train/fit.hpp"

namespace peaks {

using namespace unroll;

namespace {

// Squared error has small gradients until peaks rise, then a few that are a thousand times larger; these would stay in
// Adam's moments and stall training for epochs.
constexpr double warm_up_clip = 1e-3, clip = 1;  // maximum gradient norm

constexpr Index scored_together = 4;  // events; convolutions over more would need more memory than training

Outcome score(Evaluator<Network>& evaluator, const Network& network, const Events& events, const Search& search,
              int threads) {
  Outcome all;
  evaluator.each_output(network, events.data, all_samples(events.data.size()), {scored_together, {threads}},
                        [&](Index event, const ConstView<float>& output) {
                          const MatrixX<float> row = output;
                          all.score += compare(bins_of(events.data.values(event)), bins_of(row), search);
                          all.largest = std::max(all.largest, row.maxCoeff());
                        });
  return all;
}

/// Epochs with the same loss function.
struct Phase {
  Index first, last;
  double clip;
  bool detects_collapse;
};

class Training {
 public:
  Training(Network& network, const TrainingOptions& options, const Events& training, const Events& monitored,
           const Search& search, Run& run, const std::function<void(const RunEpoch&)>& on_epoch)
      : network_(network),
        options_(options),
        training_(training),
        monitored_(monitored),
        search_(search),
        run_(run),
        on_epoch_(on_epoch),
        watch_(search.threshold) {}

  void run() {
    network_.initialise(run_.seed);
    const Index warm_up = std::min(options_.warm_up, options_.epochs);
    phase(MeanSquaredError<float>(), {0, warm_up, warm_up_clip, false});
    phase(LogRatio<float>({.asymmetry = options_.asymmetry}), {warm_up, options_.epochs, clip, true});
  }

 private:
  /// Each phase has a new optimizer, because the gradients of the losses differ in scale.
  template <class Loss>
  void phase(const Loss& loss, const Phase& phase) {
    const auto [first, last, largest, detects_collapse] = phase;
    if (first == last) return;
    const auto cut = Index(0.7 * double(options_.epochs));
    const auto factor = [cut, begin = first](long epoch) { return begin + epoch < cut ? 1.0 : 0.3; };
    Adam<float> adam({.learning_rate = options_.rate});
    fit(network_, loss, adam, training_.data,
        {.epochs = last - first,
         .batches = {.size = options_.batch},
         .seed = Random(run_.seed, Purpose::shuffle, std::uint64_t(first)).bits(0),  // an order of this phase
         .clip_norm = largest,
         .learning_rate = schedule::lambda(options_.rate, factor),
         .threads = {options_.threads},
         .shard = shard_of(options_.batch),
         .keeping = plan_of(options_).keeping,
         .on_epoch = [&, detect = detects_collapse](const Epoch& epoch) { return this->conclude(epoch, detect); },
         .progress = Progress::quiet});
  }

  /// Callback after an epoch. Returns true if training continues.
  bool conclude(Epoch numbers, bool detects_collapse) {
    numbers.epoch = double(run_.epochs.size() + 1);
    run_.epochs.push_back({numbers, score(evaluator_, network_, monitored_, search_, options_.threads)});
    on_epoch_(run_.epochs.back());
    if (!detects_collapse || !watch_.is_collapsed(numbers.loss, run_.epochs.back().outcome)) return true;
    run_.collapse = collapse_text(Index(numbers.epoch), run_.epochs.back().outcome, options_.warm_up, options_.rate);
    return false;
  }

  Network& network_;
  const TrainingOptions& options_;
  const Events& training_;
  const Events& monitored_;
  const Search& search_;
  Run& run_;
  const std::function<void(const RunEpoch&)>& on_epoch_;
  CollapseWatch watch_;
  Evaluator<Network> evaluator_;
};

}  // namespace

Index shard_of(Index batch) { return (batch + 1) / 2; }

TrainingPlan plan_of(const TrainingOptions& options) {
  return {.keeping = {options.checkpoints ? Keep::checkpoints : Keep::everything},
          .parts = options.batch > 1 ? 2 : 1,
          .threads = 2};
}

Outcome score(const Network& network, const Events& events, const Search& search, int threads) {
  Evaluator<Network> evaluator;
  return score(evaluator, network, events, search, threads);
}

Run train(Network& network, const TrainingOptions& options, const Events& training, const Events& monitored,
          const Search& search, std::uint64_t seed, const std::function<void(const RunEpoch&)>& on_epoch) {
  Run run{.seed = seed};
  const auto begin = std::chrono::steady_clock::now();
  Training(network, options, training, monitored, search, run, on_epoch).run();
  run.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  run.parameters = network.parameters().values();
  return run;
}

std::vector<MatrixX<float>> predict(const Network& network, const Events& events, int threads) {
  return unroll::predict(network, events.data, {scored_together, {threads}});
}

}  // namespace peaks
