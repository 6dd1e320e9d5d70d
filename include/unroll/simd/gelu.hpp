#pragma once
// Gaussian error linear unit (exact, and its tanh approximation) and sigmoid linear unit: Hendrycks and Gimpel 2016
// (arXiv:1606.08415), section 2.
//
// The tail probability is computed as R(t) e^(-t^2/2), where R decreases slowly and is approximated by a polynomial
// over 1 + 1.5 t. The square is split into an exact part and a remainder, so that the relative error is small in the
// tail too. Largest measured errors, in units in the last place over all magnitudes:
//
//             float   double
//     gelu     4.0     4.8    including subnormal results
//     silu     2.7     2.8

#include <string_view>

#include "unroll/simd/elementary.hpp"

namespace unroll {
namespace detail {

/// R(t) (1 + 1.5 t) for 0 <= t <= limit as a polynomial in (t - centre) / (t + centre), interpolated at Chebyshev
/// nodes.
template <std::floating_point Scalar>
struct NormalTailConstants;

template <>
struct NormalTailConstants<float> {
  static constexpr float centre = 4, limit = 14.6f;  // beyond the limit all results are 0
  static constexpr std::uint32_t high_half = ~std::uint32_t(0) << 12;
  static constexpr std::array ratio{-0.0001144465f, -7.0430964e-05f, 0.00112383f,  -0.0007752109f,
                                    -0.0077561894f, 0.031156791f,    -0.06372909f, 0.0787536f,
                                    -0.04119018f,   -0.059856337f,   0.6608745f};
};

template <>
struct NormalTailConstants<double> {
  static constexpr double centre = 5, limit = 38.7;
  static constexpr std::uint64_t high_half = ~std::uint64_t(0) << 27;
  static constexpr std::array ratio{
      1.283306198994494e-09, 6.369571409957446e-09,  -3.827660930099869e-10, -5.10445719880679e-08,
      -2.74859156762661e-08, 3.180994640210465e-07,  1.4859056964584995e-07, -2.0867224054603617e-06,
      2.340499594306759e-07, 1.4226854145419431e-05, -1.816689095269453e-05, -8.089270981531046e-05,
      0.0003037150392558823, -5.545088545410909e-05, -0.0026238838911726726, 0.0109724231628283,
      -0.027251308379104743, 0.04851239511052534,    -0.06352924059152383,   0.055445467209871716,
      -0.011488853304056867, -0.06559964511900723,   0.6538140922875535};
};

/// Normal tail: t = |x|, ratio = R(t), and e^(-t^2/2) = power 2^exponent.
template <class V>
struct NormalTail {
  V t, ratio, power, exponent;

  EIGEN_ALWAYS_INLINE explicit NormalTail(V x) {
    using Scalar = typename V::Scalar;
    using C = ElementaryConstants<Scalar>;
    using T = NormalTailConstants<Scalar>;
    const V centre = V::constant(T::centre), half = V::constant(Scalar(-0.5));
    t = min(abs(x), V::constant(T::limit));
    ratio = polynomial(T::ratio, fma(t / (t + centre), V::constant(2), V::constant(-1))) /
            fma(t, V::constant(Scalar(1.5)), V::constant(1));
    const V leading = from_words<V>(words(t) & T::high_half);
    const V square = half * leading * leading, rest = half * (t - leading) * (t + leading);
    const V rounded = fma(square + rest, V::constant(Scalar(1.4426950408889634)), V::constant(rounder<Scalar>));
    exponent = rounded - V::constant(rounder<Scalar>);
    const V reduced = fma(exponent, V::constant(-C::ln2_high), square);
    power = expm1_reduced(fma(exponent, V::constant(-C::ln2_low), reduced + rest)) + V::constant(1);
  }
  /// factor e^(-t^2/2), with a single rounding for subnormal results.
  EIGEN_ALWAYS_INLINE V times(V factor) const { return {scale((factor * power).v, exponent.v)}; }
};

}  // namespace detail

/// Gaussian error linear unit x Phi(x), where Phi is the standard normal distribution function; 0 at -infinity. Default
/// variant of PyTorch and Keras.
struct Gelu {
  static constexpr std::string_view name = "gelu", latex = "\\mathrm{gelu}";
  static constexpr bool by_output = false;
  template <class V>
  EIGEN_ALWAYS_INLINE V value(V x) const {
    const detail::NormalTail<V> tail(x);
    return max(x, V::constant(0)) - tail.times(tail.t * tail.ratio);
  }
  /// Phi(x) + x phi(x)
  template <class V>
  EIGEN_ALWAYS_INLINE V slope(V x) const {
    const detail::NormalTail<V> tail(x);
    const V density = V::constant(typename V::Scalar(0.3989422804014327));  // standard normal density at 0
    const V below = tail.times(fma(-tail.t, density, tail.ratio));
    return select_greater(x, V::constant(0), V::constant(1) - below, below);
  }
};

/// Sigmoid linear unit (swish) x / (1 + e^-x); 0 at -infinity.
struct Silu {
  static constexpr std::string_view name = "silu", latex = "\\mathrm{silu}";
  static constexpr bool by_output = false;
  template <class V>
  EIGEN_ALWAYS_INLINE V value(V x) const {
    return max(x, V::constant(-limit)) * sigmoid(x);
  }
  template <class V>
  EIGEN_ALWAYS_INLINE V slope(V x) const {
    const V gate = sigmoid(x), inner = min(max(x, V::constant(-limit)), V::constant(limit));
    return fma(inner * gate, V::constant(1) - gate, gate);
  }

 private:
  static constexpr int limit = 1000;  // the sigmoid is 0 or 1 beyond
};

/// Tanh approximation of the Gaussian error linear unit, "approximate" in PyTorch and Keras: x (1 + tanh(sqrt(2 / pi)
/// (x + 0.044715 x^3))) / 2, computed as x times a sigmoid. Below -1 the relative error grows with the argument of the
/// sigmoid.
struct GeluTanh {
  static constexpr std::string_view name = "gelu_tanh", latex = "\\mathrm{gelu}_{\\tanh}";
  static constexpr bool by_output = false;
  template <class V>
  EIGEN_ALWAYS_INLINE V value(V x) const {
    const V inner = limited(x);
    return max(x, V::constant(-limit)) * sigmoid(inner * steepness(inner * inner, cubic));
  }
  template <class V>
  EIGEN_ALWAYS_INLINE V slope(V x) const {
    const V inner = limited(x), square = inner * inner, gate = sigmoid(inner * steepness(square, cubic));
    return fma(inner * steepness(square, 3 * cubic), gate * (V::constant(1) - gate), gate);
  }

 private:
  static constexpr int limit = 30;                                                 // the sigmoid is 0 or 1 beyond
  static constexpr double linear = 1.5957691216057308, cubic = linear * 0.044715;  // linear = 2 sqrt(2 / pi)

  template <class V>
  EIGEN_ALWAYS_INLINE static V limited(V x) {
    return min(max(x, V::constant(-limit)), V::constant(limit));
  }
  template <class V>
  EIGEN_ALWAYS_INLINE static V steepness(V square, double of_square) {
    using Scalar = typename V::Scalar;
    return fma(square, V::constant(Scalar(of_square)), V::constant(Scalar(linear)));
  }
};

}  // namespace unroll
