#pragma once
// Activations that are chosen while the program runs: one cell then serves every list of activations.

#include <limits>
#include <string>

#include "metadata.hpp"
#include "unroll/cells/lstm.hpp"
#include "unroll/core/activations.hpp"

namespace conformance {

struct Choice {
  std::string name = "linear";
  double alpha = 0, beta = 0;
  double limit = std::numeric_limits<double>::infinity();  // of the argument: ONNX's attribute clip
};

/// alpha x + beta
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

/// alpha tanh(beta x)
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

/// x above alpha, else 0
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

template <class F>
auto with_chosen(const Choice& choice, F&& f) {
  if (choice.name == "sigmoid") return f(Sigmoid{});
  if (choice.name == "tanh") return f(Tanh{});
  if (choice.name == "relu") return f(Relu{});
  if (choice.name == "softplus") return f(Softplus{});
  if (choice.name == "softsign") return f(Softsign{});
  if (choice.name == "exponential") return f(Exp{});
  if (choice.name == "leakyrelu") return f(LeakyRelu{choice.alpha});
  if (choice.name == "elu") return f(Elu{choice.alpha});
  if (choice.name == "hardsigmoid") return f(HardSigmoid{choice.alpha, choice.beta});
  if (choice.name == "affine") return f(Affine{choice.alpha, choice.beta});
  if (choice.name == "scaledtanh") return f(ScaledTanh{choice.alpha, choice.beta});
  if (choice.name == "thresholdedrelu") return f(ThresholdedRelu{choice.alpha});
  if (choice.name == "linear") return f(Affine{});
  throw Refused("the activation '" + choice.name + "' is not supported");
}

template <int slot>
struct Chosen {
  static constexpr std::string_view name = "chosen", latex = "\\phi";
  static constexpr bool by_output = false;
  static inline Choice choice;

  template <class V>
  V value(V x) const {
    return with_chosen(choice, [&](auto f) { return f.value(limited(x)); });
  }
  template <class V>
  V slope(V x) const {
    const V inside =
        with_chosen(choice, [&](auto f) { return f.slope(f.by_output ? f.value(limited(x)) : limited(x)); });
    return select_greater(abs(x), limit<V>(), V::constant(0), inside);
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

/// What f0, f1 and f2 are from now on. Throws Refused for an unknown name.
inline void choose(const Choice& first, const Choice& second, const Choice& third) {
  for (const Choice* choice : {&first, &second, &third}) with_chosen(*choice, [](auto) {});
  Chosen<0>::choice = first, Chosen<1>::choice = second, Chosen<2>::choice = third;
}

inline constexpr auto f0 = activation(Chosen<0>{});
inline constexpr auto f1 = activation(Chosen<1>{});
inline constexpr auto f2 = activation(Chosen<2>{});

namespace any {
using namespace unroll::symbols;
using unroll::equations::p_f, unroll::equations::p_i, unroll::equations::p_o;

// clang-format off
inline constexpr auto rnn = cell(state(h), next(h) = f0(linear(x, h)));

inline constexpr auto gru = cell(state(h),
    r = f0(linear(x, h)),
    z = f0(linear(x, h)),
    n = f1(linear(x) + r * linear(h)),
    next(h) = n + z * (h - n));

inline constexpr auto gru_reset_before = cell(state(h),
    r = f0(linear(x, h)),
    z = f0(linear(x, h)),
    s = r * h,
    n = f1(linear(x, s)),
    next(h) = n + z * (h - n));

inline constexpr auto lstm = cell(state(h, c),
    i = f0(linear(x, h)),
    f = f0(linear(x, h)),
    g = f1(linear(x, h)),
    o = f0(linear(x, h)),
    next(c) = f * c + i * g,
    next(h) = o * f2(next(c)));

inline constexpr auto peephole_lstm = cell(state(h, c),
    i = f0(linear(x, h) + weight(p_i) * c),
    f = f0(linear(x, h) + weight(p_f) * c),
    g = f1(linear(x, h)),
    next(c) = f * c + i * g,
    o = f0(linear(x, h) + weight(p_o) * next(c)),
    next(h) = o * f2(next(c)));

// ONNX's P has a peephole of f here too, which nothing reads.
inline constexpr auto coupled_lstm = cell(state(h, c),
    i = f0(linear(x, h) + weight(p_i) * c + 0 * weight(p_f) * c),
    g = f1(linear(x, h)),
    next(c) = (1 - i) * c + i * g,
    o = f0(linear(x, h) + weight(p_o) * next(c)),
    next(h) = o * f2(next(c)));
// clang-format on
}  // namespace any

}  // namespace conformance
