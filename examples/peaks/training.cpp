#include "training.hpp"

#include <algorithm>

#include "../support/trained.hpp"
#include "unroll/io/formats/npy.hpp"
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

/// Calls f(event, comparison of true and predicted peaks, largest output) for each event.
template <class F>
void each_comparison(Evaluator<Network>& evaluator, const Network& network, const Events& events, const Search& search,
                     int threads, const F& f) {
  evaluator.each_output(network, events.data, all_samples(events.data.size()), {scored_together, {threads}},
                        [&](Index event, const ConstView<float>& output) {
                          const MatrixX<float> row = output, target = events.target(event);
                          f(event, compare(bins_of(target), bins_of(row), search), row.maxCoeff());
                        });
}

Outcome score(Evaluator<Network>& evaluator, const Network& network, const Events& events, const Search& search,
              int threads) {
  Outcome all;
  each_comparison(evaluator, network, events, search, threads, [&](Index, const Comparison& found, float largest) {
    all.score += found;
    all.largest = std::max(all.largest, largest);
  });
  return all;
}

/// Epochs with the same loss function.
struct Phase {
  const char* name;
  Index first, last;
  double clip;
  bool detects_collapse;
};

constexpr Index outcome_numbers = 5;

/// Epochs of a run as numbers [epochs x 13], to continue it.
Tensor tensor_of(const std::vector<RunEpoch>& epochs) {
  std::vector<double> numbers;
  for (const auto& [epoch, outcome] : epochs) {
    const auto measured = epoch.numbers();
    numbers.insert(numbers.end(), measured.begin(), measured.end());
    const Score& score = outcome.score;
    for (const Index count : {score.found, score.missed, score.extra, score.events}) numbers.push_back(double(count));
    numbers.push_back(double(outcome.largest));
  }
  return Tensor::of(numbers, {Index(epochs.size()), Index(numbers.size() / epochs.size())});
}

std::vector<RunEpoch> epochs_of(const Tensor& tensor, const std::string& file) {
  constexpr Index columns = Index(Epoch::names.size()) + outcome_numbers;
  require<FileError>(
      tensor.shape.size() == 2 && tensor.shape[1] == columns && tensor.dtype == unroll::detail::dtype_of<double>(),
      file, ": must have the epochs of a run, [epochs, ", columns, "], got ",
      [&] { return unroll::detail::shape_text(tensor.shape); });
  const std::vector<double> numbers = tensor.to<double>();
  std::vector<RunEpoch> epochs;
  for (Index k = 0; k < tensor.shape[0]; ++k) {
    const double* const row = numbers.data() + k * columns;
    const double* const outcome = row + Epoch::names.size();
    for (Index c = 0; c < 4; ++c)
      require<FileError>(outcome[c] >= 0 && outcome[c] < 1e15, file, ": counts must be at least 0, got ", outcome[c]);
    epochs.push_back(
        {Epoch::of(row),
         {{Index(outcome[0]), Index(outcome[1]), Index(outcome[2]), Index(outcome[3])}, float(outcome[4])}});
  }
  return epochs;
}

double largest_input(const Events& events) {
  float largest = 0;
  each_event(events, [&](const MatrixX<float>& input, const MatrixX<float>&) {
    largest = std::max(largest, input.cwiseAbs().maxCoeff());
  });
  return double(largest);
}

class Training {
 public:
  Training(Network& network, const TrainingOptions& options, const Events& training, const Events& validation,
           const Search& search, Run& run, const std::function<void(const RunEpoch&)>& on_epoch)
      : network_(network),
        options_(options),
        training_(training),
        validation_(validation),
        search_(search),
        run_(run),
        on_epoch_(on_epoch) {}

  void run() {
    const auto file = name_of("epochs.npy");
    if (!file.empty() && std::filesystem::exists(file)) run_.epochs = epochs_of(read_npy(file), file.string());
    const Index warm_up = std::min(options_.warm_up, options_.epochs);
    phase(MeanSquaredError<float>(), {"warm-up.safetensors", 0, warm_up, warm_up_clip, false});
    phase(LogRatio<float>({.asymmetry = options_.asymmetry}),
          {"log-ratio.safetensors", warm_up, options_.epochs, clip, true});
    if (run_.collapsed_epoch == 0 && ends_collapsed(run_.epochs.back().outcome))
      run_.collapsed_epoch = Index(run_.epochs.size());
    if (run_.collapsed_epoch > 0) run_.collapse = reason();
    for (const RunEpoch& epoch : run_.epochs) run_.seconds += epoch.numbers.seconds;
  }

 private:
  std::filesystem::path name_of(const char* part) const {
    return options_.checkpoint.empty() ? std::filesystem::path()
                                       : std::filesystem::path(options_.checkpoint.string() + part);
  }

  /// Each phase has a new optimizer, because the gradients of the losses differ in scale.
  template <class Loss>
  void phase(const Loss& loss, const Phase& phase) {
    if (phase.first == phase.last) return;
    if (phase.detects_collapse) watch(phase.first);  // of the epochs before a resumption
    const Index last = run_.collapsed_epoch > 0 ? run_.collapsed_epoch : phase.last;
    const auto cut = Index(0.7 * double(options_.epochs));
    const auto factor = [cut, begin = phase.first](long epoch) { return begin + epoch < cut ? 1.0 : 0.3; };
    Adam<float> adam({.learning_rate = options_.rate, .beta1 = options_.beta1, .beta2 = options_.beta2});
    FitOptions<float, LazyDataset<float>> options{
        .epochs = last - phase.first,
        .batches = {.size = options_.batch},
        .seed = Random(run_.seed, Purpose::shuffle, std::uint64_t(phase.first)).bits(0),  // an order of this phase
        .clip_norm = phase.clip,
        .learning_rate = schedule::lambda(options_.rate, factor),
        .threads = {options_.threads},
        .shard = shard_of(options_.batch),
        .keeping = plan_of(options_).keeping,
        .products = example::precision_of(options_.products),
        .on_epoch = [&](const Epoch& epoch) { return this->conclude(epoch, phase); }};
    example::train(network_, loss, adam, training_.data, options,
                   {name_of(phase.name), options_.checkpoint_seconds, options_.quiet});
  }

  /// First collapsed epoch after `first`, from the outcomes of all epochs.
  void watch(Index first) {
    CollapseWatch watch(search_.threshold);
    for (auto k = std::size_t(first); k < run_.epochs.size() && run_.collapsed_epoch == 0; ++k)
      if (watch.is_collapsed(run_.epochs[k].numbers.loss, run_.epochs[k].outcome)) run_.collapsed_epoch = Index(k) + 1;
  }

  /// Callback after an epoch. Returns true if training continues.
  bool conclude(Epoch numbers, const Phase& phase) {
    numbers.epoch += double(phase.first);
    run_.epochs.resize(std::size_t(numbers.epoch) - 1);  // a resumed run repeats an epoch that was not saved
    run_.epochs.push_back({numbers, score(evaluator_, network_, validation_, search_, options_.threads)});
    if (const auto file = name_of("epochs.npy"); !file.empty()) write_npy(file, tensor_of(run_.epochs));
    on_epoch_(run_.epochs.back());
    if (phase.detects_collapse) run_.collapsed_epoch = 0, watch(phase.first);
    return run_.collapsed_epoch == 0;
  }

  std::string reason() const {
    const auto last = std::size_t(run_.collapsed_epoch) - 1;
    bool found_before = false;
    for (std::size_t k = 0; k < last; ++k) found_before = found_before || run_.epochs[k].outcome.score.found > 0;
    return collapse_text(run_.collapsed_epoch, run_.epochs[last].outcome,
                         {options_.warm_up, options_.rate, found_before, largest_input(training_)});
  }

  Network& network_;
  const TrainingOptions& options_;
  const Events& training_;
  const Events& validation_;
  const Search& search_;
  Run& run_;
  const std::function<void(const RunEpoch&)>& on_epoch_;
  Evaluator<Network> evaluator_;
};

}  // namespace

Index shard_of(Index batch) { return (batch + 1) / 2; }

TrainingPlan plan_of(const TrainingOptions& options, bool batch_norm) {
  return {.keeping = {options.recompute ? Keep::checkpoints : Keep::everything},
          .parts = options.batch > 1 && !batch_norm ? 2 : 1,
          .threads = 2};
}

Outcome score(const Network& network, const Events& events, const Search& search, int threads) {
  Evaluator<Network> evaluator;
  return score(evaluator, network, events, search, threads);
}

Run train(Network& network, const TrainingOptions& options, const Events& training, const Events& validation,
          const Search& search, std::uint64_t seed, const std::function<void(const RunEpoch&)>& on_epoch,
          bool trained) {
  Run run{.seed = seed};
  if (!trained) network.initialise(seed);
  Training(network, options, training, validation, search, run, on_epoch).run();
  run.parameters = network.parameters().values();
  return run;
}

std::vector<Score> scores_of_events(const Network& network, const Events& events, const Search& search, int threads) {
  std::vector<Score> scores(std::size_t(events.data.size()));
  Evaluator<Network> evaluator;
  each_comparison(evaluator, network, events, search, threads,
                  [&](Index event, const Comparison& found, float) { scores[std::size_t(event)] += found; });
  return scores;
}

void each_output(const Network& network, const Events& events, int threads,
                 const std::function<void(Index, const MatrixX<float>&)>& f) {
  Evaluator<Network>().each_output(network, events.data, all_samples(events.data.size()), {scored_together, {threads}},
                                   f);
}

}  // namespace peaks
