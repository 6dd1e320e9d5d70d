#pragma once
// The training loop.

#include <chrono>

#include "unroll/data/split.hpp"
#include "unroll/train/detail/fit_checks.hpp"

namespace unroll {
namespace detail {

/// `fresh` with the state, but not the options, of `old`.
template <class T>
T continued(T fresh, T& old) {
  std::vector<void*> parts;
  old.visit_state([&](std::string_view, auto& part) { parts.push_back(&part); });
  auto next = parts.begin();
  fresh.visit_state([&]<class Part>(std::string_view, Part& part) { part = *static_cast<Part*>(*next++); });
  return fresh;
}

/// A run of `fit`: what its epochs share.
template <class Model, class Loss, class O>
class FitRun {
  using S = typename Model::Scalar;

 public:
  FitRun(Model& model, const Loss& loss, O& optimizer, const Dataset<S>& data, const FitOptions<S>& options,
         TrainingState<S>& state)
      : model_(model),
        loss_(loss),
        optimizer_(optimizer),
        data_(data),
        options_(options),
        state_(state),
        step_(model, loss, optimizer, step_options(options)),
        progress_(options.progress, Index(state.epochs), options.epochs) {
    check_options();
    divide();
    check_data_sets();
    state_.epochs == 0 ? begin() : resume();
    if (options_.plateau) state_.plateau_monitor = plateau_monitor(options_);
    if (options_.early_stopping) state_.stopping_monitor = stopping_monitor(options_);
    if (options_.average) step_.average_into(&state_.average);
  }

  FitResult run() {
    bool goes_on = state_.stopped == 0;
    while (goes_on && state_.epochs < options_.epochs) goes_on = epoch();
    end();
    return {state_.history, Index(state_.best_epoch), state_.stopped != 0};
  }

 private:
  static StepOptions step_options(const FitOptions<S>& options) {
    const bool per_update = options.learning_rate.counts == LearningRate::per_update;
    return {.clip_norm = options.clip_norm,
            .clip_value = options.clip_value,
            .clip_p = options.clip_p,
            .truncation = options.truncation,
            .seed = options.seed,
            .learning_rate = per_update ? options.learning_rate.rate : nullptr,
            .keeping = options.keeping,
            .threads = options.threads,
            .count_hits = true};
  }

  // ---- beginning and end

  void check_options() const {
    const bool per_epoch = options_.learning_rate.counts == LearningRate::per_epoch;
    const std::int64_t done = per_epoch ? state_.epochs : state_.updates;
    check_fit_options(options_, data_, state_.epochs == 0 ? 0 : done);
    TruncatedRun<Model>::check(model_, options_.truncation);
  }

  void check_data_sets() const {
    check_data("fit", "the data set", model_, loss_, data_, kept_);
    Batches::check(kept_, length(), options_.batches);
    if (options_.validation == nullptr) return check_data("fit", "the data set", model_, loss_, data_, held_out_);
    check_data("fit", "the validation data set", model_, loss_, *options_.validation, held_out_);
  }

  void divide() {
    kept_ = all_samples(data_.size());
    if (options_.validation != nullptr) held_out_ = all_samples(options_.validation->size());
    if (options_.validation_fraction == 0) return;
    auto split = stratified_split(data_, options_.validation_fraction, options_.seed);
    kept_ = std::move(split.kept);
    held_out_ = std::move(split.held_out);
  }

  void begin() {
    TrainingState<S> fresh;
    fresh.seed = std::int64_t(options_.seed);
    fresh.samples = std::int64_t(kept_.size());
    fresh.parameter_names = model_identity(model_);
    if (options_.average) fresh.average = WeightAverage<S>(*options_.average);
    if (options_.plateau) fresh.plateau = plateau_of(*options_.plateau, options_.plateau_monitor);
    state_ = std::move(fresh);
  }

  void resume() {
    check_resumed(state_, options_, std::int64_t(kept_.size()), model_);
    if (options_.average) state_.average = continued(WeightAverage<S>(*options_.average), state_.average);
    if (options_.plateau) {
      Plateau plateau = plateau_of(*options_.plateau, options_.plateau_monitor);
      state_.plateau = state_.plateau_monitor < 0 ? plateau : continued(plateau, state_.plateau);
    }
    model_.parameters().values() = state_.parameters;
    step_.updates() = state_.updates;
  }

  void end() {
    if (options_.early_stopping && state_.best.size() > 0) {
      model_.parameters().values() = state_.best;
    } else if (options_.average && state_.average.average().size() > 0) {
      model_.parameters().values() = state_.average.average();
    }
  }

  // ---- an epoch

  bool epoch() {
    const auto start = std::chrono::steady_clock::now();
    Epoch row{.epoch = double(state_.epochs + 1)};
    if (options_.plateau) optimizer_.learning_rate() = state_.plateau.rate();
    if (options_.learning_rate.rate && options_.learning_rate.counts == LearningRate::per_epoch)
      optimizer_.learning_rate() = checked_rate(options_.learning_rate.rate, state_.epochs);
    bool goes_on = train(row);
    // The last update has no loss behind it, and a saturated function hides an infinite weight from every loss.
    check_finite(text("epoch ", state_.epochs + 1), model_.parameters());
    if (!goes_on) return false;
    validate(row);
    row.learning_rate = optimizer_.learning_rate();
    row.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    goes_on = conclude(row);
    progress_.epoch(row);
    return (!options_.on_epoch || options_.on_epoch(row)) && goes_on;
  }

  auto length() const {
    return [this](Index s) { return data_.length(s); };
  }

  bool train(Epoch& row) {
    batches_.plan(kept_, length(), options_.batches, options_.seed, Index(state_.epochs));
    LossValue loss;
    row.gradient_norm = 0;
    Hits hits;
    for (Index b = 0; b < batches_.count(); ++b) {
      const auto samples = batches_.batch(b);
      const Index shard = model_.statistics() > 0 ? Index(samples.size()) : options_.shard;
      batch_.gather(data_, samples, shard, &options_.threads);
      const StepReport report = step(b);
      loss += report.loss;
      hits += report.hits;
      row.gradient_norm = std::max(row.gradient_norm, report.gradient_norm);
      progress_.batch(Index(state_.epochs), b, batches_.count(), loss.value());
      if (options_.on_batch && !options_.on_batch({Index(state_.epochs), b, batches_.count(), report})) return false;
    }
    row.loss = loss.value();
    if (has_labels(data_.kind())) row.accuracy = hits.value();
    return true;
  }

  StepReport step(Index b) try { return step_.step(batch_); } catch (const NonFiniteError& error) {
    throw NonFiniteError(
        text("epoch ", state_.epochs + 1, ", batch ", b + 1, " of ", batches_.count(), ": ", error.what()));
  }

  void validate(Epoch& row) {
    if (held_out_.empty()) return;
    const bool averaged = options_.average && state_.average.average().size() > 0;
    if (averaged) state_.average.exchange(model_.parameters().values());
    const Dataset<S>& data = options_.validation != nullptr ? *options_.validation : data_;
    const EvaluateOptions evaluation{options_.evaluation_batch, options_.threads};
    const Evaluation result = evaluator_(model_, data, held_out_, loss_, evaluation);
    if (averaged) state_.average.exchange(model_.parameters().values());
    row.validation_loss = result.loss.value();
    if (has_labels(data.kind())) row.validation_accuracy = result.hits.value();
  }

  /// Brings the state up to date. Returns whether training goes on.
  bool conclude(const Epoch& row) {
    ++state_.epochs;
    state_.updates = step_.updates();
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
  const Loss& loss_;
  O& optimizer_;
  const Dataset<S>& data_;
  const FitOptions<S>& options_;
  TrainingState<S>& state_;
  TrainingStep<Model, Loss, O> step_;
  Evaluator<Model> evaluator_;
  ProgressLine progress_;
  std::vector<Index> kept_, held_out_;
  Batches batches_;
  ShardedBatch<S> batch_;
};

}  // namespace detail

/// Trains `model` in place:
///
///     Adam adam({.learning_rate = 1e-3});
///     const auto result = fit(model, SoftmaxCrossEntropy(), adam, data, {.epochs = 30, .validation_fraction =
///     0.2});
///
/// Throws before anything is trained when model, loss, data and options do not fit, and NonFiniteError as soon as a
/// loss or gradient is not finite, with epoch, batch and the place where such a value arose first, and at the end of an
/// epoch whose updates made a parameter that is not finite. `state` then has the parameters of the epoch before.
///
/// `state` is for runs that are stopped and resumed: given back with the optimizer as it was, the run goes on with the
/// next epoch, bit for bit as without the stop (an epoch that a callback broke off is trained again from its
/// beginning).
template <class Model, class Loss, Optimizer O>
FitResult fit(Model& model, const Loss& loss, O& optimizer, const Dataset<typename Model::Scalar>& data,
              const std::type_identity_t<FitOptions<typename Model::Scalar>>& options,
              TrainingState<typename Model::Scalar>& state) {
  return detail::FitRun<Model, Loss, O>(model, loss, optimizer, data, options, state).run();
}

template <class Model, class Loss, Optimizer O>
FitResult fit(Model& model, const Loss& loss, O& optimizer, const Dataset<typename Model::Scalar>& data,
              const std::type_identity_t<FitOptions<typename Model::Scalar>>& options = {}) {
  TrainingState<typename Model::Scalar> state;
  return fit(model, loss, optimizer, data, options, state);
}

}  // namespace unroll
