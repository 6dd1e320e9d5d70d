#pragma once

#include "unroll/optim/optimizer.hpp"

namespace unroll {

struct SGDOptions {
  double learning_rate = 0.01;
  double momentum = 0;   ///< in [0, 1); 0: no state
  double dampening = 0;  ///< in [0, 1]
  bool nesterov = false;
  Velocity velocity = Velocity::gradient;
  double weight_decay = 0;
  Decay decay = Decay::l2;
  static constexpr std::string_view name = "SGD";
};

/// Stochastic gradient descent with momentum mu, Polyak 1964 and, as `nesterov`, Sutskever et al. 2013:
///
///     b = mu b + (1 - dampening) g          (the first b is g, as in PyTorch)
///     theta -= lr b                         nesterov: theta -= lr (g + mu b)
///
/// The first b is that of the first update of the whole vector, as in PyTorch: a column of a sparse block that a later
/// batch touches first begins with (1 - dampening) g, with sparse gradients as with dense ones.
///
/// With `Velocity::step` b accumulates lr g instead of g, and theta -= b: Keras's velocity with opposite sign.
template <std::floating_point Scalar = float>
class SGD : public detail::OptimizerBase<SGD<Scalar>, Scalar, SGDOptions, 1> {
  using Base = detail::OptimizerBase<SGD, Scalar, SGDOptions, 1>;
  friend Base;

 public:
  explicit SGD(SGDOptions options = {}) : Base(options) {}

 private:
  static constexpr std::array<std::string_view, 1> state_names{"momentum"};
  static constexpr bool squares_gradient = false;
  bool keeps(std::size_t) const { return this->options().momentum != 0; }

  auto formula() const {
    const SGDOptions& o = this->options();
    const auto lr = Scalar(o.learning_rate);
    const bool collects_steps = o.velocity == Velocity::step;
    const Scalar inner = collects_steps ? lr : Scalar(1), outer = collects_steps ? Scalar(1) : lr;
    const Scalar weight = this->updates() == 1 ? inner : Scalar(1 - o.dampening) * inner;
    return [lr, inner, outer, weight, mu = Scalar(o.momentum), nesterov = o.nesterov]<class V>(V& theta, V g, V& b) {
      if (mu == 0) {
        theta = fma(V::constant(-lr), g, theta);
        return;
      }
      b = fma(V::constant(mu), b, V::constant(weight) * g);
      const V step = nesterov ? fma(V::constant(mu), b, V::constant(inner) * g) : b;
      theta = fma(V::constant(-outer), step, theta);
    };
  }
};

}  // namespace unroll
