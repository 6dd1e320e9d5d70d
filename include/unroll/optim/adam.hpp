#pragma once

#include "unroll/optim/optimizer.hpp"

namespace unroll {

/// Position of Adam's epsilon.
enum class Epsilon {
  corrected,  ///< added to the bias-corrected root (PyTorch, Algorithm 1 of the paper)
  raw         ///< added to the uncorrected root (Keras, the paper's "efficient" form): larger effect in early steps
};

/// Options of Adam and AdamW. Keras's Adam: {.epsilon = 1e-7, .epsilon_at = Epsilon::raw, .decay = Decay::decoupled}.
template <bool decoupled_decay>
struct BasicAdamOptions {
  double learning_rate = 1e-3;
  double beta1 = 0.9, beta2 = 0.999;  ///< in [0, 1)
  double epsilon = 1e-8;
  Epsilon epsilon_at = Epsilon::corrected;
  bool amsgrad = false;  ///< divides by the largest v so far (Reddi et al. 2018)
  double weight_decay = decoupled_decay ? 0.01 : 0;
  Decay decay = decoupled_decay ? Decay::decoupled : Decay::l2;
  static constexpr std::string_view name = decoupled_decay ? "AdamW" : "Adam";
};

using AdamOptions = BasicAdamOptions<false>;
using AdamWOptions = BasicAdamOptions<true>;

/// Base class of Adam and AdamW.
template <std::floating_point Scalar, class AnyAdamOptions>
class BasicAdam : public detail::OptimizerBase<BasicAdam<Scalar, AnyAdamOptions>, Scalar, AnyAdamOptions, 3> {
  using Base = detail::OptimizerBase<BasicAdam, Scalar, AnyAdamOptions, 3>;
  friend Base;

 public:
  explicit BasicAdam(AnyAdamOptions options = {}) : Base(options) {}

 private:
  static constexpr std::array<std::string_view, 3> state_names{"m", "v", "v_max"};
  bool keeps(std::size_t i) const { return i < 2 || this->options().amsgrad; }

  void begin_step() {
    const AnyAdamOptions& o = this->options();
    const double root_fix = std::sqrt(this->bias_correction(o.beta2));
    rate_ = Scalar(o.learning_rate / this->bias_correction(o.beta1));
    scale_ = Scalar(1 / root_fix);
    epsilon_ = Scalar(o.epsilon_at == Epsilon::raw ? o.epsilon / root_fix : o.epsilon);
  }

  auto formula() const {
    const AnyAdamOptions& o = this->options();
    return [beta1 = Scalar(o.beta1), rest1 = Scalar(1 - o.beta1), beta2 = Scalar(o.beta2), rest2 = Scalar(1 - o.beta2),
            rate = rate_, scale = scale_, epsilon = epsilon_,
            amsgrad = o.amsgrad]<class V>(V& theta, V g, V& m, V& v, V& w) {
      m = fma(V::constant(beta1), m, V::constant(rest1) * g);
      v = fma(V::constant(beta2), v, V::constant(rest2) * (g * g));
      if (amsgrad) w = max(w, v);
      theta -= V::constant(rate) * m / fma(V::constant(scale), sqrt(amsgrad ? w : v), V::constant(epsilon));
    };
  }

  Scalar rate_ = 0, scale_ = 0, epsilon_ = 0;  // of the current step
};

/// Adam, Kingma & Ba 2015 (arXiv:1412.6980, Algorithm 1):
///
///     m = b1 m + (1 - b1) g      v = b2 v + (1 - b2) g^2      amsgrad: w = max(w, v), which replaces v below
///     theta -= lr * (m / (1 - b1^t)) / (sqrt(v / (1 - b2^t)) + eps)
template <std::floating_point Scalar = float>
class Adam : public BasicAdam<Scalar, AdamOptions> {
 public:
  explicit Adam(AdamOptions options = {}) : BasicAdam<Scalar, AdamOptions>(options) {}
};

/// Adam with decoupled weight decay, Loshchilov & Hutter 2019 (arXiv:1711.05101, Algorithm 2): theta -= lr * lambda *
/// theta, then Adam's step. The decay is multiplied by the learning rate, as in PyTorch and Keras.
template <std::floating_point Scalar = float>
class AdamW : public BasicAdam<Scalar, AdamWOptions> {
 public:
  explicit AdamW(AdamWOptions options = {}) : BasicAdam<Scalar, AdamWOptions>(options) {}
};

}  // namespace unroll
