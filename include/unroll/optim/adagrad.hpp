#pragma once

#include "unroll/optim/optimizer.hpp"

namespace unroll {

/// Options of Adagrad. Keras: {.learning_rate = 1e-3, .initial_accumulator = 0.1, .epsilon = 1e-7, .epsilon_at =
/// RootEpsilon::inside, .decay = Decay::decoupled}.
struct AdagradOptions {
  double learning_rate = 0.01;
  double lr_decay = 0;             ///< the rate of step t is learning_rate / (1 + (t - 1) lr_decay)
  double initial_accumulator = 0;  ///< initial sum of squares
  double epsilon = 1e-10;
  RootEpsilon epsilon_at = RootEpsilon::outside;
  double weight_decay = 0;
  Decay decay = Decay::l2;
  static constexpr std::string_view name = "Adagrad";
};

/// Adagrad with a diagonal matrix, Duchi et al. 2011 (JMLR 12, fig. 1):
///
///     s += g^2      theta -= lr g / (sqrt(s) + eps)      or lr g / sqrt(s + eps)
template <std::floating_point Scalar = float>
class Adagrad : public detail::OptimizerBase<Adagrad<Scalar>, Scalar, AdagradOptions, 1> {
  using Base = detail::OptimizerBase<Adagrad, Scalar, AdagradOptions, 1>;
  friend Base;

 public:
  explicit Adagrad(AdagradOptions options = {}) : Base(options) {}

 private:
  static constexpr std::array<std::string_view, 1> state_names{"sum"};
  double initial_state() const { return this->options().initial_accumulator; }

  auto formula() const {
    const AdagradOptions& o = this->options();
    return [rate = Scalar(o.learning_rate / (1 + double(this->updates() - 1) * o.lr_decay)), eps = Scalar(o.epsilon),
            at = o.epsilon_at]<class V>(V& theta, V g, V& s) {
      s = fma(g, g, s);
      theta -= V::constant(rate) * g / detail::root(s, V::constant(eps), at);
    };
  }
};

}  // namespace unroll
