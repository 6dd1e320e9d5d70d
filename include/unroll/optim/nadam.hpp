#pragma once

#include "unroll/optim/optimizer.hpp"

namespace unroll {

/// Keras: {.learning_rate = 1e-3, .epsilon = 1e-7, .momentum_decay = 1, .decay = Decay::decoupled}.
struct NAdamOptions {
  double learning_rate = 2e-3;
  double beta1 = 0.9, beta2 = 0.999;  ///< in [0, 1)
  double epsilon = 1e-8;
  double momentum_decay = 4e-3;  ///< psi: how fast the momentum schedule rises to beta1
  double weight_decay = 0;
  Decay decay = Decay::l2;
  static constexpr std::string_view name = "NAdam";
};

/// Adam with Nesterov momentum, Dozat 2016 (ICLR workshop, Algorithm 2), epsilon on the bias-corrected root:
///
///     mu_t = b1 (1 - 0.96^(t psi) / 2)      p_t = mu_1 mu_2 ... mu_t
///     m = b1 m + (1 - b1) g                 v = b2 v + (1 - b2) g^2
///     theta -= lr * (mu_(t+1) m / (1 - p_(t+1)) + (1 - mu_t) g / (1 - p_t)) / (sqrt(v / (1 - b2^t)) + eps)
template <std::floating_point Scalar>
class NAdam : public detail::OptimizerBase<NAdam<Scalar>, Scalar, NAdamOptions, 2> {
  using Base = detail::OptimizerBase<NAdam, Scalar, NAdamOptions, 2>;
  using typename Base::ConstPiece, typename Base::Piece;
  friend Base;

 public:
  explicit NAdam(NAdamOptions options = {}) : Base(options) {}

 private:
  static constexpr std::array<std::string_view, 2> state_names{"m", "v"};

  double momentum(std::int64_t t) const {
    return this->options().beta1 * (1 - 0.5 * std::pow(0.96, double(t) * this->options().momentum_decay));
  }
  void begin_step() {
    const NAdamOptions& o = this->options();
    const double now = momentum(this->updates()), next = momentum(this->updates() + 1);
    momentum_product_ *= now;
    of_m_ = Scalar(o.learning_rate * next / (1 - momentum_product_ * next));
    of_g_ = Scalar(o.learning_rate * (1 - now) / (1 - momentum_product_));
    scale_ = Scalar(1 / std::sqrt(this->bias_correction(o.beta2)));
  }
  template <class F>
  void visit_counters(F&& f) {
    f(std::string_view("momentum_product"), momentum_product_);
  }

  void update(Piece theta, ConstPiece g, Piece m, Piece v) const {
    const NAdamOptions& o = this->options();
    m = Scalar(o.beta1) * m + Scalar(1 - o.beta1) * g;
    v = Scalar(o.beta2) * v + Scalar(1 - o.beta2) * g.square();
    theta -= (of_m_ * m + of_g_ * g) / (scale_ * v.sqrt() + Scalar(o.epsilon));
  }

  double momentum_product_ = 1;             // p_t
  Scalar of_m_ = 0, of_g_ = 0, scale_ = 0;  // of the step at hand
};

}  // namespace unroll
