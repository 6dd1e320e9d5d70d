#pragma once

#include "unroll/optim/optimizer.hpp"
#include "unroll/parameters/parameters.hpp"
#include "unroll/threads/thread_pool.hpp"

namespace unroll::detail {

/// Optimizer of another type than `Reference`, which is copied instead.
template <class O, class Reference>
concept OtherOptimizer = !std::same_as<std::remove_cv_t<O>, Reference> && Optimizer<O>;

/// Reference to an optimizer of any type, which must outlive it. Training is compiled once for all optimizers; an
/// update costs one call by pointer.
template <std::floating_point S>
class OptimizerReference {
 public:
  using Scalar = S;

  template <OtherOptimizer<OptimizerReference> O>
  explicit OptimizerReference(O& optimizer) : optimizer_(&optimizer), functions_(&functions_of<O>) {}

  double& learning_rate() const { return functions_->learning_rate(optimizer_); }
  /// True if the optimizer skips entries without a gradient: frozen columns and tokens that are not in the batch.
  bool knows_segments() const { return functions_->knows_segments; }
  /// Throws as the check of the optimizer does, if it has one.
  void check(Index parameters) const { functions_->check(optimizer_, parameters); }
  void step(Parameters<S>& parameters, const Parameters<S>& gradient, ThreadPool* threads) const {
    functions_->step(optimizer_, parameters, gradient, threads);
  }

 private:
  struct Functions {
    bool knows_segments;
    double& (*learning_rate)(void*);
    void (*check)(void*, Index);
    void (*step)(void*, Parameters<S>&, const Parameters<S>&, ThreadPool*);
  };

  template <class O>
  static constexpr bool steps_segments = requires(O& optimizer, Parameters<S>& parameters, ThreadPool* threads) {
    optimizer.step(parameters, std::as_const(parameters), threads);
  };
  template <class O>
  static constexpr Functions functions_of{
      .knows_segments = steps_segments<O>,
      .learning_rate = [](void* o) -> double& { return static_cast<O*>(o)->learning_rate(); },
      .check =
          []([[maybe_unused]] void* o, [[maybe_unused]] Index parameters) {
            if constexpr (requires(O & optimizer) { optimizer.check(parameters); })
              static_cast<O*>(o)->check(parameters);
          },
      .step =
          [](void* o, Parameters<S>& parameters, const Parameters<S>& gradient, [[maybe_unused]] ThreadPool* threads) {
            if constexpr (steps_segments<O>)
              static_cast<O*>(o)->step(parameters, gradient, threads);
            else
              static_cast<O*>(o)->step(parameters.values(), gradient.values());
          }};

  void* optimizer_;
  const Functions* functions_;
};

/// Optimizer or reference to one.
template <class O>
concept StepOptimizer = std::same_as<O, OptimizerReference<typename O::Scalar>> || Optimizer<O>;

}  // namespace unroll::detail
