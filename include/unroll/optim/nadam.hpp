#pragma once

#include "unroll/optim/optimizer.hpp"

namespace unroll {

/// Options of NAdam. Keras: {.learning_rate = 1e-3, .epsilon = 1e-7, .momentum_decay = 1, .decay = Decay::decoupled}.
struct NAdamOptions {
  double learning_rate = 2e-3;
  double beta1 = 0.9, beta2 = 0.999;  ///< in [0, 1)
  double epsilon = 1e-8;
  double momentum_decay = 4e-3;  ///< psi: rate at which the momentum rises to beta1
  double weight_decay = 0;
  Decay decay = Decay::l2;
  static constexpr std::string_view name = "NAdam";
};

/// NAdam, i.e. Adam with Nesterov momentum, Dozat 2016 (ICLR workshop, Algorithm 2), epsilon on the bias-corrected
/// root:
///
///     mu_t = b1 (1 - 0.96^(t psi) / 2)      p_t = mu_1 mu_2 ... mu_t
///     m = b1 m + (1 - b1) g                 v = b2 v + (1 - b2) g^2
///     theta -= lr * (mu_(t+1) m / (1 - p_(t+1)) + (1 - mu_t) g / (1 - p_t)) / (sqrt(v / (1 - b2^t)) + eps)
template <std::floating_point Scalar = float>
class NAdam : public detail::OptimizerBase<NAdam<Scalar>, Scalar, NAdamOptions, 2> {
  using Base = detail::OptimizerBase<NAdam, Scalar, NAdamOptions, 2>;
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

  auto formula() const {
    const NAdamOptions& o = this->options();
    return
        [beta1 = Scalar(o.beta1), rest1 = Scalar(1 - o.beta1), beta2 = Scalar(o.beta2), rest2 = Scalar(1 - o.beta2),
         of_m = of_m_, of_g = of_g_, scale = scale_, epsilon = Scalar(o.epsilon)]<class V>(V& theta, V g, V& m, V& v) {
          m = fma(V::constant(beta1), m, V::constant(rest1) * g);
          v = fma(V::constant(beta2), v, V::constant(rest2) * (g * g));
          const V step = fma(V::constant(of_m), m, V::constant(of_g) * g);
          theta -= step / fma(V::constant(scale), sqrt(v), V::constant(epsilon));
        };
  }

  double momentum_product_ = 1;             // p_t
  Scalar of_m_ = 0, of_g_ = 0, scale_ = 0;  // of the current step
};

}  // namespace unroll
