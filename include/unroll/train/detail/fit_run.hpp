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
///     task.loss_names();           // names of several losses
///     task.validates();            // whether there are validation data
///     task.step();                 // its TrainingStep or Seq2SeqStep
///     task.begin_epoch(epoch);     // returns the number of batches
///     task.carried();              // states after the last batch as one vector; empty if none are carried
///     task.carry(states);          // sets them within an epoch; throws if they do not match
///     task.train(b);               // trains on batch b, returns the report
///     task.validate(options);      // returns the Evaluation of the validation data
template <class Model, class Task>
class FitRun {
  using S = typename Model::Scalar;
  using Data = typename Task::Data;

 public:
  FitRun(Model& model, const OptimizerReference<S>& optimizer, const FitOptions<S, Data>& options,
         TrainingState<S>& state, Task& task)
      : model_(model),
        optimizer_(optimizer),
        options_(options),
        state_(state),
        task_(task),
        loss_names_(task.loss_names()),
        monitored_(task.monitored()),
        progress_(options.progress, begun_epochs(), options.epochs) {
    check_options();
    task_.check();
    is_new() ? begin() : resume();
    if (options_.plateau) state_.plateau_monitor = plateau_monitor(options_);
    if (options_.early_stopping) state_.stopping_monitor = stopping_monitor(options_);
    if (options_.average) task_.step().average_into(&average_);
  }

  FitResult run() {
    bool goes_on = state_.stopped == 0;
    while (goes_on && state_.epochs < options_.epochs) goes_on = epoch();
    end();
    return {state_.history, Index(state_.best_epoch), state_.stopped != 0, loss_names_};
  }

 private:
  using Clock = std::chrono::steady_clock;

  bool is_new() const { return state_.epochs == 0 && state_.partial.batches == 0; }
  double begun_epochs() const {
    const auto& partial = state_.partial;
    return double(state_.epochs) + (partial.batches > 0 ? double(partial.batches) / double(partial.planned) : 0);
  }

  [[gnu::cold]] void check_options() const {
    const bool per_epoch = options_.learning_rate.counts == LearningRate::per_epoch;
    const std::int64_t done = per_epoch ? state_.epochs : state_.updates;
    check_fit_options(options_, monitored_, is_new() ? 0 : done);
  }

  [[gnu::cold]] void begin() {
    TrainingState<S> fresh;
    fresh.seed = std::int64_t(options_.seed);
    fresh.samples = std::int64_t(task_.samples());
    fresh.parameter_names = model_identity(model_);
    fresh.loss_names = lines_of_names(loss_names_);
    if (options_.average) average_ = fresh.average = WeightAverage<S>(*options_.average);
    if (options_.plateau) fresh.plateau = plateau_of(*options_.plateau, options_.plateau_monitor);
    state_ = std::move(fresh);
  }

  [[gnu::cold]] void resume() {
    check_resumed(state_, options_, std::int64_t(task_.samples()), model_);
    check_same_losses(state_, loss_names_);
    if (state_.partial.batches > 0) {
      partial_ = state_.partial;
      (void)begin_epoch();  // throws before anything changes
    }
    if (options_.average) average_ = continued(WeightAverage<S>(*options_.average), state_.average);
    if (options_.plateau) {
      Plateau plateau = plateau_of(*options_.plateau, options_.plateau_monitor);
      state_.plateau = state_.plateau_monitor < 0 ? plateau : continued(plateau, state_.plateau);
    }
    model_.parameters().values() = state_.parameters;
    task_.step().updates() = state_.updates;
  }

  [[gnu::cold]] void end() {
    if (options_.early_stopping && state_.best.size() > 0) {
      model_.parameters().values() = state_.best;
    } else if (options_.average && average_.average().size() > 0) {
      model_.parameters().values() = average_.average();
    }
  }

  bool epoch() {
    begun_ = Clock::now();
    if (options_.plateau) optimizer_.learning_rate() = state_.plateau.rate();
    if (options_.learning_rate.rate && options_.learning_rate.counts == LearningRate::per_epoch)
      optimizer_.learning_rate() = checked_rate(options_.learning_rate.rate, state_.epochs);
    if (!train()) return false;
    check_parameters();
    const Epoch row = measured();
    conclude(row);
    progress_.epoch(row, loss_names_);
    const bool goes_on = !options_.on_epoch || options_.on_epoch(row);
    save();
    return goes_on && state_.stopped == 0;
  }

  /// Plans the batches of an epoch that begins or is resumed, and returns their number.
  Index begin_epoch() {
    const Index batches = task_.begin_epoch(Index(state_.epochs));
    if (partial_.batches > 0) {
      require<ValueError>(partial_.planned == batches, "fit: the epoch must have ", partial_.planned,
                          " batches, as in the state, got ", batches);
      task_.carry(partial_.carried);
    }
    partial_.planned = batches;
    return batches;
  }

  /// Trains on the remaining batches of the epoch. Returns false if on_batch stops the training.
  bool train() {
    const Index epoch = Index(state_.epochs), batches = begin_epoch();
    while (partial_.batches < batches) {
      const Index b = Index(partial_.batches);
      const StepReport report = step(b, batches);
      add(report);
      progress_.batch(epoch, b, batches, loss());
      const bool goes_on = !options_.on_batch || options_.on_batch({epoch, b, batches, report});
      if (!goes_on || is_time_to_save()) save_within_epoch();
      if (!goes_on) return false;
    }
    return true;
  }

  StepReport step(Index b, Index batches) try { return task_.train(b); } catch (const NonFiniteError& error) {
    throw NonFiniteError(text("epoch ", state_.epochs + 1, ", batch ", b + 1, " of ", batches, ": ", error.what()));
  }

  void add(const StepReport& report) {
    ++partial_.batches;
    partial_.add(report.loss);
    partial_.correct += report.hits.correct, partial_.scored += report.hits.scored;
    partial_.gradient_norm = std::max(partial_.gradient_norm, report.gradient_norm);
    partial_.learning_rate = optimizer_.learning_rate();
  }
  double loss() const { return partial_.loss().value(); }
  void add_time() {
    const auto now = Clock::now();
    partial_.seconds += std::chrono::duration<double>(now - begun_).count();
    begun_ = now;
  }

  /// No loss follows the last update, and a saturated function hides an infinite weight from every loss.
  void check_parameters() const { check_finite(text("epoch ", state_.epochs + 1), model_.parameters()); }

  /// Measurements of the epoch, after its last batch.
  Epoch measured() {
    Epoch row{.epoch = double(state_.epochs + 1), .loss = loss()};
    const LossValue losses = partial_.loss();
    for (std::size_t k = 0; k < losses.losses; ++k) row.losses.push_back({losses.terms[k].value()});
    if (monitored_.labels)
      row.accuracy = Hits{.correct = Index(partial_.correct), .scored = Index(partial_.scored)}.value();
    validate(row);
    row.learning_rate = partial_.learning_rate;
    row.gradient_norm = partial_.gradient_norm;
    add_time();
    row.seconds = partial_.seconds;
    return row;
  }

  void validate(Epoch& row) {
    if (!options_.validate && !task_.validates()) return;
    const bool averaged = options_.average && average_.average().size() > 0;
    if (averaged) average_.exchange(model_.parameters().values());
    const Evaluation result = options_.validate
                                  ? options_.validate()
                                  : task_.validate({options_.evaluation_batch, options_.threads, options_.products});
    if (averaged) average_.exchange(model_.parameters().values());
    row.validation_loss = result.loss.value();
    for (std::size_t k = 0; k < row.losses.size() && k < result.loss.losses; ++k)
      row.losses[k].validation_loss = result.loss.terms[k].value();
    const bool counts = options_.validate ? result.hits.scored > 0 : monitored_.validation_labels;
    if (counts) row.validation_accuracy = result.hits.value();
  }

  /// Updates the state at the end of an epoch.
  void conclude(const Epoch& row) {
    partial_ = {};
    ++state_.epochs;
    capture();
    state_.history.push_back(row);
    if (options_.plateau) state_.plateau.update(monitored(row, options_.plateau_monitor));
    if (options_.early_stopping) watch(*options_.early_stopping, row);
  }

  /// Copies what updates have changed to the state.
  void capture() {
    state_.updates = task_.step().updates();
    state_.parameters = model_.parameters().values();
    if (options_.average) state_.average = average_;
    state_.partial = partial_;
  }

  bool is_time_to_save() const {
    if (!is_finite(options_.checkpoint_seconds)) return false;
    return std::chrono::duration<double>(Clock::now() - saved_).count() >= options_.checkpoint_seconds;
  }
  void save_within_epoch() {
    check_parameters();
    add_time();
    partial_.carried = task_.carried();
    capture();
    save();
  }
  void save() {
    if (options_.on_checkpoint) options_.on_checkpoint();
    saved_ = Clock::now();
  }

  void watch(const EarlyStopping& rule, const Epoch& row) {
    const double value = monitored(row, rule.monitor), best = state_.best_value, delta = std::abs(rule.min_delta);
    const bool better = better_of(rule.monitor) == Better::larger ? value > best + delta : value < best - delta;
    if (state_.best_epoch == 0 ? is_finite(value) : better) {
      state_.best_value = value;
      state_.best_epoch = state_.epochs;
      state_.waited = 0;
      if (rule.restore_best) state_.best = options_.average ? average_.average() : state_.parameters;
    } else if (++state_.waited >= rule.patience) {
      state_.stopped = 1;
    }
  }

  Model& model_;
  OptimizerReference<S> optimizer_;
  const FitOptions<S, Data>& options_;
  TrainingState<S>& state_;
  Task& task_;
  LossNames loss_names_;
  MonitoredData monitored_;
  ProgressLine progress_;
  WeightAverage<S> average_;
  PartialEpoch<S> partial_;  // of the present epoch; `carried` is up to date in `capture` only
  Clock::time_point begun_ = Clock::now(), saved_ = begun_;  // begin of the epoch or last sum of seconds; last save
};

}  // namespace unroll::detail
