#pragma once
// Activation functions with their derivatives, for recurrences, dense layers and reference tests.
//
// Each is a small aggregate that works on Lanes of any width, float or double. If the derivative is a function of the
// result (`by_output`), only the result is stored, and no transcendental function is computed twice. Derivatives at
// kinks are those of PyTorch: relu'(0) = 0, hard_tanh' = 0 at its limits. NaN is propagated. Largest measured errors,
// in units in the last place over all magnitudes (see elementary.hpp):
//
//               float   double
//     sigmoid    2.5     2.4    including subnormal results
//     tanh       2.5     2.6    including arguments near 0
//     softplus   2.7     2.8    including the range where it is e^x
//     elu        1.1     1.2
//     gelu, silu: see gelu.hpp

#include <concepts>
#include <limits>
#include <string_view>
#include <type_traits>

#include "unroll/core/error.hpp"
#include "unroll/core/types.hpp"
#include "unroll/simd/elementary.hpp"
#include "unroll/simd/functions.hpp"
#include "unroll/simd/gelu.hpp"
#include "unroll/simd/runs.hpp"

namespace unroll {

namespace detail {

/// Positive activation parameter. The sign of the result identifies the branch of the argument only if the parameter is
/// > 0. It must be a positive normal float, for double activations too. Throws ValueError at construction; in a
/// constant expression that is a compile error.
template <class Owner>
struct Positive {
  double value;
  constexpr Positive(double number) : value(number) {  // NOLINT: implicit conversion from a number
    if (!(number >= double(smallest) && number <= double(largest))) refuse(number);
  }
  constexpr operator double() const { return value; }  // NOLINT: implicit conversion to a number

 private:
  static constexpr float smallest = std::numeric_limits<float>::min(), largest = std::numeric_limits<float>::max();
  [[noreturn]] static void refuse(double number) {
    throw ValueError(text(Owner::name, ": parameter must be ", smallest, " to ", largest, ", got ", number));
  }
};

/// Activation parameter that is not NaN, and finite in float unless `may_be_infinite`. Throws ValueError like Positive.
template <class Owner, bool may_be_infinite = false>
struct Number {
  double value;
  constexpr Number(double number) : value(number) {  // NOLINT: implicit conversion from a number
    using Numbers = std::numeric_limits<float>;
    constexpr double largest = double(may_be_infinite ? Numbers::infinity() : Numbers::max());
    if (!(number >= -largest && number <= largest)) refuse(number);
  }
  constexpr operator double() const { return value; }  // NOLINT: implicit conversion to a number

 private:
  [[noreturn]] static void refuse(double number) {
    throw ValueError(text(Owner::name, ": parameter must be finite in float, got ", number));
  }
};

template <class V>
EIGEN_ALWAYS_INLINE V constant(double number) {
  return V::constant(static_cast<typename V::Scalar>(number));
}

}  // namespace detail

/// Scalar function with its derivative. A user-defined activation is any struct of this form. If it has parameters, it
/// lists them in `visit_options(f)`, which calls f(name, number) for each, so that descriptions and files contain them.
template <class A>
concept Activation = requires(const A a, NativeLanes<float> f, NativeLanes<double> d) {
  { A::name } -> std::convertible_to<std::string_view>;   // for files and messages
  { A::latex } -> std::convertible_to<std::string_view>;  // for formulas
  { A::by_output } -> std::convertible_to<bool>;          // argument of slope(): the result if true, else the argument
  { a.value(f) } -> std::same_as<decltype(f)>;
  { a.slope(d) } -> std::same_as<decltype(d)>;
};

/// Identity x.
struct Identity {
  static constexpr std::string_view name = "identity", latex = "\\mathrm{id}";
  static constexpr bool by_output = true;
  template <class V>
  EIGEN_ALWAYS_INLINE V value(V x) const {
    return x;
  }
  template <class V>
  EIGEN_ALWAYS_INLINE V slope(V) const {
    return V::constant(1);
  }
};

/// Logistic sigmoid 1 / (1 + e^-x).
struct Sigmoid {
  static constexpr std::string_view name = "sigmoid", latex = "\\sigma";
  static constexpr bool by_output = true;
  template <class V>
  EIGEN_ALWAYS_INLINE V value(V x) const {
    return sigmoid(x);
  }
  template <class V>
  EIGEN_ALWAYS_INLINE V slope(V y) const {
    return y * (V::constant(1) - y);
  }
};

/// Hyperbolic tangent.
struct Tanh {
  static constexpr std::string_view name = "tanh", latex = "\\tanh";
  static constexpr bool by_output = true;
  template <class V>
  EIGEN_ALWAYS_INLINE V value(V x) const {
    return tanh(x);
  }
  template <class V>
  EIGEN_ALWAYS_INLINE V slope(V y) const {
    return fma(-y, y, V::constant(1));
  }
};

/// Rectifier max(x, 0).
struct Relu {
  static constexpr std::string_view name = "relu", latex = "\\mathrm{relu}";
  static constexpr bool by_output = true;
  template <class V>
  EIGEN_ALWAYS_INLINE V value(V x) const {
    return max(x, V::constant(0));
  }
  template <class V>
  EIGEN_ALWAYS_INLINE V slope(V y) const {
    return select_greater(y, V::constant(0), V::constant(1), V::constant(0));
  }
};

/// Leaky rectifier: x if x > 0, else negative_slope * x.
struct LeakyRelu {
  static constexpr std::string_view name = "leaky_relu", latex = "\\mathrm{lrelu}";
  static constexpr bool by_output = true;
  detail::Positive<LeakyRelu> negative_slope = 0.01;

  template <class F>
  constexpr void visit_options(F&& f) const {
    f("negative_slope", double(negative_slope));
  }

  template <class V>
  EIGEN_ALWAYS_INLINE V value(V x) const {
    return select_greater(x, V::constant(0), x, x * detail::constant<V>(negative_slope));
  }
  template <class V>
  EIGEN_ALWAYS_INLINE V slope(V y) const {
    return select_greater(y, V::constant(0), V::constant(1), detail::constant<V>(negative_slope));
  }
};

/// Exponential linear unit: x if x > 0, else alpha (e^x - 1). Clevert et al. 2016 (arXiv:1511.07289), eq. 15.
struct Elu {
  static constexpr std::string_view name = "elu", latex = "\\mathrm{elu}";
  static constexpr bool by_output = true;
  detail::Positive<Elu> alpha = 1;

  template <class F>
  constexpr void visit_options(F&& f) const {
    f("alpha", double(alpha));
  }

  template <class V>
  EIGEN_ALWAYS_INLINE V value(V x) const {
    const V negative = detail::expm1_nonpositive(min(x, V::constant(0)));
    return select_greater(x, V::constant(0), x, detail::constant<V>(alpha) * negative);
  }
  template <class V>
  EIGEN_ALWAYS_INLINE V slope(V y) const {
    return select_greater(y, V::constant(0), V::constant(1), y + detail::constant<V>(alpha));
  }
};

/// Hard sigmoid: alpha x + beta clipped to [0, 1]. The defaults are those of ONNX; Keras 3 and PyTorch use alpha = 1/6,
/// beta = 1/2.
struct HardSigmoid {
  static constexpr std::string_view name = "hard_sigmoid", latex = "\\mathrm{hsig}";
  static constexpr bool by_output = true;
  detail::Number<HardSigmoid> alpha = 0.2, beta = 0.5;

  template <class F>
  constexpr void visit_options(F&& f) const {
    f("alpha", double(alpha));
    f("beta", double(beta));
  }

  template <class V>
  EIGEN_ALWAYS_INLINE V value(V x) const {
    return min(max(fma(x, detail::constant<V>(alpha), detail::constant<V>(beta)), V::constant(0)), V::constant(1));
  }
  template <class V>
  EIGEN_ALWAYS_INLINE V slope(V y) const {
    const V zero = V::constant(0);
    return select_greater(y, zero, select_greater(V::constant(1), y, detail::constant<V>(alpha), zero), zero);
  }
};

/// Hard tanh: x clipped to [low, high].
struct HardTanh {
  static constexpr std::string_view name = "hard_tanh", latex = "\\mathrm{htanh}";
  static constexpr bool by_output = true;
  detail::Number<HardTanh, true> low = -1, high = 1;

  template <class F>
  constexpr void visit_options(F&& f) const {
    f("low", double(low));
    f("high", double(high));
  }

  template <class V>
  EIGEN_ALWAYS_INLINE V value(V x) const {
    return min(max(x, detail::constant<V>(low)), detail::constant<V>(high));
  }
  template <class V>
  EIGEN_ALWAYS_INLINE V slope(V y) const {
    const V zero = V::constant(0), one = V::constant(1);
    const V below = select_greater(detail::constant<V>(high), y, one, zero);
    return select_greater(y, detail::constant<V>(low), below, zero);
  }
};

/// Softplus log(1 + e^x), computed as max(x, 0) + log(1 + e^-|x|). Its derivative is 1 - e^-y.
struct Softplus {
  static constexpr std::string_view name = "softplus", latex = "\\mathrm{softplus}";
  static constexpr bool by_output = true;
  template <class V>
  EIGEN_ALWAYS_INLINE V value(V x) const {
    return max(x, V::constant(0)) + detail::log1p_unit(exp(-abs(x)));
  }
  template <class V>
  EIGEN_ALWAYS_INLINE V slope(V y) const {
    return -detail::expm1_nonpositive(-y);
  }
};

/// Softsign x / (1 + |x|); -1 and 1 at the infinities.
struct Softsign {
  static constexpr std::string_view name = "softsign", latex = "\\mathrm{softsign}";
  static constexpr bool by_output = true;
  template <class V>
  EIGEN_ALWAYS_INLINE V value(V x) const {
    const V largest = V::constant(std::numeric_limits<typename V::Scalar>::max());
    const V finite = min(max(x, -largest), largest);
    return finite / (V::constant(1) + abs(finite));
  }
  template <class V>
  EIGEN_ALWAYS_INLINE V slope(V y) const {
    const V rest = V::constant(1) - abs(y);
    return rest * rest;
  }
};

/// In-place activation of every entry. `matrix` is anything that converts to Out: a Matrix, Vector, block or Map.
template <Activation A, class Target>
void apply(const A& activation, Target&& matrix) {
  using Scalar = typename std::remove_cvref_t<Target>::Scalar;
  Out<Scalar> numbers(matrix);
  detail::map_entries([&](auto x) { return activation.value(x); }, view(numbers), numbers);
}

/// Soft limit: cap tanh(x / cap), within (-cap, cap).
struct Softcap {
  static constexpr std::string_view name = "softcap", latex = "\\mathrm{softcap}";
  static constexpr bool by_output = true;
  detail::Positive<Softcap> cap = 30;

  template <class F>
  constexpr void visit_options(F&& f) const {
    f("cap", double(cap));
  }

  template <class V>
  EIGEN_ALWAYS_INLINE V value(V x) const {
    return tanh(x / detail::constant<V>(cap)) * detail::constant<V>(cap);
  }
  template <class V>
  EIGEN_ALWAYS_INLINE V slope(V y) const {
    const V share = y / detail::constant<V>(cap);
    return V::constant(1) - share * share;
  }
};

}  // namespace unroll
