#pragma once
// SIMD registers as numbers: a formula is written once and runs on packets of any width.
//
// Built on Eigen's packet operations for SSE, AVX, AVX-512 and NEON. `Lanes<float>` and `Lanes<double>` are plain
// numbers, for the ends of columns and for machines without SIMD.
//
// Every operation except `lane_sum` gives each lane the correctly rounded IEEE 754 result. No approximate instructions
// (x86's rsqrt and rcp) are used, so all processors give the same bits; a test disassembles a program to check this.
// `fma` rounds twice if the compiler may not use fused instructions.

#include <algorithm>
#include <array>
#include <cmath>
#include <concepts>

#include "unroll/core/eigen.hpp"
#include "unroll/simd/lanes_x86.hpp"

namespace unroll {

template <class Packet>
struct Lanes {
  using Scalar = typename Eigen::internal::unpacket_traits<Packet>::type;
  static constexpr int size = Eigen::internal::unpacket_traits<Packet>::size;

  Packet v;

  EIGEN_ALWAYS_INLINE static Lanes constant(Scalar value) { return {Eigen::internal::pset1<Packet>(value)}; }

  /// Loads `size` numbers from any alignment.
  EIGEN_ALWAYS_INLINE static Lanes load(const Scalar* from) { return {Eigen::internal::ploadu<Packet>(from)}; }

  /// Loads the first `n` numbers (0 <= n <= size) without reading beyond them; the other lanes are 0.
  EIGEN_ALWAYS_INLINE static Lanes load_partial(const Scalar* from, int n);

  EIGEN_ALWAYS_INLINE void store(Scalar* to) const { Eigen::internal::pstoreu(to, v); }

  /// Stores the first `n` lanes (0 <= n <= size) without touching memory beyond them.
  EIGEN_ALWAYS_INLINE void store_partial(Scalar* to, int n) const;

  /// Number of columns whose last rows share a register, 16 bytes (`end_rows` rows) per column.
  static constexpr int ends = sizeof(Packet) > 16 ? int(sizeof(Packet)) / 16 : 1;
  static constexpr int end_rows = size / ends;

  /// Loads the first `n` numbers (0 <= n <= end_rows) of each of `ends` columns, at from, from + stride, ..., without
  /// reading beyond them; the other lanes are 0.
  EIGEN_ALWAYS_INLINE static Lanes load_ends(const Scalar* from, Eigen::Index stride, int n);

  /// Stores them to the same places, without touching memory beyond them.
  EIGEN_ALWAYS_INLINE void store_ends(Scalar* to, Eigen::Index stride, int n) const;

  EIGEN_ALWAYS_INLINE friend Lanes operator+(Lanes a, Lanes b) { return {Eigen::internal::padd(a.v, b.v)}; }
  EIGEN_ALWAYS_INLINE friend Lanes operator-(Lanes a, Lanes b) { return {Eigen::internal::psub(a.v, b.v)}; }
  EIGEN_ALWAYS_INLINE friend Lanes operator*(Lanes a, Lanes b) { return {Eigen::internal::pmul(a.v, b.v)}; }
  // Built-in operators: Eigen's pdiv multiplies by an approximate reciprocal on some processors, and its pnegate is 0 -
  // a on AVX, which loses the sign of 0.
  EIGEN_ALWAYS_INLINE friend Lanes operator/(Lanes a, Lanes b) { return {a.v / b.v}; }
  EIGEN_ALWAYS_INLINE friend Lanes operator-(Lanes a) { return {-a.v}; }

  /// The first `n` lanes (0 <= n <= size), with 0 in the others.
  EIGEN_ALWAYS_INLINE Lanes leading(int n) const {
    std::array<Scalar, std::size_t(size)> numbers{};
    store_partial(numbers.data(), n);
    return load(numbers.data());
  }

  /// Sum of all lanes, in an order that depends only on their number.
  EIGEN_ALWAYS_INLINE friend Scalar lane_sum(Lanes a) { return Eigen::internal::predux(a.v); }

  EIGEN_ALWAYS_INLINE Lanes& operator+=(Lanes b) { return *this = *this + b; }
  EIGEN_ALWAYS_INLINE Lanes& operator-=(Lanes b) { return *this = *this - b; }
  EIGEN_ALWAYS_INLINE Lanes& operator*=(Lanes b) { return *this = *this * b; }
  EIGEN_ALWAYS_INLINE Lanes& operator/=(Lanes b) { return *this = *this / b; }
};

// g++ warns for every register type that its alignment is not part of the name `Lanes<...>`.
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wignored-attributes"
/// Lanes of the widest register that the compiler may use.
template <std::floating_point Scalar>
using NativeLanes = Lanes<typename Eigen::internal::packet_traits<Scalar>::type>;

/// Lanes of half a register, or of a whole one if Eigen has no narrower packet.
template <class V>
using HalfLanes = Lanes<typename Eigen::internal::unpacket_traits<decltype(V::v)>::half>;

/// Square block of `size` registers, for transposition in place.
template <class V>
class SquareOfLanes {
 public:
  EIGEN_ALWAYS_INLINE void set(Eigen::Index row, V v) { block_.packet[row] = v.v; }
  EIGEN_ALWAYS_INLINE V operator[](Eigen::Index row) const { return {block_.packet[row]}; }
  EIGEN_ALWAYS_INLINE void transpose() { Eigen::internal::ptranspose(block_); }

 private:
  Eigen::internal::PacketBlock<decltype(V::v), V::size> block_;
};
#pragma GCC diagnostic pop

/// a * b + c, rounded once if the machine has fused multiply-adds.
template <class Packet>
EIGEN_ALWAYS_INLINE Lanes<Packet> fma(Lanes<Packet> a, Lanes<Packet> b, Lanes<Packet> c) {
#ifdef EIGEN_VECTORIZE_FMA
  // Eigen's scalar version may round twice, but the last rows of a column must round like the others.
  if constexpr (std::floating_point<Packet>) return {std::fma(a.v, b.v, c.v)};
#endif
  return {Eigen::internal::pmadd(a.v, b.v, c.v)};
}

/// Prefetch of the cache line of `address` to the first-level cache. g++ removes calls of Eigen's function for it,
/// which it does not inline early enough to see that it has an effect.
template <class Scalar>
EIGEN_ALWAYS_INLINE void prefetch(const Scalar* address) {
  __builtin_prefetch(address);
}

template <class Packet>
EIGEN_ALWAYS_INLINE Lanes<Packet> abs(Lanes<Packet> a) {
  return {Eigen::internal::pabs(a.v)};
}

namespace detail {

template <class Packet>
EIGEN_ALWAYS_INLINE Packet select_greater(const Packet& a, const Packet& b, const Packet& x, const Packet& y) {
  if constexpr (std::floating_point<Packet>) {
    return a > b ? x : y;
  } else {
    return Eigen::internal::pselect(Eigen::internal::pcmp_lt(b, a), x, y);
  }
}

template <class Packet>
EIGEN_ALWAYS_INLINE Packet max(const Packet& a, const Packet& b) {
#if EIGEN_ARCH_i386_OR_x86_64
  return Eigen::internal::pmax(a, b);  // a single instruction, with the required treatment of NaN
#else
  return select_greater(b, a, b, a);  // instructions of other machines treat NaN differently
#endif
}

template <class Packet>
EIGEN_ALWAYS_INLINE Packet min(const Packet& a, const Packet& b) {
#if EIGEN_ARCH_i386_OR_x86_64
  return Eigen::internal::pmin(a, b);
#else
  return select_greater(a, b, b, a);
#endif
}

/// Square root. Eigen's psqrt is not used: for float it multiplies by an approximate reciprocal root, which is inexact
/// and differs between processors. lanes_x86.hpp has overloads with the exact instruction.
template <class Packet>
EIGEN_ALWAYS_INLINE Packet sqrt(const Packet& a) {
  if constexpr (std::floating_point<Packet>) {
    return std::sqrt(a);
  } else {
    std::array<typename Lanes<Packet>::Scalar, Lanes<Packet>::size> numbers;
    Eigen::internal::pstoreu(numbers.data(), a);
    for (auto& number : numbers) number = std::sqrt(number);  // compiles to a single vector instruction
    return Eigen::internal::ploadu<Packet>(numbers.data());
  }
}

template <class Packet>
EIGEN_ALWAYS_INLINE Packet load_partial(const typename Lanes<Packet>::Scalar* from, int n, const Packet&) {
  std::array<typename Lanes<Packet>::Scalar, Lanes<Packet>::size> buffer{};
  std::copy_n(from, n, buffer.data());
  return Eigen::internal::ploadu<Packet>(buffer.data());
}

template <class Packet>
EIGEN_ALWAYS_INLINE void store_partial(typename Lanes<Packet>::Scalar* to, int n, const Packet& v) {
  std::array<typename Lanes<Packet>::Scalar, Lanes<Packet>::size> buffer;
  Eigen::internal::pstoreu(buffer.data(), v);
  std::copy_n(buffer.data(), n, to);
}

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wignored-attributes"  // as above
template <class Packet>
EIGEN_ALWAYS_INLINE Packet load_ends(const typename Lanes<Packet>::Scalar* from, Eigen::Index stride, int n) {
  if constexpr (Lanes<Packet>::ends == 1) {
    return load_partial(from, n, Packet{});
  } else {
    using Half = typename Eigen::internal::unpacket_traits<Packet>::half;
    return join(load_ends<Half>(from, stride, n), load_ends<Half>(from + Lanes<Half>::ends * stride, stride, n));
  }
}

template <class Packet>
EIGEN_ALWAYS_INLINE void store_ends(typename Lanes<Packet>::Scalar* to, Eigen::Index stride, int n, const Packet& v) {
  if constexpr (Lanes<Packet>::ends == 1) {
    store_partial(to, n, v);
  } else {
    using Half = typename Eigen::internal::unpacket_traits<Packet>::half;
    store_ends<Half>(to, stride, n, lower_half(v));
    store_ends<Half>(to + Lanes<Half>::ends * stride, stride, n, upper_half(v));
  }
}
#pragma GCC diagnostic pop

}  // namespace detail

template <class Packet>
EIGEN_ALWAYS_INLINE Lanes<Packet> Lanes<Packet>::load_partial(const Scalar* from, int n) {
  return {detail::load_partial(from, n, Packet{})};
}

template <class Packet>
EIGEN_ALWAYS_INLINE void Lanes<Packet>::store_partial(Scalar* to, int n) const {
  detail::store_partial(to, n, v);
}

template <class Packet>
EIGEN_ALWAYS_INLINE Lanes<Packet> Lanes<Packet>::load_ends(const Scalar* from, Eigen::Index stride, int n) {
  return {detail::load_ends<Packet>(from, stride, n)};
}

template <class Packet>
EIGEN_ALWAYS_INLINE void Lanes<Packet>::store_ends(Scalar* to, Eigen::Index stride, int n) const {
  detail::store_ends<Packet>(to, stride, n, v);
}

/// a > b ? x : y in every lane; comparisons with NaN are false.
template <class Packet>
EIGEN_ALWAYS_INLINE Lanes<Packet> select_greater(Lanes<Packet> a, Lanes<Packet> b, Lanes<Packet> x, Lanes<Packet> y) {
  return {detail::select_greater(a.v, b.v, x.v, y.v)};
}

/// Maximum a < b ? b : a, like std::max. Returns `a` if either is NaN: max(x, 0) propagates NaN, max(0, x) does not.
template <class Packet>
EIGEN_ALWAYS_INLINE Lanes<Packet> max(Lanes<Packet> a, Lanes<Packet> b) {
  return {detail::max(a.v, b.v)};
}

/// Minimum b < a ? b : a, like std::min. Returns `a` if either is NaN.
template <class Packet>
EIGEN_ALWAYS_INLINE Lanes<Packet> min(Lanes<Packet> a, Lanes<Packet> b) {
  return {detail::min(a.v, b.v)};
}

/// Square root, correctly rounded (IEEE 754) on every processor.
template <class Packet>
EIGEN_ALWAYS_INLINE Lanes<Packet> sqrt(Lanes<Packet> a) {
  return {detail::sqrt(a.v)};
}

}  // namespace unroll
