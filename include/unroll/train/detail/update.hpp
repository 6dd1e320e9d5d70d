#pragma once
// Parameter update: clipping, learning rate, optimizer, average.

#include <functional>
#include <limits>

#include "unroll/engine/tape.hpp"
#include "unroll/optim/average.hpp"
#include "unroll/optim/clip.hpp"
#include "unroll/train/detail/optimizer_reference.hpp"

namespace unroll::detail {

/// Throws ValueError for a `keeping` that allows no backward pass.
inline void check_keeping(const Keeping& keeping) {
  require<ValueError>(keeping.keep != Keep::nothing,
                      "training: keeping must be Keep::everything or Keep::checkpoints, got Keep::nothing");
  keeping.check();
}

/// Learning rate of a schedule after `done` updates or epochs. Throws ValueError unless it is finite and >= 0.
inline double checked_rate(const std::function<double(long)>& schedule, std::int64_t done) {
  const double rate = schedule(long(done));
  require<ValueError>(is_finite(rate) && rate >= 0, "training: the learning rate after ", done,
                      " updates or epochs must be finite and at least 0, got ", rate);
  return rate;
}

/// Clipping options of a training step.
struct Clipping {
  template <class Options>
  static Clipping of(const Options& o) {
    return {o.clip_norm, o.clip_value, o.clip_p};
  }

  /// Throws ValueError for limits below the smallest normal number of `Scalar`, except 0, which disables clipping, and
  /// for a p out of range.
  template <class Scalar>
  void check() const {
    check_zero_or_at_least<Scalar>("training", "clip_norm", norm);
    check_zero_or_at_least<Scalar>("training", "clip_value", value);
    check_norm("training", "clip_p", p);
  }

  double norm, value, p;
};

/// Last part of every training step. Keeps a reference to the optimizer, which must outlive it.
template <class Scalar>
class Update {
 public:
  /// Throws ValueError for frozen parameters that the optimizer would change and for clipping or optimizer options out
  /// of range; ShapeError for an optimizer that was used with another model.
  Update(const OptimizerReference<Scalar>& optimizer, const ParameterTable& table, const Clipping& clipping,
         std::function<double(long)> learning_rate)
      : optimizer_(optimizer), clipping_(clipping), learning_rate_(std::move(learning_rate)) {
    clipping.check<Scalar>();
    require<ValueError>(
        optimizer.knows_segments() || !table.has_frozen(),
        "training: the optimizer would change frozen parameters; give it step(parameters, gradient, threads)");
    optimizer.check(table.size());
  }

  /// Performs an update and returns the norm of the gradient before clipping by norm. If the norm is not finite, calls
  /// `fail(norm)`, which must throw, before the step; calls `stepped()` after the step.
  template <class F, class G>
  double operator()(Parameters<Scalar>& parameters, Parameters<Scalar>& gradient, ThreadPool* threads, F&& fail,
                    G&& stepped) {
    // Clipping would hide a non-finite entry.
    if (clipping_.value > 0 && finite(gradient)) clip_by_value(gradient, clipping_.value);
    const double most = clipping_.norm > 0 ? clipping_.norm : std::numeric_limits<double>::infinity();
    const double rate = learning_rate_ ? checked_rate(learning_rate_, updates) : optimizer_.learning_rate();
    const double norm = clip_by_global_norm(gradient, most, clipping_.p, ClipRule::pytorch, threads);
    if (!is_finite(norm)) fail(norm);
    optimizer_.learning_rate() = rate;
    optimizer_.step(parameters, gradient, threads);
    ++updates;
    stepped();
    if (average != nullptr) average->update(parameters.values());
    return norm;
  }

  std::int64_t updates = 0;                  ///< completed
  WeightAverage<Scalar>* average = nullptr;  ///< updated after each step; may be null

 private:
  OptimizerReference<Scalar> optimizer_;
  Clipping clipping_;
  std::function<double(long)> learning_rate_;
};

}  // namespace unroll::detail
