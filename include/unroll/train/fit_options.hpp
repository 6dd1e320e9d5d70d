#pragma once
// How a model is to be trained.

#include <functional>
#include <optional>

#include "unroll/data/batches.hpp"
#include "unroll/data/dataset.hpp"
#include "unroll/optim/schedules/schedules.hpp"
#include "unroll/train/progress.hpp"
#include "unroll/train/step_options.hpp"
#include "unroll/train/training_state.hpp"

namespace unroll {

/// The number of an epoch by which runs are compared.
enum class Monitor { validation_loss, validation_accuracy, training_loss, training_accuracy };

/// Stops when the monitored value has not improved by more than `min_delta` for `patience` epochs (Keras's rule).
struct EarlyStopping {
  Index patience = 10;  ///< epochs, at least 1
  double min_delta = 0;
  Monitor monitor = Monitor::validation_loss;
  bool restore_best = true;  ///< the model ends with the best parameters, also when all epochs were run
};

/// A learning rate over time: `LearningRate(schedule::Cosine{.initial = 0.1}, LearningRate::per_update)`.
struct LearningRate {
  enum Every { per_epoch, per_update };

  LearningRate() = default;
  template <Schedule T>
  LearningRate(T schedule, Every every = per_epoch)  // NOLINT: a schedule is a learning rate
      : rate([schedule](long k) { return double(schedule.rate(k)); }), counts(every) {}

  std::function<double(long)> rate;  ///< of the count of epochs or updates done; empty: as the optimizer has it
  Every counts = per_epoch;
};

struct BatchEnd {
  Index epoch, batch, batches;  ///< the first two from 0
  StepReport report;
};

/// `Data` is what is trained on: a Dataset, SequencePairs or TokenStreams. What has no use for it is refused.
template <class S, class Data = Dataset<S>>
struct FitOptions {
  Index epochs = 10;                     ///< of the whole run, those of a resumed one included
  BatchOptions batches = {};             ///< those of TokenStreams are their windows
  std::uint64_t seed = 1;                ///< of shuffling, splitting, dropout and scheduled sampling
  const Data* validation = nullptr;      ///< or
  double validation_fraction = 0;        ///< of the training data: stratified, of SequencePairs at random; in [0, 1)
  double clip_norm = 0, clip_value = 0;  ///< see StepOptions; 0: no limit
  double clip_p = 2;                     ///< see StepOptions
  LearningRate learning_rate = {};
  /// Cuts the learning rate, by the monitored value. `better` follows from that: larger accuracies, smaller losses;
  /// Better::larger for a loss is refused.
  std::optional<PlateauOptions> plateau = {};
  Monitor plateau_monitor = Monitor::validation_loss;
  std::optional<EarlyStopping> early_stopping = {};
  Truncation truncation = {};                ///< not of SequencePairs
  std::function<double(long)> teacher = {};  ///< of SequencePairs alone, see StepOptions; validation is always fed the
                                             ///< targets
  std::optional<WeightAverageOptions> average = {};  ///< validate and end with averaged parameters
  Threads threads = {};  ///< for training and validation; results do not depend on how many there are
  Index shard = 0;       ///< sequences that one thread trains on at a time, see ShardedBatch; results depend on it.
                         ///< Batches of a model with a BatchNorm are never divided
  Keeping keeping = {};  ///< see StepOptions
  Index evaluation_batch = 128;                        ///< sequences at a time in validation; of TokenStreams all
  std::function<bool(const BatchEnd&)> on_batch = {};  ///< after each update; false: stop at once
  std::function<bool(const Epoch&)> on_epoch = {};     ///< after each epoch; false: stop
  Progress progress = Progress::automatic;
};

struct FitResult {
  History history;
  Index best_epoch = 0;        ///< from 1; 0: nothing was monitored
  bool stopped_early = false;  ///< by early stopping
};

namespace detail {

inline double monitored(const Epoch& epoch, Monitor monitor) {
  switch (monitor) {
    case Monitor::validation_loss:
      return epoch.validation_loss;
    case Monitor::validation_accuracy:
      return epoch.validation_accuracy;
    case Monitor::training_loss:
      return epoch.loss;
    default:
      return epoch.accuracy;
  }
}
inline std::string_view name_of(Monitor monitor) {
  constexpr std::string_view names[] = {"validation_loss", "validation_accuracy", "training_loss", "training_accuracy"};
  return names[std::size_t(monitor)];
}
inline bool is_accuracy(Monitor monitor) {
  return monitor == Monitor::validation_accuracy || monitor == Monitor::training_accuracy;
}
inline Better better_of(Monitor monitor) { return is_accuracy(monitor) ? Better::larger : Better::smaller; }

/// The plateau of a run. Throws ValueError for options out of range, and where `better` says of a loss that larger
/// values are better.
inline Plateau plateau_of(PlateauOptions options, Monitor monitor) {
  require<ValueError>(
      options.better == Better::smaller || better_of(monitor) == Better::larger,
      "fit: plateau watches a loss, of which smaller values are better, its `better` is Better::larger");
  options.better = better_of(monitor);
  return Plateau(options);
}

}  // namespace detail
}  // namespace unroll
