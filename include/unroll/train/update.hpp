#pragma once
// From a gradient to new parameters: clipping, learning rate, optimizer, average.

#include <functional>
#include <limits>

#include "unroll/core/parameters.hpp"
#include "unroll/core/thread_pool.hpp"
#include "unroll/engine/tape.hpp"
#include "unroll/optim/average.hpp"
#include "unroll/optim/clip.hpp"
#include "unroll/optim/optimizer.hpp"

namespace unroll::detail {

/// Throws ValueError for what no training step can go back over.
inline void check_keeping(const Keeping& keeping) {
  require<ValueError>(keeping.keep != Keep::nothing,
                      "training: keeping is Keep::nothing, which leaves no way back; expected Keep::everything or "
                      "Keep::checkpoints");
  keeping.check();
}

/// The learning rate of a schedule after `done` updates or epochs. Throws ValueError where it is none.
inline double checked_rate(const std::function<double(long)>& schedule, std::int64_t done) {
  const double rate = schedule(long(done));
  require<ValueError>(is_finite(rate) && rate >= 0, "training: the learning rate after ", done,
                      " updates or epochs must be finite and >= 0, it is ", rate);
  return rate;
}

/// What training steps of every kind do last. It refers to the optimizer, which must outlive it.
template <class Scalar, class O>
class Update {
 public:
  /// A limit of 0 is none. Throws ValueError for one below, for frozen parameters that the optimizer would move, and
  /// for options of the optimizer out of range; ShapeError for an optimizer that has served another model.
  Update(O& optimizer, const ParameterTable& table, double clip_norm, double clip_value,
         std::function<double(long)> learning_rate)
      : optimizer_(optimizer),
        clip_norm_(clip_norm),
        clip_value_(clip_value),
        learning_rate_(std::move(learning_rate)) {
    if (clip_norm != 0) check_at_least<Scalar>("training", "clip_norm, unless 0,", clip_norm);
    if (clip_value != 0) check_at_least<Scalar>("training", "clip_value, unless 0,", clip_value);
    require<ValueError>(knows_segments || !table.has_frozen(),
                        "training: the model has frozen parameters, which this optimizer would move: it lacks "
                        "step(parameters, gradient, threads)");
    if constexpr (requires { optimizer.check(table.size()); }) optimizer.check(table.size());
  }

  /// Whether the optimizer leaves alone what the gradient cannot reach: frozen columns, tokens not in the batch.
  static constexpr bool knows_segments = requires(O & optimizer, Parameters<Scalar>& parameters, ThreadPool* threads) {
    optimizer.step(parameters, std::as_const(parameters), threads);
  };

  /// Returns the gradient's norm before it is clipped to it. `fail(norm)`, which throws, is called in place of a step
  /// where that is not finite, `stepped()` behind a step.
  template <class F, class G>
  double operator()(Parameters<Scalar>& parameters, Parameters<Scalar>& gradient, ThreadPool* threads, F&& fail,
                    G&& stepped) {
    // A non-finite entry must be seen before it is limited.
    if (clip_value_ > 0 && finite(gradient)) clip_by_value(gradient, clip_value_);
    const double most = clip_norm_ > 0 ? clip_norm_ : std::numeric_limits<double>::infinity();
    const double rate = learning_rate_ ? checked_rate(learning_rate_, updates) : optimizer_.learning_rate();
    const double norm = clip_by_global_norm(gradient, most, NormKind::l2, ClipRule::pytorch, threads);
    if (!is_finite(norm)) fail(norm);
    optimizer_.learning_rate() = rate;
    if constexpr (knows_segments)
      optimizer_.step(parameters, gradient, threads);
    else
      optimizer_.step(parameters.values(), gradient.values());
    ++updates;
    stepped();
    if (average != nullptr) average->update(parameters.values());
    return norm;
  }

  std::int64_t updates = 0;                  ///< done
  WeightAverage<Scalar>* average = nullptr;  ///< also updated, if there is one

 private:
  O& optimizer_;
  double clip_norm_, clip_value_;
  std::function<double(long)> learning_rate_;
};

}  // namespace unroll::detail
