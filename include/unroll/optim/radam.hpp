#pragma once

#include "unroll/optim/optimizer.hpp"

namespace unroll {

struct RAdamOptions {
  double learning_rate = 1e-3;
  double beta1 = 0.9, beta2 = 0.999;  ///< in [0, 1)
  double epsilon = 1e-8;
  double weight_decay = 0;
  Decay decay = Decay::l2;
  static constexpr std::string_view name = "RAdam";
};

/// Rectified Adam, Liu et al. 2020 (arXiv:1908.03265, Algorithm 2), epsilon on the raw root as in PyTorch:
///
///     m = b1 m + (1 - b1) g      v = b2 v + (1 - b2) g^2
///     rho_inf = 2 / (1 - b2) - 1      rho = rho_inf - 2 t b2^t / (1 - b2^t)
///     r = sqrt((rho - 4) (rho - 2) rho_inf / ((rho_inf - 4) (rho_inf - 2) rho))
///     theta -= lr / (1 - b1^t) * r sqrt(1 - b2^t) m / (sqrt(v) + eps)
///     while rho <= 5: theta -= lr / (1 - b1^t) * m
template <std::floating_point Scalar = float>
class RAdam : public detail::OptimizerBase<RAdam<Scalar>, Scalar, RAdamOptions, 2> {
  using Base = detail::OptimizerBase<RAdam, Scalar, RAdamOptions, 2>;
  friend Base;

 public:
  explicit RAdam(RAdamOptions options = {}) : Base(options) {}

 private:
  static constexpr std::array<std::string_view, 2> state_names{"m", "v"};

  /// r sqrt(1 - b2^t), or 0 while v averages too few gradients for a reliable variance.
  double rectifier() const {
    const double beta2 = this->options().beta2, fix = this->bias_correction(beta2);
    const double limit = 2 / (1 - beta2) - 1, rho = limit - 2 * double(this->updates()) * (1 - fix) / fix;
    if (!(rho > 5)) return 0;
    return std::sqrt((rho - 4) * (rho - 2) * limit / ((limit - 4) * (limit - 2) * rho) * fix);
  }

  void begin_step() {
    const double rectified = rectifier();
    adapts_ = rectified > 0;
    rate_ = Scalar((adapts_ ? rectified : 1) * this->options().learning_rate /
                   this->bias_correction(this->options().beta1));
  }

  auto formula() const {
    const RAdamOptions& o = this->options();
    return [beta1 = Scalar(o.beta1), rest1 = Scalar(1 - o.beta1), beta2 = Scalar(o.beta2), rest2 = Scalar(1 - o.beta2),
            rate = rate_, epsilon = Scalar(o.epsilon), adapts = adapts_]<class V>(V& theta, V g, V& m, V& v) {
      m = fma(V::constant(beta1), m, V::constant(rest1) * g);
      v = fma(V::constant(beta2), v, V::constant(rest2) * (g * g));
      const V step = V::constant(rate) * m;
      theta -= adapts ? step / (sqrt(v) + V::constant(epsilon)) : step;
    };
  }

  bool adapts_ = false;  // both of the current step
  Scalar rate_ = 0;
};

}  // namespace unroll
