#pragma once

#include "unroll/optim/optimizer.hpp"

namespace unroll {

/// Options of Adadelta. Keras: {.learning_rate = 1e-3, .rho = 0.95, .epsilon = 1e-7, .decay = Decay::decoupled}.
struct AdadeltaOptions {
  double learning_rate = 1;
  double rho = 0.9;  ///< weight of the old averages, in [0, 1)
  double epsilon =
      1e-6;  ///< inside both roots, as in the paper, PyTorch and Keras; determines the size of the first steps
  double weight_decay = 0;
  Decay decay = Decay::l2;
  static constexpr std::string_view name = "Adadelta";
};

/// Adadelta, Zeiler 2012 (arXiv:1212.5701, Algorithm 1):
///
///     v = rho v + (1 - rho) g^2      d = sqrt(u + eps) / sqrt(v + eps) g      theta -= lr d
///     u = rho u + (1 - rho) d^2
template <std::floating_point Scalar = float>
class Adadelta : public detail::OptimizerBase<Adadelta<Scalar>, Scalar, AdadeltaOptions, 2> {
  using Base = detail::OptimizerBase<Adadelta, Scalar, AdadeltaOptions, 2>;
  friend Base;

 public:
  explicit Adadelta(AdadeltaOptions options = {}) : Base(options) {}

 private:
  static constexpr std::array<std::string_view, 2> state_names{"v", "u"};

  auto formula() const {
    const AdadeltaOptions& o = this->options();
    return [rho = Scalar(o.rho), rest = Scalar(1 - o.rho), eps = Scalar(o.epsilon),
            rate = Scalar(o.learning_rate)]<class V>(V& theta, V g, V& v, V& u) {
      const V epsilon = V::constant(eps);
      v = fma(V::constant(rho), v, V::constant(rest) * (g * g));
      const V d = sqrt((u + epsilon) / (v + epsilon)) * g;
      theta -= V::constant(rate) * d;
      u = fma(V::constant(rho), u, V::constant(rest) * (d * d));
    };
  }
};

}  // namespace unroll
