#pragma once
// One batch: forward, loss, backward, clipping, update.

#include <functional>
#include <string>

#include "unroll/engine/truncation.hpp"
#include "unroll/layers/layer.hpp"
#include "unroll/optim/average.hpp"
#include "unroll/optim/clip.hpp"
#include "unroll/optim/optimizer.hpp"
#include "unroll/train/batch.hpp"

namespace unroll {

struct StepOptions {
  double clip_norm = 0;        ///< largest norm of the whole gradient; 0: no limit
  double clip_value = 0;       ///< largest magnitude of its entries, before the norm is taken; 0: no limit
  Truncation truncation = {};  ///< with updates after each window, unless it accumulates
  std::uint64_t seed = 0;      ///< of dropout
  std::function<double(long)> learning_rate = {};  ///< of the count of updates done; empty: as the optimizer has it
};

/// What a batch gave. The loss is that of the parameters before the update (of each window).
struct StepReport {
  LossValue loss;
  double gradient_norm = 0;  ///< before clipping; of several windows the largest
};

/// Trains a model batch by batch. It refers to model and optimizer, which must outlive it. After the first batch of a
/// shape a step allocates nothing.
template <class Model, class Loss, Optimizer O>
class TrainingStep {
 public:
  using Scalar = typename Model::Scalar;
  using Output = ConstView<Scalar>;

  /// Throws ValueError for options out of range.
  TrainingStep(Model& model, Loss loss, O& optimizer, StepOptions options = {})
      : model_(model),
        loss_(std::move(loss)),
        optimizer_(optimizer),
        options_(std::move(options)),
        gradient_(model.parameters().zeros_like()) {
    require<ValueError>(options_.clip_norm >= 0 && options_.clip_value >= 0, "training: clip_norm is ",
                        options_.clip_norm, ", clip_value is ", options_.clip_value, ", expected at least 0");
    options_.truncation.check();
  }

  /// `seen(window, output, batch)` is called with each window's output before the way back. `carried` as in
  /// TruncatedRun.
  ///
  /// Throws NonFiniteError when the loss or the gradient is not finite, naming where the first such value arose, and
  /// leaves parameters and optimizer as they were after the last good update.
  template <class Seen>
  StepReport step(const Batch<Scalar>& batch, Seen&& seen, std::vector<State<Scalar>>* carried = nullptr) {
    check(batch);
    detail::with_targets(loss_, batch, 0, batch.target_columns(), [&](const auto& targets) {
      loss_.count(targets, batch.columns(0, batch.target_columns()), whole_);
    });
    StepReport report;
    const Pass pass{.training = true, .seed = options_.seed, .update = std::uint64_t(updates_)};
    run_(model_, batch.x(), batch.timeline(), options_.truncation, pass, tape_, carried,
         [&](const Window& window, const Output& output) {
           if (window.scored == 0 || !options_.truncation.accumulate) gradient_.values().setZero();
           seen(window, output, batch);
           back(window, output, batch, report);
           const bool last = window.end == batch.timeline().steps();
           if (last || !options_.truncation.accumulate) update(report);
         });
    return report;
  }
  StepReport step(const Batch<Scalar>& batch) {
    return step(batch, [](const auto&...) {});
  }

  /// Also keeps an average of the parameters, see WeightAverage; nullptr: no more.
  void average_into(WeightAverage<Scalar>* average) { average_ = average; }

  /// Updates done; to be set when a run is resumed, because dropout and schedules depend on it.
  std::int64_t& updates() { return updates_; }
  /// That of the last update, clipped.
  const Parameters<Scalar>& gradient() const { return gradient_; }

 private:
  void check(const Batch<Scalar>& batch) const {
    require<ShapeError>(model_.per_step() == per_step(batch.kind()) || batch.kind() == TargetKind::none, "training: ",
                        model_.per_step()
                            ? "the model gives an output for every step, the data set has one target for "
                              "each sequence; a layer such as LastStep or MeanOverTime is missing"
                            : "the model gives one output for each sequence, the data set has targets for "
                              "every step");
  }

  /// Loss and gradient of a window. Steps that are only run again have no loss.
  void back(const Window& window, const Output& output, const Batch<Scalar>& batch, StepReport& report) {
    const Timeline& timeline = batch.timeline();
    const Index first = model_.per_step() ? timeline.offset(window.scored) : 0;
    const Index again = model_.per_step() ? first - timeline.offset(window.begin) : 0, count = output.cols() - again;
    auto d_output = d_output_.shape(output.rows(), output.cols());
    d_output.leftCols(again).setZero();
    LossValue loss;
    detail::with_targets(loss_, batch, first, count, [&](const auto& targets) {
      loss = loss_(output.rightCols(count), targets, d_output.rightCols(count), batch.columns(first, count), whole_);
    });
    if (!is_finite(loss.sum)) fail(text("the loss is ", loss.sum));
    report.loss += loss;
    model_.backward(tape_, view(std::as_const(d_output)), gradient_);
  }

  void update(StepReport& report) {
    auto& gradient = gradient_.values();
    // A non-finite entry must be seen before it is limited.
    if (options_.clip_value > 0 && finite(gradient)) clip_by_value(gradient, options_.clip_value);
    const double norm =
        options_.clip_norm > 0 ? clip_by_global_norm(gradient, options_.clip_norm) : global_norm(gradient);
    if (!is_finite(norm)) fail(text("the norm of the gradient is ", norm));
    report.gradient_norm = std::max(report.gradient_norm, norm);
    if (options_.learning_rate) optimizer_.learning_rate() = options_.learning_rate(long(updates_));
    optimizer_.step(model_.parameters().values(), gradient);
    ++updates_;
    if (average_ != nullptr) average_->update(model_.parameters().values());
  }

  /// Runs forward once more, because the way back overwrites what a search needs.
  [[noreturn]] void fail(const std::string& what) {
    const Signal<Scalar> in = tape_.in.front();
    model_.forward(in.values, *in.timeline, tape_, Pass(tape_.pass), run_.initial());
    std::string where = model_.locate_non_finite(tape_);
    if (where.empty()) where = gradient_entry();
    throw NonFiniteError(text(what, where.empty() ? "" : "; first not finite: ", where));
  }

  std::string gradient_entry() const {
    const Index entry = first_non_finite(gradient_.values());
    if (entry < 0) return {};
    return "the gradient of parameter '" + gradient_.table().holding(entry).name + "'";
  }

  Model& model_;
  Loss loss_;
  O& optimizer_;
  StepOptions options_;
  Parameters<Scalar> gradient_;
  typename Model::Tape tape_;
  TruncatedRun<Model> run_;
  Buffer<Scalar> d_output_;
  LossCount whole_;
  WeightAverage<Scalar>* average_ = nullptr;
  std::int64_t updates_ = 0;
};

}  // namespace unroll
