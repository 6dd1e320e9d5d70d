#pragma once

#include "unroll/optim/optimizer.hpp"

namespace unroll {

/// Position of Adamax's epsilon.
enum class MaximumEpsilon {
  inside,  ///< u = max(b2 u, |g| + epsilon) (PyTorch)
  outside  ///< divides by u + epsilon (Keras)
};

/// Options of Adamax. Keras: {.learning_rate = 1e-3, .epsilon = 1e-7, .epsilon_at = MaximumEpsilon::outside, .decay =
/// Decay::decoupled}.
struct AdamaxOptions {
  double learning_rate = 2e-3;
  double beta1 = 0.9, beta2 = 0.999;  ///< in [0, 1)
  double epsilon = 1e-8;
  MaximumEpsilon epsilon_at = MaximumEpsilon::inside;
  double weight_decay = 0;
  Decay decay = Decay::l2;
  static constexpr std::string_view name = "Adamax";
};

/// Adamax, i.e. Adam with the infinity norm, Kingma & Ba 2015 (arXiv:1412.6980, Algorithm 2):
///
///     m = b1 m + (1 - b1) g      u = max(b2 u, |g| + eps)      theta -= lr / (1 - b1^t) * m / u
///                            or  u = max(b2 u, |g|)            theta -= lr / (1 - b1^t) * m / (u + eps)
template <std::floating_point Scalar = float>
class Adamax : public detail::OptimizerBase<Adamax<Scalar>, Scalar, AdamaxOptions, 2> {
  using Base = detail::OptimizerBase<Adamax, Scalar, AdamaxOptions, 2>;
  friend Base;

 public:
  explicit Adamax(AdamaxOptions options = {}) : Base(options) {}

 private:
  static constexpr std::array<std::string_view, 2> state_names{"m", "u"};
  static constexpr bool squares_gradient = false;

  void begin_step() { rate_ = Scalar(this->options().learning_rate / this->bias_correction(this->options().beta1)); }

  auto formula() const {
    const AdamaxOptions& o = this->options();
    const bool inside = o.epsilon_at == MaximumEpsilon::inside;
    return [beta1 = Scalar(o.beta1), rest1 = Scalar(1 - o.beta1), beta2 = Scalar(o.beta2),
            inner = Scalar(inside ? o.epsilon : 0), outer = Scalar(inside ? 0 : o.epsilon),
            rate = rate_]<class V>(V& theta, V g, V& m, V& u) {
      m = fma(V::constant(beta1), m, V::constant(rest1) * g);
      u = max(V::constant(beta2) * u, abs(g) + V::constant(inner));
      theta -= V::constant(rate) * m / (u + V::constant(outer));
    };
  }

  Scalar rate_ = 0;  // of the current step
};

}  // namespace unroll
