#pragma once
// Activations chosen at run time.

#include <limits>
#include <string>

#include "metadata.hpp"
#include "unroll/simd/activations.hpp"

namespace conformance {

struct Choice {
  std::string name = "linear";
  double alpha = 0, beta = 0;
  double limit = std::numeric_limits<double>::infinity();  // limit of the argument: ONNX's attribute clip
};

/// alpha x + beta.
struct Affine {
  static constexpr bool by_output = false;
  double alpha = 1, beta = 0;
  template <class V>
  V value(V x) const {
    return V::constant(typename V::Scalar(alpha)) * x + V::constant(typename V::Scalar(beta));
  }
  template <class V>
  V slope(V) const {
    return V::constant(typename V::Scalar(alpha));
  }
};

/// alpha tanh(beta x).
struct ScaledTanh {
  static constexpr bool by_output = false;
  double alpha = 1, beta = 1;
  template <class V>
  V value(V x) const {
    return V::constant(typename V::Scalar(alpha)) * Tanh{}.value(x * V::constant(typename V::Scalar(beta)));
  }
  template <class V>
  V slope(V x) const {
    return V::constant(typename V::Scalar(alpha * beta)) *
           Tanh{}.slope(Tanh{}.value(x * V::constant(typename V::Scalar(beta))));
  }
};

/// x above alpha, else 0.
struct ThresholdedRelu {
  static constexpr bool by_output = false;
  double alpha = 1;
  template <class V>
  V value(V x) const {
    return select_greater(x, V::constant(typename V::Scalar(alpha)), x, V::constant(0));
  }
  template <class V>
  V slope(V x) const {
    return select_greater(x, V::constant(typename V::Scalar(alpha)), V::constant(1), V::constant(0));
  }
};

/// SELU of Klambauer et al. 2017 (arXiv:1706.02515), with the constants of PyTorch and Keras.
struct Selu {
  static constexpr bool by_output = false;
  static constexpr double factor = 1.0507009873554805, alpha = 1.6732632423543772;
  template <class V>
  V value(V x) const {
    return V::constant(typename V::Scalar(factor)) * Elu{alpha}.value(x);
  }
  template <class V>
  V slope(V x) const {
    return V::constant(typename V::Scalar(factor)) * Elu{alpha}.slope(Elu{alpha}.value(x));
  }
};

template <class F>
auto with_chosen(const Choice& choice, F&& f) {
  if (choice.name == "sigmoid") return f(Sigmoid{});
  if (choice.name == "tanh") return f(Tanh{});
  if (choice.name == "relu") return f(Relu{});
  if (choice.name == "softplus") return f(Softplus{});
  if (choice.name == "softsign") return f(Softsign{});
  if (choice.name == "exponential") return f(Exp{});
  if (choice.name == "gelu") return f(Gelu{});
  if (choice.name == "silu") return f(Silu{});
  if (choice.name == "selu") return f(Selu{});
  if (choice.name == "hardtanh") return f(HardTanh{choice.alpha, choice.beta});
  if (choice.name == "leakyrelu") return f(LeakyRelu{choice.alpha});
  if (choice.name == "elu") return f(Elu{choice.alpha});
  if (choice.name == "hardsigmoid") return f(HardSigmoid{choice.alpha, choice.beta});
  if (choice.name == "affine") return f(Affine{choice.alpha, choice.beta});
  if (choice.name == "scaledtanh") return f(ScaledTanh{choice.alpha, choice.beta});
  if (choice.name == "thresholdedrelu") return f(ThresholdedRelu{choice.alpha});
  if (choice.name == "linear") return f(Affine{});
  throw Refused("the activation '" + choice.name + "' is not supported");
}

/// One call per register; otherwise every kernel would contain all functions.
template <class V>
[[gnu::noinline]] V chosen_value(const Choice& choice, V x) {
  return with_chosen(choice, [&](auto f) { return f.value(x); });
}
template <class V>
[[gnu::noinline]] V chosen_slope(const Choice& choice, V x) {
  return with_chosen(choice, [&](auto f) { return f.slope(f.by_output ? f.value(x) : x); });
}

template <int slot>
struct Chosen {
  static constexpr std::string_view name = "chosen", latex = "\\phi";
  static constexpr bool by_output = false;
  static inline Choice choice;

  template <class V>
  V value(V x) const {
    return chosen_value(choice, limited(x));
  }
  template <class V>
  V slope(V x) const {
    return select_greater(abs(x), limit<V>(), V::constant(0), chosen_slope(choice, limited(x)));
  }

 private:
  template <class V>
  static V limit() {
    return V::constant(typename V::Scalar(choice.limit));
  }
  template <class V>
  static V limited(V x) {
    return max(min(x, limit<V>()), -limit<V>());
  }
};

/// Sets the activations f0, f1 and f2. Throws Refused for an unknown name.
inline void choose(const Choice& first, const Choice& second, const Choice& third) {
  for (const Choice* choice : {&first, &second, &third}) with_chosen(*choice, [](auto) {});
  Chosen<0>::choice = first, Chosen<1>::choice = second, Chosen<2>::choice = third;
}

}  // namespace conformance
