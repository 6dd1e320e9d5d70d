#pragma once
// Checks before a training run.

#include "unroll/train/detail/model_identity.hpp"
#include "unroll/train/detail/update.hpp"
#include "unroll/train/fit_options.hpp"

namespace unroll::detail {

/// Data that monitors can use.
struct MonitoredData {
  bool validation = false;
  bool labels = false, validation_labels = false;  ///< with labels there are accuracies
};

/// Throws ValueError unless the data provide the monitored measure.
inline void check_monitor(Monitor monitor, std::string_view who, const MonitoredData& data) {
  const bool validation = monitor == Monitor::validation_loss || monitor == Monitor::validation_accuracy;
  require<ValueError>(!validation || data.validation, "fit: ", who,
                      " watches the validation data, but there are none; give validation or validation_fraction");
  require<ValueError>(!is_accuracy(monitor) || (validation ? data.validation_labels : data.labels), "fit: ", who,
                      " watches the accuracy, but the data set has no labels");
}

inline void check_early_stopping(const EarlyStopping& rule, const MonitoredData& data) {
  require<ValueError>(rule.patience >= 1, "fit: the patience of early stopping is ", rule.patience,
                      ", expected at least 1");
  require<ValueError>(is_finite(rule.min_delta), "fit: the min_delta of early stopping is ", rule.min_delta,
                      ", expected a finite number");
  check_monitor(rule.monitor, "early stopping", data);
}

/// Throws ValueError for options out of range, options that contradict each other or that do not apply to these data.
/// `done`: completed epochs or updates, the argument of the learning rate.
template <class S, class Data>
void check_fit_options(const FitOptions<S, Data>& options, const MonitoredData& data, std::int64_t done) {
  require<ValueError>(options.epochs >= 0, "fit: epochs is ", options.epochs, ", expected at least 0");
  require<ValueError>(options.validation == nullptr || options.validation_fraction == 0,
                      "fit: validation and validation_fraction are both given, expected one of them");
  require<ValueError>(options.validation_fraction >= 0 && options.validation_fraction < 1,
                      "fit: validation_fraction is ", options.validation_fraction, ", expected in [0, 1)");
  require<ValueError>(options.evaluation_batch >= 1, "fit: evaluation_batch is ", options.evaluation_batch,
                      ", expected at least 1");
  require<ValueError>(options.shard >= 0, "fit: shard is ", options.shard,
                      " sequences, expected at least 1, or 0 for 16");
  require<ValueError>(!options.plateau || !options.learning_rate.rate,
                      "fit: plateau and learning_rate both set the learning rate, expected one of them");
  if (options.learning_rate.rate) (void)checked_rate(options.learning_rate.rate, done);
  if (options.average) (void)WeightAverage<S>(*options.average);
  if (options.early_stopping) check_early_stopping(*options.early_stopping, data);
  if (options.plateau) {
    (void)plateau_of(*options.plateau, options.plateau_monitor);
    check_monitor(options.plateau_monitor, "plateau", data);
  }
}

inline void check_same_monitor(std::string_view who, std::int64_t begun, std::int64_t now) {
  if (begun == now || begun < 0 || now < 0) return;
  constexpr auto last = std::int64_t(Monitor::training_accuracy);
  require<ValueError>(begun <= last, "fit: the state has the monitor ", begun, ", expected at most ", last);
  throw ValueError(text("fit: in the run that was begun ", who, " watches ", name_of(Monitor(begun)),
                        ", to resume it the options say ", name_of(Monitor(now))));
}

/// Monitor of the plateau as a number, for the state; -1: none.
template <class Options>
std::int64_t plateau_monitor(const Options& options) {
  return options.plateau ? std::int64_t(options.plateau_monitor) : -1;
}
template <class Options>
std::int64_t stopping_monitor(const Options& options) {
  return options.early_stopping ? std::int64_t(options.early_stopping->monitor) : -1;
}

/// Throws ValueError for counts out of range; a state may come from a file.
template <class S>
void check_counts(const TrainingState<S>& state) {
  constexpr std::int64_t most = std::int64_t(1) << 53;
  const auto check = [](std::string_view name, std::int64_t value, std::int64_t limit) {
    require<ValueError>(value >= 0 && value <= limit, "fit: the state's ", name, " must be 0 to ", limit, ", got ",
                        value);
  };
  check("epochs", state.epochs, most), check("updates", state.updates, most);
  check("best_epoch", state.best_epoch, state.epochs), check("waited", state.waited, state.epochs);
  check("stopped", state.stopped, 1), check("average.exchanged", state.average.exchanged(), 0);
  Plateau plateau = state.plateau;
  plateau.visit_state([&]<class T>(std::string_view name, const T& value) {
    if constexpr (std::is_same_v<T, std::int64_t>) check(text("plateau.", name), value, most);
  });
}

/// Throws ValueError or ShapeError unless the run in `state` can be resumed with these options on `samples` samples.
/// The monitors must be the same, because a best loss is not comparable with an accuracy.
template <class Model, class Options>
void check_resumed(const TrainingState<typename Model::Scalar>& state, const Options& options, std::int64_t samples,
                   const Model& model) {
  const Index size = model.parameters().size();
  check_counts(state);
  require<ValueError>(state.seed == std::int64_t(options.seed), "fit: the run was begun with seed ", state.seed,
                      ", to resume it the options say ", std::int64_t(options.seed));
  require<ValueError>(state.samples == samples, "fit: the run was begun with ", state.samples,
                      " sequences to train on, to resume it there are ", samples);
  check_same_monitor("plateau", state.plateau_monitor, plateau_monitor(options));
  check_same_monitor("early stopping", state.stopping_monitor, stopping_monitor(options));
  check_identity(state.parameter_names, model_identity(model), state.parameters.size(), size);
  for (const Index kept : {state.best.size(), state.average.average().size()})
    require<ShapeError>(kept == 0 || kept == size, "fit: the state has ", kept,
                        " best or averaged parameters, the model ", size);
}

}  // namespace unroll::detail
