#pragma once

#include <variant>

#include "options.hpp"
#include "unroll/optim/adam.hpp"
#include "unroll/optim/rmsprop.hpp"
#include "unroll/optim/sgd.hpp"

namespace lm {

/// Optimizer of the kind in the options. Type erasure: code that uses it is compiled once.
class AnyOptimizer {
 public:
  using Scalar = float;

  explicit AnyOptimizer(const Options& o) : kind_(make(o)) {}

  void step(unroll::OutVector<float> theta, unroll::InVector<float> gradient) {
    std::visit([&](auto& kind) { kind.step(theta, gradient); }, kind_);
  }
  void step(unroll::Parameters<float>& theta, const unroll::Parameters<float>& gradient, unroll::ThreadPool* threads) {
    std::visit([&](auto& kind) { kind.step(theta, gradient, threads); }, kind_);
  }
  double& learning_rate() {
    return std::visit([](auto& kind) -> double& { return kind.learning_rate(); }, kind_);
  }
  auto& options() { return kind_; }
  void set_decay_mask(unroll::VectorX<float> mask) {
    std::visit([&](auto& kind) { kind.set_decay_mask(mask); }, kind_);
  }
  template <class F>
  void visit_state(F&& f) {
    std::visit([&](auto& kind) { kind.visit_state(f); }, kind_);
  }

 private:
  using Kind = std::variant<unroll::SGD<float>, unroll::RMSprop<float>, unroll::Adam<float>>;

  static Kind make(const Options& o) {
    if (o.optimizer == "adam") return unroll::Adam<float>({.learning_rate = o.rate});
    if (o.optimizer == "rmsprop") return unroll::RMSprop<float>({.learning_rate = o.rate});
    const bool nesterov = o.optimizer == "nesterov";
    return unroll::SGD<float>({.learning_rate = o.rate, .momentum = nesterov ? o.momentum : 0, .nesterov = nesterov});
  }

  Kind kind_;
};

}  // namespace lm
