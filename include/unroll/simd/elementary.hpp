#pragma once
// exp, log and tanh of Lanes, for float and double. Eigen 3.4 has no vectorized tanh for double, and its exp and log do
// not handle subnormal numbers. Largest measured errors, in units in the last place against long double, over 1.5 10^8
// floats of all magnitudes and 2 10^7 doubles:
//
//            float   double
//     exp     1.1     1.1
//     log     2.0     1.9
//     tanh    2.5     2.6
//
// NaN is propagated; infinities, overflow and subnormal numbers are handled as in <cmath>. Rounding to integers adds a
// large number; requirements.hpp rejects flags that break this.

#include <array>
#include <bit>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <limits>

#include "unroll/simd/lanes.hpp"

namespace unroll {
namespace detail {

/// Minimax coefficients (Remez exchange) on the reduced range, highest power first.
template <std::floating_point Scalar>
struct ElementaryConstants;

template <>
struct ElementaryConstants<float> {
  using Word = std::uint32_t;
  // (e^r - 1 - r) / r^2 for |r| <= ln(2) / 2
  static constexpr std::array expm1{0.0013941166f, 0.008363205f, 0.041666374f, 0.16666576f, 0.5f};
  // (2 atanh(s) - 2s) / s^3 in s^2, for 1/sqrt(2) <= (1 + s) / (1 - s) <= sqrt(2)
  static constexpr std::array log1p{0.29583088f, 0.39988697f, 0.66666687f};
  // ln(2) in two parts: the first has few enough digits that its product with any exponent is exact.
  static constexpr float ln2_high = 0.693145751953125f, ln2_low = 1.4286067653301869e-06f;
  static constexpr float exp_low = -104, exp_high = 89;  // beyond: 0 and infinity
  static constexpr float sigmoid_low = -105;             // below: 0
};

template <>
struct ElementaryConstants<double> {
  using Word = std::uint64_t;
  static constexpr std::array expm1{2.5110094155232378e-08, 2.76201396375759e-07,   2.7557242219069154e-06,
                                    2.4801521188003656e-05, 0.00019841269886695202, 0.0013888888917283466,
                                    0.008333333333322174,   0.04166666666662399,    0.16666666666666674,
                                    0.5000000000000001};
  static constexpr std::array log1p{0.14619097141730655, 0.15331497716548545, 0.18182896210630037, 0.22222211031676706,
                                    0.2857142862665214,  0.39999999999897884, 0.666666666666667};
  static constexpr double ln2_high = 6.93147180369123816490e-01, ln2_low = 1.90821492927058770002e-10;
  static constexpr double exp_low = -746, exp_high = 710;
  static constexpr double sigmoid_low = -745.9;
};

template <class Scalar>
inline constexpr int mantissa_bits = std::numeric_limits<Scalar>::digits - 1;

/// Adding this number rounds to an integer, which is then in the lowest bits of the sum.
template <class Scalar>
inline constexpr Scalar rounder = Scalar(3) * Scalar(std::uint64_t(1) << (mantissa_bits<Scalar> - 1));

// Bits of the lanes as integer vectors, in the vector extension of g++ and clang++. g++ 12 compiles a loop over a
// std::array through memory.
template <class Packet>
struct WordsOf {
  using Word = typename ElementaryConstants<typename Lanes<Packet>::Scalar>::Word;
  typedef Word type __attribute__((vector_size(sizeof(Packet))));
};
template <class Packet>
EIGEN_ALWAYS_INLINE auto words(Lanes<Packet> a) {
  return std::bit_cast<typename WordsOf<Packet>::type>(a.v);
}
template <class V>
EIGEN_ALWAYS_INLINE V from_words(const auto& words) {
  return {std::bit_cast<decltype(V::v)>(words)};
}

/// Polynomial c[0] x^n + ... + c[n] by Horner's rule.
template <class V, std::size_t n>
EIGEN_ALWAYS_INLINE V polynomial(const std::array<typename V::Scalar, n>& c, V x) {
  V sum = V::constant(c[0]);
  for (std::size_t i = 1; i < n; ++i) sum = fma(sum, x, V::constant(c[i]));
  return sum;
}

/// The same polynomial by Horner's rule in x2 = x^2 on pairs of coefficients. The latency is three multiply-adds
/// instead of four for float, five instead of nine for double; it dominates a step of a single sequence.
template <class V, std::size_t n>
EIGEN_ALWAYS_INLINE V polynomial_in_pairs(const std::array<typename V::Scalar, n>& c, V x, V x2) {
  const auto pair = [&](std::size_t i) __attribute__((always_inline)) {
    return fma(V::constant(c[i]), x, V::constant(c[i + 1]));
  };
  V sum = n % 2 == 0 ? pair(0) : V::constant(c[0]);
  for (std::size_t i = 2 - n % 2; i < n; i += 2) sum = fma(sum, x2, pair(i));
  return sum;
}

/// 2^(k + offset) for k = rounded - rounder, if the result is a normal number.
template <int offset = 0, class V>
EIGEN_ALWAYS_INLINE V power_of_two(V rounded) {
  using Scalar = typename V::Scalar;
  using Word = typename ElementaryConstants<Scalar>::Word;
  constexpr Word one = std::bit_cast<Word>(Scalar(1)) + (Word(offset) << mantissa_bits<Scalar>);
  return from_words<V>((words(rounded) << mantissa_bits<Scalar>)+one);
}

/// x 2^k for integer k, with overflow and subnormal results. Uses two factors because 2^k may be out of range.
template <class Packet>
EIGEN_ALWAYS_INLINE Packet scale(const Packet& x, const Packet& k) {
  using V = Lanes<Packet>;
  const V shift = V::constant(rounder<typename V::Scalar>);
  const V half = fma(V{k}, V::constant(typename V::Scalar(0.5)), shift);
  return (V{x} * power_of_two(half) * power_of_two(V{k} - (half - shift) + shift)).v;
}

/// Argument reduction e^x = 2^k (1 + expm1), where k = rounded - rounder is the integer closest to x / ln(2).
template <class V>
struct ReducedExp {
  V rounded, k, expm1;
};

/// e^r - 1 for |r| <= ln(2) / 2
template <class V>
EIGEN_ALWAYS_INLINE V expm1_reduced(V r) {
  const V r2 = r * r;
  return fma(r2, polynomial_in_pairs(ElementaryConstants<typename V::Scalar>::expm1, r, r2), r);
}

template <class V>
EIGEN_ALWAYS_INLINE ReducedExp<V> reduce_exp(V x, V rounded) {
  using Scalar = typename V::Scalar;
  using C = ElementaryConstants<Scalar>;
  const V k = rounded - V::constant(rounder<Scalar>);
  const V r = fma(k, V::constant(-C::ln2_low), fma(k, V::constant(-C::ln2_high), x));
  return {rounded, k, expm1_reduced(r)};
}
template <class V>
EIGEN_ALWAYS_INLINE ReducedExp<V> reduce_exp(V x) {
  using Scalar = typename V::Scalar;
  return reduce_exp(x, fma(x, V::constant(Scalar(1.4426950408889634)), V::constant(rounder<Scalar>)));
}

/// e^x - 1 for |x| <= 80, with a small relative error near 0.
template <class V>
EIGEN_ALWAYS_INLINE V expm1_bounded(const ReducedExp<V>& x) {
  const V power = power_of_two(x.rounded);
  return fma(power, x.expm1, power - V::constant(1));
}

/// e^x - 1 for x <= 0; -1 below -40.
template <class V>
EIGEN_ALWAYS_INLINE V expm1_nonpositive(V x) {
  return expm1_bounded(reduce_exp(max(x, V::constant(-40))));
}

/// Decomposition x = 2^exponent mantissa with 1 <= mantissa < 2, for positive finite x.
template <class V>
struct Split {
  V mantissa, exponent;
};

template <class V>
EIGEN_ALWAYS_INLINE Split<V> split_exponent(V x) {
  using Scalar = typename V::Scalar;
  using Word = typename ElementaryConstants<Scalar>::Word;
  constexpr int bits = mantissa_bits<Scalar>;
  constexpr Scalar power = Scalar(Word(1) << bits), bias = std::numeric_limits<Scalar>::max_exponent - 1;

  // Scales subnormal numbers to the normal range.
  const V least = V::constant(std::numeric_limits<Scalar>::min());
  const auto word = words(select_greater(least, x, x * V::constant(power), x));
  const V offset = select_greater(least, x, V::constant(power + bias + Scalar(bits)), V::constant(power + bias));
  // Converts the exponent bits to a number: they become the last bits of `power`.
  const V biased = from_words<V>((word >> bits) | std::bit_cast<Word>(power));
  return {from_words<V>((word & ((Word(1) << bits) - 1)) | std::bit_cast<Word>(Scalar(1))), biased - offset};
}

/// log(1 + f) for 1/sqrt(2) <= 1 + f <= sqrt(2), by 2 atanh(f / (2 + f)).
template <class V>
EIGEN_ALWAYS_INLINE V log1p_reduced(V f) {
  const V s = f / (f + V::constant(2)), s2 = s * s;
  return fma(s * s2, polynomial(ElementaryConstants<typename V::Scalar>::log1p, s2), s + s);
}

/// log(1 + x) for 0 <= x <= 1, with a small relative error near 0.
template <class V>
EIGEN_ALWAYS_INLINE V log1p_unit(V x) {
  using Scalar = typename V::Scalar;
  const V limit = V::constant(Scalar(0.41421356237309503)), zero = V::constant(0);
  const V f = select_greater(x, limit, fma(x, V::constant(Scalar(0.5)), V::constant(Scalar(-0.5))), x);
  return log1p_reduced(f) + select_greater(x, limit, V::constant(Scalar(0.6931471805599453)), zero);
}

/// Magnitude of `a` >= 0 with the sign of `sign`.
template <class V>
EIGEN_ALWAYS_INLINE V with_sign_of(V sign, V a) {
  using Scalar = typename V::Scalar;
  constexpr auto sign_bit = std::bit_cast<typename ElementaryConstants<Scalar>::Word>(Scalar(-0.0));
  return from_words<V>((words(sign) & sign_bit) | words(a));
}

}  // namespace detail

/// Exponential e^x.
template <class Packet>
EIGEN_ALWAYS_INLINE Lanes<Packet> exp(Lanes<Packet> x) {
  using V = Lanes<Packet>;
  using C = detail::ElementaryConstants<typename V::Scalar>;
  const auto [rounded, k, expm1] = detail::reduce_exp(min(max(x, V::constant(C::exp_low)), V::constant(C::exp_high)));
  return {detail::scale((expm1 + V::constant(1)).v, k.v)};
}

/// Natural logarithm: -infinity at 0, NaN for negative numbers.
template <class Packet>
EIGEN_ALWAYS_INLINE Lanes<Packet> log(Lanes<Packet> x) {
  using V = Lanes<Packet>;
  using Scalar = typename V::Scalar;
  using C = detail::ElementaryConstants<Scalar>;
  const V zero = V::constant(0), one = V::constant(1), infinity = V::constant(std::numeric_limits<Scalar>::infinity());
  const V nan = V::constant(std::numeric_limits<Scalar>::quiet_NaN());

  const auto [m, k] = detail::split_exponent(x);  // m in [1, 2), reduced below to [1/sqrt(2), sqrt(2)]
  const V limit = V::constant(Scalar(1.4142135623730951)), half = V::constant(Scalar(0.5));
  const V log_m = detail::log1p_reduced(select_greater(m, limit, m * half, m) - one);
  const V exponent = select_greater(m, limit, k + one, k);
  const V result = fma(exponent, V::constant(C::ln2_high), fma(exponent, V::constant(C::ln2_low), log_m));

  const V not_positive = select_greater(zero, x, nan, x - infinity);
  return select_greater(x, zero, select_greater(infinity, x, result, x), not_positive);
}

namespace detail {
/// log(1 + x) for x >= 0, with a small relative error near 0.
template <class V>
EIGEN_ALWAYS_INLINE V log1p_nonnegative(V x) {
  const V one = V::constant(1);
  return select_greater(x, one, log(one + x), log1p_unit(min(x, one)));
}
}  // namespace detail

/// Hyperbolic tangent, exactly odd: t / (t + 2) with t = e^2|x| - 1; 1 for |x| >= 20.
template <class Packet>
EIGEN_ALWAYS_INLINE Lanes<Packet> tanh(Lanes<Packet> x) {
  using V = Lanes<Packet>;
  using Scalar = typename V::Scalar;
  const V magnitude = min(abs(x), V::constant(20));
  // Rounds before doubling, to shorten the dependency chain.
  const V rounded = fma(magnitude, V::constant(Scalar(2 * 1.4426950408889634)), V::constant(detail::rounder<Scalar>));
  const V t = detail::expm1_bounded(detail::reduce_exp(magnitude + magnitude, rounded));
  return detail::with_sign_of(x, t / (t + V::constant(2)));
}

/// Logistic sigmoid 1 / (1 + e^-x). Numerator and denominator are scaled by half the epsilon, so that e^-x does not
/// overflow while the result is nonzero.
template <class Packet>
EIGEN_ALWAYS_INLINE Lanes<Packet> sigmoid(Lanes<Packet> x) {
  using V = Lanes<Packet>;
  using Scalar = typename V::Scalar;
  using C = detail::ElementaryConstants<Scalar>;
  constexpr int digits = std::numeric_limits<Scalar>::digits;
  const V scale = V::constant(std::numeric_limits<Scalar>::epsilon() / 2);
  const V limited = min(max(x, V::constant(C::sigmoid_low)), V::constant(40));
  const V rounded = fma(limited, V::constant(Scalar(-1.4426950408889634)), V::constant(detail::rounder<Scalar>));
  const V power = detail::power_of_two<-digits>(rounded);
  return scale / fma(power, detail::reduce_exp(-limited, rounded).expm1, power + scale);
}

}  // namespace unroll
