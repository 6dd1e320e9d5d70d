#pragma once

#include "unroll/optim/optimizer.hpp"
#include "unroll/simd/functions.hpp"

namespace unroll {

/// Options of Lion. Every entry moves by the learning rate, independent of the size of its gradient. Use a learning
/// rate 3 to 10 times smaller than for Adam, and a weight decay larger by the same factor.
struct LionOptions {
  double learning_rate = 1e-4;
  double beta1 = 0.9, beta2 = 0.99;  ///< in [0, 1)
  double weight_decay = 0;
  Decay decay = Decay::decoupled;
  static constexpr std::string_view name = "Lion";
};

/// Lion, Chen et al. 2023 (arXiv:2302.06675, Algorithm 2):
///
///     theta -= lr sign(b1 m + (1 - b1) g)      m = b2 m + (1 - b2) g      sign(0) = 0
template <std::floating_point Scalar = float>
class Lion : public detail::OptimizerBase<Lion<Scalar>, Scalar, LionOptions, 1> {
  using Base = detail::OptimizerBase<Lion, Scalar, LionOptions, 1>;
  friend Base;

 public:
  explicit Lion(LionOptions options = {}) : Base(options) {}

 private:
  static constexpr std::array<std::string_view, 1> state_names{"m"};
  static constexpr bool squares_gradient = false;

  auto formula() const {
    const LionOptions& o = this->options();
    return [beta1 = Scalar(o.beta1), rest1 = Scalar(1 - o.beta1), beta2 = Scalar(o.beta2), rest2 = Scalar(1 - o.beta2),
            lr = Scalar(o.learning_rate)]<class V>(V& theta, V g, V& m) {
      const V direction = fma(V::constant(beta1), m, V::constant(rest1) * g);
      theta = fma(V::constant(-lr), Abs{}.slope(direction), theta);
      m = fma(V::constant(beta2), m, V::constant(rest2) * g);
    };
  }
};

}  // namespace unroll
