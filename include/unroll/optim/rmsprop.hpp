#pragma once

#include "unroll/optim/optimizer.hpp"

namespace unroll {

/// Options of RMSprop. Keras: {.learning_rate = 1e-3, .rho = 0.9, .epsilon = 1e-7, .epsilon_at = RootEpsilon::inside,
/// .velocity = Velocity::step, .decay = Decay::decoupled}.
struct RMSpropOptions {
  double learning_rate = 0.01;
  double rho = 0.99;  ///< weight of the old average, in [0, 1); PyTorch's alpha
  double epsilon = 1e-8;
  RootEpsilon epsilon_at = RootEpsilon::outside;
  bool centered = false;  ///< divides by the standard deviation instead of the root mean square
  double momentum = 0;    ///< in [0, 1)
  Velocity velocity = Velocity::gradient;
  double weight_decay = 0;
  Decay decay = Decay::l2;
  static constexpr std::string_view name = "RMSprop";
};

/// RMSprop, Tieleman & Hinton 2012 (lecture 6e), `centered` as in Graves 2013 (arXiv:1308.0850, eq. 38-45):
///
///     v = rho v + (1 - rho) g^2        centered: a = rho a + (1 - rho) g, and v - a^2 replaces v below
///     u = g / (sqrt(v) + eps)          or g / sqrt(v + eps)
///     theta -= lr u                    with momentum mu: b = mu b + u, theta -= lr b
template <std::floating_point Scalar = float>
class RMSprop : public detail::OptimizerBase<RMSprop<Scalar>, Scalar, RMSpropOptions, 3> {
  using Base = detail::OptimizerBase<RMSprop, Scalar, RMSpropOptions, 3>;
  friend Base;

 public:
  explicit RMSprop(RMSpropOptions options = {}) : Base(options) {}

 private:
  static constexpr std::array<std::string_view, 3> state_names{"v", "mean", "momentum"};
  bool keeps(std::size_t i) const {
    return i == 0 || (i == 1 && this->options().centered) || (i == 2 && this->options().momentum != 0);
  }

  auto formula() const {
    const RMSpropOptions& o = this->options();
    const bool collects_steps = o.velocity == Velocity::step;
    const auto lr = Scalar(o.learning_rate);
    return [rho = Scalar(o.rho), rest = Scalar(1 - o.rho), eps = Scalar(o.epsilon), at = o.epsilon_at,
            centered = o.centered, lr, mu = Scalar(o.momentum), inner = collects_steps ? lr : Scalar(1),
            outer = collects_steps ? Scalar(1) : lr]<class V>(V& theta, V g, V& v, V& a, V& b) {
      v = fma(V::constant(rho), v, V::constant(rest) * (g * g));
      if (centered) a = fma(V::constant(rho), a, V::constant(rest) * g);
      // Rounding can make the variance slightly negative.
      const V variance = centered ? max(fma(-a, a, v), V::constant(0)) : v;
      const V u = g / detail::root(variance, V::constant(eps), at);
      if (mu == 0) {
        theta = fma(V::constant(-lr), u, theta);
        return;
      }
      b = fma(V::constant(mu), b, V::constant(inner) * u);
      theta = fma(V::constant(-outer), b, theta);
    };
  }
};

}  // namespace unroll
