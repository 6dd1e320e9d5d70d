#pragma once
// From a gradient to new parameters: clipping, learning rate, optimizer, average.

#include <functional>
#include <limits>

#include "unroll/engine/tape.hpp"
#include "unroll/optim/average.hpp"
#include "unroll/optim/clip.hpp"
#include "unroll/optim/optimizer.hpp"
#include "unroll/parameters/parameters.hpp"
#include "unroll/threads/thread_pool.hpp"

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

/// How a gradient is clipped; the options of every kind of training step that say so.
struct Clipping {
  template <class Options>
  static Clipping of(const Options& o) {
    return {o.clip_norm, o.clip_value, o.clip_p};
  }

  /// A limit of 0 is none. Throws ValueError for one below, and for a p out of range.
  template <class Scalar>
  void check() const {
    if (norm != 0) check_at_least<Scalar>("training", "clip_norm, unless 0,", norm);
    if (value != 0) check_at_least<Scalar>("training", "clip_value, unless 0,", value);
    check_norm("training", "clip_p", p);
  }

  double norm, value, p;
};

/// What training steps of every kind do last. It refers to the optimizer, which must outlive it.
template <class Scalar, class O>
class Update {
 public:
  /// Throws ValueError for frozen parameters that the optimizer would move, and for options of clipping and of the
  /// optimizer out of range; ShapeError for an optimizer that has served another model.
  Update(O& optimizer, const ParameterTable& table, const Clipping& clipping, std::function<double(long)> learning_rate)
      : optimizer_(optimizer), clipping_(clipping), learning_rate_(std::move(learning_rate)) {
    clipping.check<Scalar>();
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
    if (clipping_.value > 0 && finite(gradient)) clip_by_value(gradient, clipping_.value);
    const double most = clipping_.norm > 0 ? clipping_.norm : std::numeric_limits<double>::infinity();
    const double rate = learning_rate_ ? checked_rate(learning_rate_, updates) : optimizer_.learning_rate();
    const double norm = clip_by_global_norm(gradient, most, clipping_.p, ClipRule::pytorch, threads);
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
  Clipping clipping_;
  std::function<double(long)> learning_rate_;
};

}  // namespace unroll::detail
