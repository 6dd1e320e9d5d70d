#pragma once
// Checks before a training run.

#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

#include "unroll/losses/detail/target_types.hpp"
#include "unroll/models/detail/model_identity.hpp"
#include "unroll/train/detail/update.hpp"
#include "unroll/train/fit_options.hpp"

namespace unroll::detail {

/// Data that monitors can use.
struct MonitoredData {
  bool validation = false;
  bool labels = false, validation_labels = false;  ///< with labels there are accuracies
};

/// Throws ValueError unless the data provide the monitored measure.
inline void check_monitor(Monitor monitor, std::string_view owner, const MonitoredData& data) {
  const bool validation = monitor == Monitor::validation_loss || monitor == Monitor::validation_accuracy;
  require<ValueError>(!validation || data.validation, "fit: ", owner,
                      " needs validation data; give validation or validation_fraction");
  require<ValueError>(!is_accuracy(monitor) || (validation ? data.validation_labels : data.labels), "fit: ", owner,
                      " needs labels for the accuracy; use data with labels, or a loss as monitor");
}

inline void check_early_stopping(const EarlyStopping& rule, const MonitoredData& data) {
  require<ValueError>(rule.patience >= 1, "fit: patience of early stopping must be at least 1 epoch, got ",
                      rule.patience);
  require<ValueError>(is_finite(rule.min_delta), "fit: min_delta of early stopping must be finite, got ",
                      rule.min_delta);
  check_monitor(rule.monitor, "early stopping", data);
}

/// Throws ValueError for options out of range, options that contradict each other or that do not apply to these data.
/// `done`: completed epochs or updates, the argument of the learning rate.
template <class S, class Data>
[[gnu::cold]] void check_fit_options(const FitOptions<S, Data>& options, const MonitoredData& data, std::int64_t done) {
  require<ValueError>(options.epochs >= 0, "fit: epochs must be at least 0, got ", options.epochs);
  require<ValueError>(options.validation == nullptr || options.validation_fraction == 0,
                      "fit: validation_fraction must be 0 if validation is given, got ", options.validation_fraction);
  require<ValueError>(!options.validate || (options.validation == nullptr && options.validation_fraction == 0),
                      "fit: validate replaces validation and validation_fraction; give one of them");
  require<ValueError>(options.validation_fraction >= 0 && options.validation_fraction < 1,
                      "fit: validation_fraction must be in [0, 1), got ", options.validation_fraction);
  require<ValueError>(options.evaluation_batch >= 1, "fit: evaluation_batch must be at least 1 sequence, got ",
                      options.evaluation_batch);
  require<ValueError>(options.shard >= 0, "fit: shard must be at least 0 sequences (0: 16), got ", options.shard);
  require<ValueError>(!options.plateau || !options.learning_rate.rate,
                      "fit: plateau and learning_rate both set the learning rate; give one of them");
  if (options.learning_rate.rate) (void)checked_rate(options.learning_rate.rate, done);
  require<ValueError>(options.checkpoint_seconds >= 0, "fit: checkpoint_seconds must be at least 0, got ",
                      options.checkpoint_seconds);
  require<ValueError>(options.on_checkpoint || !is_finite(options.checkpoint_seconds),
                      "fit: checkpoint_seconds needs on_checkpoint, which saves the state; give both");
  if (options.average) (void)WeightAverage<S>(*options.average);
  if (options.early_stopping) check_early_stopping(*options.early_stopping, data);
  if (options.plateau) {
    (void)plateau_of(*options.plateau, options.plateau_monitor);
    check_monitor(options.plateau_monitor, "plateau", data);
  }
}

inline void check_same_monitor(std::string_view owner, std::int64_t begun, std::int64_t now) {
  if (begun == now || begun < 0 || now < 0) return;
  constexpr auto last = std::int64_t(Monitor::training_accuracy);
  require<ValueError>(begun <= last, "fit: the monitor of ", owner, " in the state must be at most ", last, ", got ",
                      begun);
  throw ValueError(text("fit: the monitor of ", owner, " must be ", name_of(Monitor(begun)), ", as in the state, got ",
                        name_of(Monitor(now))));
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
[[gnu::cold]] void check_counts(const TrainingState<S>& state) {
  constexpr std::int64_t most = std::int64_t(1) << 53;
  const auto check = [](std::string_view name, std::int64_t value, std::int64_t limit) {
    require<ValueError>(value >= 0 && value <= limit, "fit: ", name, " of the state must be 0 to ", limit, ", got ",
                        value);
  };
  check("epochs", state.epochs, most), check("updates", state.updates, most);
  check("best_epoch", state.best_epoch, state.epochs), check("waited", state.waited, state.epochs);
  check("stopped", state.stopped, 1), check("average.exchanged", state.average.exchanged(), 0);
  Plateau plateau = state.plateau;
  plateau.visit_state([&]<class T>(std::string_view name, const T& value) {
    if constexpr (std::is_same_v<T, std::int64_t>) check(text("plateau.", name), value, most);
  });
  const auto& partial = state.partial;
  check("partial.planned", partial.planned, most), check("partial.batches", partial.batches, partial.planned);
  check("partial.scored", partial.scored, most), check("partial.correct", partial.correct, partial.scored);
  const auto check_finite = [](std::string_view name, double value, bool negative) {
    require<ValueError>(is_finite(value) && (negative || value >= 0), "fit: partial.", name,
                        " of the state must be finite", negative ? "" : " and at least 0", ", got ", value);
  };
  check_finite("loss_sum", partial.loss_sum, true), check_finite("loss_count", partial.loss_count, false);
  check_finite("gradient_norm", partial.gradient_norm, false), check_finite("seconds", partial.seconds, false);
  check_finite("learning_rate", partial.learning_rate, true);
}

/// Names of several losses; empty for one loss.
template <class Loss>
LossNames names_of_losses(const Loss& loss) {
  LossNames names;
  if constexpr (TakesSeveral<Loss>)
    for (const auto& part : loss.several()) names.push_back(part.name);
  return names;
}

/// Names as lines of a TrainingState.
inline std::string lines_of_names(const LossNames& names) {
  std::string lines;
  for (const std::string& name : names) lines += (lines.empty() ? "" : "\n") + name;
  return lines;
}

/// Throws ValueError unless the losses are those of the state, by name.
template <class S>
void check_same_losses(const TrainingState<S>& state, const LossNames& losses) {
  const std::string names = lines_of_names(losses);
  const auto shown = [](std::string_view lines) {
    std::string all(lines.substr(0, 500));
    std::ranges::replace_if(
        all, [](char c) { return static_cast<unsigned char>(c) < 0x20; }, ' ');
    return all.empty() ? "one without a name" : all;
  };
  require<ValueError>(
      state.loss_names == names, "fit: the losses must be ", [&] { return shown(state.loss_names); },
      ", as in the state, got ", [&] { return shown(names); });
  for (const double number : state.partial.losses)
    require<ValueError>(is_finite(number), "fit: losses of the partial epoch of the state must be finite, got ",
                        number);
}

/// Throws ValueError or ShapeError unless the run in `state` can be resumed with these options on `samples` samples.
/// The monitors must be the same, because a best loss is not comparable with an accuracy.
template <class Model, class Options>
void check_resumed(const TrainingState<typename Model::Scalar>& state, const Options& options, std::int64_t samples,
                   const Model& model) {
  const Index size = model.parameters().size();
  check_counts(state);
  require<ValueError>(state.seed == std::int64_t(options.seed), "fit: seed must be ", state.seed,
                      ", as in the state, got ", std::int64_t(options.seed));
  require<ValueError>(state.samples == samples, "fit: the training data must have ", state.samples,
                      " sequences, as in the state, got ", samples);
  check_same_monitor("plateau", state.plateau_monitor, plateau_monitor(options));
  check_same_monitor("early stopping", state.stopping_monitor, stopping_monitor(options));
  check_identity("fit", "the state", {state.parameter_names, state.parameters.size()}, model_identity(model), size);
  for (const Index kept : {state.best.size(), state.average.average().size()})
    require<ShapeError>(kept == 0 || kept == size, "fit: the best and averaged parameters of the state must have ",
                        size, " entries, as the model, got ", kept);
}

}  // namespace unroll::detail
