#pragma once
// sin and cos of Lanes, for float and double, and rounding to integers. Largest measured errors, in units in the last
// place against long double, for |x| below `reducible`:
//
//            float   double
//     sin     2.3     1.6
//     cos     2.3     1.6
//
// Larger arguments are computed by <cmath>, one lane at a time. NaN for infinities.

#include <array>
#include <cmath>
#include <concepts>
#include <cstddef>
#include <limits>

#include "unroll/simd/elementary.hpp"

namespace unroll {
namespace detail {

/// Minimax coefficients (Remez exchange) for |r| <= pi / 4, highest power first, and pi / 2 in parts whose products
/// with an integer up to 2^16 (float) or 2^20 (double) are exact, except that of the last part.
template <std::floating_point Scalar>
struct TrigonometricConstants;

template <>
struct TrigonometricConstants<float> {
  static constexpr std::array sin{-0.00019517235f, 0.0083321777f, -0.16666655f};  // (sin r - r) / r^3 in r^2
  static constexpr std::array cos{2.4438379e-05f, -0.0013887367f, 0.041666647f};  // (cos r - 1 + r^2 / 2) / r^4 in r^2
  static constexpr std::array half_pi{1.5703125f, 0.0004825592041015625f, 1.26659870147705078e-06f,
                                      9.92093579680540e-10f};
  static constexpr float reducible = 100000;
};
template <>
struct TrigonometricConstants<double> {
  static constexpr std::array sin{1.58967956845110266e-10,  -2.50507581158401639e-8, 2.75573136919218886e-6,
                                  -0.000198412698298078195, 0.00833333333332241365,  -0.16666666666666632};
  static constexpr std::array cos{-1.13596478061403314e-11, 2.08757232732665208e-9,  -2.75573143523329117e-7,
                                  2.48015872894821842e-05,  -0.00138888888888741239, 0.0416666666666665995};
  static constexpr std::array half_pi{1.57079632673412561416626, 6.077100506303965976595549e-11,
                                      2.022266248711166455795996e-21, 8.478427660368899644009236e-32};
  static constexpr double reducible = 1000000;
};

/// Integer nearest to x, ties to even; x itself if it is too large for a fraction.
template <class V>
EIGEN_ALWAYS_INLINE V nearest(V x) {
  using Scalar = typename V::Scalar;
  const V whole = V::constant(rounder<Scalar> / Scalar(1.5)), size = abs(x);  // numbers from `whole` on are integers
  return with_sign_of(x, select_greater(whole, size, (size + whole) - whole, size));
}

/// sin(x + quarter_turns pi / 2), for |x| up to TrigonometricConstants::reducible.
template <class V>
EIGEN_ALWAYS_INLINE V reduced_sin(V x, int quarter_turns) {
  using Scalar = typename V::Scalar;
  using C = TrigonometricConstants<Scalar>;
  const V k = nearest(x * V::constant(Scalar(0.63661977236758134)));
  V r = x;
  for (const Scalar part : C::half_pi) r = fma(k, V::constant(-part), r);
  const V r2 = r * r, one = V::constant(1), half = V::constant(Scalar(0.5));
  const V sin = fma(r2 * r, polynomial(C::sin, r2), r);
  const V cos = fma(r2 * r2, polynomial(C::cos, r2), fma(r2, -half, one));
  const V turns = k + V::constant(Scalar(quarter_turns));  // 0, 1, 2, 3 modulo 4: sin r, cos r, -sin r, -cos r
  const V pairs = nearest(turns * half - V::constant(Scalar(0.25)));  // floor(turns / 2)
  const V odd = turns - (pairs + pairs);
  const V negative = pairs - (nearest(pairs * half - V::constant(Scalar(0.25))) * V::constant(2));
  const V magnitude = select_greater(odd, half, cos, sin);
  return select_greater(negative, half, -magnitude, magnitude);
}

/// f(x) in each lane where |x| exceeds the range of the reduction or is not finite.
template <class V, class F>
[[gnu::noinline]] V by_lane(V x, V within, const F& f) {
  using Scalar = typename V::Scalar;
  std::array<Scalar, std::size_t(V::size)> in, out;
  x.store(in.data());
  within.store(out.data());
  for (std::size_t k = 0; k < in.size(); ++k)
    if (!(std::abs(in[k]) <= TrigonometricConstants<Scalar>::reducible)) out[k] = f(in[k]);
  return V::load(out.data());
}

/// True if all lanes are within the range of the reduction.
template <class V>
EIGEN_ALWAYS_INLINE bool all_reducible(V x) {
  using Scalar = typename V::Scalar;
  const V beyond = select_greater(V::constant(TrigonometricConstants<Scalar>::reducible), abs(x), V::constant(0),
                                  V::constant(1));  // also NaN
  return lane_sum(beyond) == Scalar(0);
}

}  // namespace detail

/// Sine of an angle in radians.
template <class Packet>
EIGEN_ALWAYS_INLINE Lanes<Packet> sin(Lanes<Packet> x) {
  const Lanes<Packet> reduced = detail::reduced_sin(x, 0);
  const Lanes<Packet> result = select_greater(abs(x), Lanes<Packet>::constant(0), reduced, x);  // keeps the sign of 0
  if (detail::all_reducible(x)) return result;
  return detail::by_lane(x, result, [](auto number) { return std::sin(number); });
}

/// Cosine of an angle in radians.
template <class Packet>
EIGEN_ALWAYS_INLINE Lanes<Packet> cos(Lanes<Packet> x) {
  const Lanes<Packet> result = detail::reduced_sin(x, 1);
  if (detail::all_reducible(x)) return result;
  return detail::by_lane(x, result, [](auto number) { return std::cos(number); });
}

/// Largest integer that is not greater than x.
template <class Packet>
EIGEN_ALWAYS_INLINE Lanes<Packet> floor(Lanes<Packet> x) {
  using V = Lanes<Packet>;
  const V nearest = detail::nearest(x);
  const V below = select_greater(nearest, x, nearest - V::constant(1), nearest);
  return detail::with_sign_of(x, abs(below));  // keeps the sign of 0
}

/// e^x - 1, with a small relative error near 0.
template <class Packet>
EIGEN_ALWAYS_INLINE Lanes<Packet> expm1(Lanes<Packet> x) {
  using V = Lanes<Packet>;
  const V one = V::constant(1), limited = max(min(x, V::constant(1)), V::constant(-40));
  return select_greater(x, one, exp(x) - one, detail::expm1_bounded(detail::reduce_exp(limited)));
}

/// log(1 + x), with a small relative error near 0: log(u) - (u - 1 - x) / u for u = 1 + x.
template <class Packet>
EIGEN_ALWAYS_INLINE Lanes<Packet> log1p(Lanes<Packet> x) {
  using V = Lanes<Packet>;
  using Scalar = typename V::Scalar;
  const V one = V::constant(1), u = one + x, root = V::constant(Scalar(0.41421356237309503));
  const V low = V::constant(Scalar(-0.29289321881345248));  // 1 / sqrt(2) - 1
  const V inner = max(min(x, root), low);
  const V near = detail::log1p_reduced(inner);
  const V infinity = V::constant(std::numeric_limits<Scalar>::infinity());
  const V lost = select_greater(u, V::constant(0), ((u - one) - x) / u, V::constant(0));
  const V far = select_greater(infinity, u, log(u) - lost, u);
  const V positive = select_greater(x, root, far, near);
  return select_greater(low, x, far, positive);
}

}  // namespace unroll
