#pragma once

#include <functional>
#include <limits>
#include <optional>

#include "unroll/data/batches.hpp"
#include "unroll/data/dataset.hpp"
#include "unroll/optim/schedules/schedules.hpp"
#include "unroll/train/evaluate.hpp"
#include "unroll/train/progress.hpp"
#include "unroll/train/step_options.hpp"
#include "unroll/train/training_state.hpp"

namespace unroll {

/// Measure of an epoch by which epochs are compared.
enum class Monitor { validation_loss, validation_accuracy, training_loss, training_accuracy };

/// Early stopping: ends training when the monitored value has not improved by more than `min_delta` for `patience`
/// epochs (Keras's rule).
struct EarlyStopping {
  Index patience = 10;  ///< epochs, at least 1
  double min_delta = 0;
  Monitor monitor = Monitor::validation_loss;
  bool restore_best = true;  ///< restore the best parameters at the end, also when all epochs were run
};

/// Learning rate schedule: `LearningRate(schedule::Cosine{.initial = 0.1}, LearningRate::per_update)`.
struct LearningRate {
  enum Every { per_epoch, per_update };

  LearningRate() = default;
  template <Schedule T>
  LearningRate(T schedule, Every every = per_epoch)  // NOLINT: a schedule is a learning rate
      : rate([schedule](long k) { return double(schedule.rate(k)); }), counts(every) {}

  std::function<double(long)>
      rate;  ///< function of the number of completed epochs or updates; empty: the optimizer's rate
  Every counts = per_epoch;
};

/// Argument of the callback FitOptions::on_batch.
struct BatchEnd {
  Index epoch, batch, batches;  ///< epoch and batch are counted from 0
  StepReport report;
};

/// Options of `fit`. `Data` is the type of the training data: Dataset, LazyDataset, SequencePairs or TokenStreams.
/// Options that do not apply to it throw.
template <class S, class Data = Dataset<S>>
struct FitOptions {
  Index epochs = 10;                 ///< total number, including those before a resumption
  BatchOptions batches = {};         ///< not for TokenStreams, whose batches are their windows
  std::uint64_t seed = 1;            ///< for shuffling, splitting, dropout and scheduled sampling
  const Data* validation = nullptr;  ///< validation data; excludes validation_fraction
  /// Called after each epoch in place of the validation on `validation`, which must be null. Its loss and hits are
  /// those of the epoch, for example of a decoder that reads its predictions instead of the targets.
  std::function<Evaluation()> validate = {};
  double validation_fraction = 0;  ///< share of the training data, in [0, 1): stratified, of SequencePairs at random
  double clip_norm = 0, clip_value = 0;  ///< see StepOptions; 0: no limit
  double clip_p = 2;                     ///< see StepOptions
  LearningRate learning_rate = {};
  /// Reduces the learning rate when the monitored value stops improving. `better` follows from `plateau_monitor`
  /// (larger for accuracies, smaller for losses); Better::larger for a loss throws.
  std::optional<PlateauOptions> plateau = {};
  Monitor plateau_monitor = Monitor::validation_loss;
  std::optional<EarlyStopping> early_stopping = {};
  Truncation truncation = {};  ///< not for SequencePairs
  std::function<double(long)> teacher =
      {};  ///< for SequencePairs only, see StepOptions; validation always feeds the targets
  std::optional<WeightAverageOptions> average = {};  ///< validate and end with averaged parameters
  Threads threads = {};  ///< for training and validation; results do not depend on their number
  Index shard = 0;  ///< sequences per part of a batch, see ShardedBatch; results depend on it. Batches of a model with
                    ///< BatchNorm are never divided
  Keeping keeping = {};                                ///< see StepOptions
  Precision products = Precision::float32;             ///< see StepOptions; also of the validation
  Index evaluation_batch = 128;                        ///< sequences per batch in validation; TokenStreams: all streams
  std::function<bool(const BatchEnd&)> on_batch = {};  ///< called after each update; false: stop at once
  std::function<bool(const Epoch&)> on_epoch = {};     ///< called after each epoch; false: stop
  /// Called when the TrainingState is complete, to save it: after an update when `checkpoint_seconds` have passed since
  /// the last call, at the end of every epoch after on_epoch, and when a callback stops the training.
  std::function<void()> on_checkpoint = {};
  double checkpoint_seconds = std::numeric_limits<double>::infinity();  ///< at least 0; infinity: not within epochs
  Progress progress = Progress::automatic;
};

/// Result of `fit`.
struct FitResult {
  History history;
  Index best_epoch = 0;        ///< from 1; 0: no value was monitored
  bool stopped_early = false;  ///< by early stopping
  LossNames loss_names = {};   ///< of Losses: names of Epoch::losses, for to_csv and to_json
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

/// Plateau schedule of a run. Throws ValueError for options out of range, and for Better::larger with a loss.
inline Plateau plateau_of(PlateauOptions options, Monitor monitor) {
  require<ValueError>(options.better == Better::smaller || better_of(monitor) == Better::larger,
                      "fit: better of plateau must be Better::smaller for a loss, got Better::larger");
  options.better = better_of(monitor);
  return Plateau(options);
}

}  // namespace detail
}  // namespace unroll
