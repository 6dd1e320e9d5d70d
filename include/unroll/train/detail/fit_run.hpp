#pragma once

#include <chrono>

#include "unroll/train/detail/fit_checks.hpp"
#include "unroll/train/evaluate.hpp"

namespace unroll::detail {

/// Copy of `fresh`, with its own options and the state of `old`.
template <class T>
T continued(T fresh, T& old) {
  std::vector<void*> parts;
  old.visit_state([&](std::string_view, auto& part) { parts.push_back(&part); });
  auto next = parts.begin();
  fresh.visit_state([&]<class Part>(std::string_view, Part& part) { part = *static_cast<Part*>(*next++); });
  return fresh;
}

/// Training loop of `fit`: epochs, validation, schedules, early stopping, history and state. A `Task` is a SampleFit or
/// StreamFit, which hold the data. Requirements on a task:
///
///     task.monitored();            // data that monitors can use
///     task.check();                // throws if data, model and options do not match, before training
///     task.samples();              // number of training samples per epoch
///     task.validates();            // whether there are validation data
///     task.step();                 // its TrainingStep or Seq2SeqStep
///     task.begin_epoch(epoch);     // returns the number of batches
///     task.train(b);               // trains on batch b, returns the report
///     task.validate(options);      // returns the Evaluation of the validation data
template <class Model, class O, class Task>
class FitRun {
  using S = typename Model::Scalar;
  using Data = typename Task::Data;

 public:
  FitRun(Model& model, O& optimizer, const FitOptions<S, Data>& options, TrainingState<S>& state, Task& task)
      : model_(model),
        optimizer_(optimizer),
        options_(options),
        state_(state),
        task_(task),
        monitored_(task.monitored()),
        progress_(options.progress, Index(state.epochs), options.epochs) {
    check_options();
    task_.check();
    state_.epochs == 0 ? begin() : resume();
    if (options_.plateau) state_.plateau_monitor = plateau_monitor(options_);
    if (options_.early_stopping) state_.stopping_monitor = stopping_monitor(options_);
    if (options_.average) task_.step().average_into(&state_.average);
  }

  FitResult run() {
    bool goes_on = state_.stopped == 0;
    while (goes_on && state_.epochs < options_.epochs) goes_on = epoch();
    end();
    return {state_.history, Index(state_.best_epoch), state_.stopped != 0};
  }

 private:
  void check_options() const {
    const bool per_epoch = options_.learning_rate.counts == LearningRate::per_epoch;
    const std::int64_t done = per_epoch ? state_.epochs : state_.updates;
    check_fit_options(options_, monitored_, state_.epochs == 0 ? 0 : done);
  }

  void begin() {
    TrainingState<S> fresh;
    fresh.seed = std::int64_t(options_.seed);
    fresh.samples = std::int64_t(task_.samples());
    fresh.parameter_names = model_identity(model_);
    if (options_.average) fresh.average = WeightAverage<S>(*options_.average);
    if (options_.plateau) fresh.plateau = plateau_of(*options_.plateau, options_.plateau_monitor);
    state_ = std::move(fresh);
  }

  void resume() {
    check_resumed(state_, options_, std::int64_t(task_.samples()), model_);
    if (options_.average) state_.average = continued(WeightAverage<S>(*options_.average), state_.average);
    if (options_.plateau) {
      Plateau plateau = plateau_of(*options_.plateau, options_.plateau_monitor);
      state_.plateau = state_.plateau_monitor < 0 ? plateau : continued(plateau, state_.plateau);
    }
    model_.parameters().values() = state_.parameters;
    task_.step().updates() = state_.updates;
  }

  void end() {
    if (options_.early_stopping && state_.best.size() > 0) {
      model_.parameters().values() = state_.best;
    } else if (options_.average && state_.average.average().size() > 0) {
      model_.parameters().values() = state_.average.average();
    }
  }

  bool epoch() {
    const auto start = std::chrono::steady_clock::now();
    Epoch row{.epoch = double(state_.epochs + 1)};
    if (options_.plateau) optimizer_.learning_rate() = state_.plateau.rate();
    if (options_.learning_rate.rate && options_.learning_rate.counts == LearningRate::per_epoch)
      optimizer_.learning_rate() = checked_rate(options_.learning_rate.rate, state_.epochs);
    bool goes_on = train(row);
    // No loss follows the last update, and a saturated function hides an infinite weight from every loss.
    check_finite(text("epoch ", state_.epochs + 1), model_.parameters());
    if (!goes_on) return false;
    validate(row);
    row.learning_rate = optimizer_.learning_rate();
    row.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    goes_on = conclude(row);
    progress_.epoch(row);
    return (!options_.on_epoch || options_.on_epoch(row)) && goes_on;
  }

  bool train(Epoch& row) {
    const Index epoch = Index(state_.epochs), batches = task_.begin_epoch(epoch);
    LossValue loss;
    row.gradient_norm = 0;
    Hits hits;
    for (Index b = 0; b < batches; ++b) {
      const StepReport report = step(b, batches);
      loss += report.loss;
      hits += report.hits;
      row.gradient_norm = std::max(row.gradient_norm, report.gradient_norm);
      progress_.batch(epoch, b, batches, loss.value());
      if (options_.on_batch && !options_.on_batch({epoch, b, batches, report})) return false;
    }
    row.loss = loss.value();
    if (monitored_.labels) row.accuracy = hits.value();
    return true;
  }

  StepReport step(Index b, Index batches) try { return task_.train(b); } catch (const NonFiniteError& error) {
    throw NonFiniteError(text("epoch ", state_.epochs + 1, ", batch ", b + 1, " of ", batches, ": ", error.what()));
  }

  void validate(Epoch& row) {
    if (!task_.validates()) return;
    const bool averaged = options_.average && state_.average.average().size() > 0;
    if (averaged) state_.average.exchange(model_.parameters().values());
    const Evaluation result = task_.validate({options_.evaluation_batch, options_.threads});
    if (averaged) state_.average.exchange(model_.parameters().values());
    row.validation_loss = result.loss.value();
    if (monitored_.validation_labels) row.validation_accuracy = result.hits.value();
  }

  /// Updates the state. Returns whether training continues.
  bool conclude(const Epoch& row) {
    ++state_.epochs;
    state_.updates = task_.step().updates();
    state_.parameters = model_.parameters().values();
    state_.history.push_back(row);
    if (options_.plateau) state_.plateau.update(monitored(row, options_.plateau_monitor));
    if (options_.early_stopping) watch(*options_.early_stopping, row);
    return state_.stopped == 0;
  }

  void watch(const EarlyStopping& rule, const Epoch& row) {
    const double value = monitored(row, rule.monitor), best = state_.best_value, delta = std::abs(rule.min_delta);
    const bool better = better_of(rule.monitor) == Better::larger ? value > best + delta : value < best - delta;
    if (state_.best_epoch == 0 ? is_finite(value) : better) {
      state_.best_value = value;
      state_.best_epoch = state_.epochs;
      state_.waited = 0;
      if (rule.restore_best) state_.best = options_.average ? state_.average.average() : state_.parameters;
    } else if (++state_.waited >= rule.patience) {
      state_.stopped = 1;
    }
  }

  Model& model_;
  O& optimizer_;
  const FitOptions<S, Data>& options_;
  TrainingState<S>& state_;
  Task& task_;
  MonitoredData monitored_;
  ProgressLine progress_;
};

}  // namespace unroll::detail
