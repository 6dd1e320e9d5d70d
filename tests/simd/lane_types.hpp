#pragma once
// Register types under test: the widest of this build, its halves, which run the code for older machines, and one
// number.

#include <unroll/simd/lanes.hpp>

#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic ignored "-Wignored-attributes"
#endif

template <class V>
using HalfOf = unroll::HalfLanes<V>;

using Floats = unroll::NativeLanes<float>;
using HalfFloats = HalfOf<Floats>;
using QuarterFloats = HalfOf<HalfFloats>;
using OneFloat = unroll::Lanes<float>;
using Doubles = unroll::NativeLanes<double>;
using HalfDoubles = HalfOf<Doubles>;
using QuarterDoubles = HalfOf<HalfDoubles>;
using OneDouble = unroll::Lanes<double>;

#define ALL_LANES Floats, HalfFloats, QuarterFloats, OneFloat, Doubles, HalfDoubles, QuarterDoubles, OneDouble

/// Lanes as an array.
template <class V>
std::array<typename V::Scalar, static_cast<std::size_t>(V::size)> lanes_of(V v) {
  std::array<typename V::Scalar, static_cast<std::size_t>(V::size)> out;
  v.store(out.data());
  return out;
}

/// Value of a function of Lanes for one number.
template <class V, class F>
typename V::Scalar through(F&& function, typename V::Scalar x) {
  return lanes_of(function(V::constant(x)))[0];
}
