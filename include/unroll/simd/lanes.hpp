#pragma once
// Numbers side by side in one SIMD register, so that a formula is written once and runs on packets of any width.
//
// Built on Eigen's packet operations, hence SSE, AVX, AVX-512 and NEON from one source. `Lanes<float>` and
// `Lanes<double>` are one plain number: the same formula serves for ends of columns and for machines without SIMD.
//
// Every operation but `lane_sum` gives each lane what IEEE 754 defines for its numbers, rounded once: no approximate
// instruction (x86's rsqrt and rcp) is used, so processors of all makers give the same bits. `fma` rounds twice where
// the compiler may not use fused instructions. A test disassembles a program to see that no such instruction is in it.

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

  /// Reads `size` numbers; no alignment is asked for.
  EIGEN_ALWAYS_INLINE static Lanes load(const Scalar* from) { return {Eigen::internal::ploadu<Packet>(from)}; }

  /// Reads the first `n` numbers (0 <= n <= size) and nothing beyond them; the other lanes are 0.
  EIGEN_ALWAYS_INLINE static Lanes load_partial(const Scalar* from, int n);

  EIGEN_ALWAYS_INLINE void store(Scalar* to) const { Eigen::internal::pstoreu(to, v); }

  /// Writes the first `n` lanes (0 <= n <= size); memory beyond them is neither read nor written.
  EIGEN_ALWAYS_INLINE void store_partial(Scalar* to, int n) const;

  /// How many columns' last few rows fit into one register, if each has no more than `end_rows`: 16 bytes a column.
  static constexpr int ends = sizeof(Packet) > 16 ? int(sizeof(Packet)) / 16 : 1;
  static constexpr int end_rows = size / ends;

  /// Reads the first `n` numbers (0 <= n <= end_rows) at from, from + stride, ... for `ends` columns side by side and
  /// nothing beyond them; the other lanes are 0.
  EIGEN_ALWAYS_INLINE static Lanes load_ends(const Scalar* from, Eigen::Index stride, int n);

  /// Writes them back; memory beyond them is neither read nor written.
  EIGEN_ALWAYS_INLINE void store_ends(Scalar* to, Eigen::Index stride, int n) const;

  EIGEN_ALWAYS_INLINE friend Lanes operator+(Lanes a, Lanes b) { return {Eigen::internal::padd(a.v, b.v)}; }
  EIGEN_ALWAYS_INLINE friend Lanes operator-(Lanes a, Lanes b) { return {Eigen::internal::psub(a.v, b.v)}; }
  EIGEN_ALWAYS_INLINE friend Lanes operator*(Lanes a, Lanes b) { return {Eigen::internal::pmul(a.v, b.v)}; }
  // The compiler's own operators: Eigen's pdiv multiplies by an approximate reciprocal on some processors, and its
  // pnegate is 0 - a on AVX, which loses the sign of 0.
  EIGEN_ALWAYS_INLINE friend Lanes operator/(Lanes a, Lanes b) { return {a.v / b.v}; }
  EIGEN_ALWAYS_INLINE friend Lanes operator-(Lanes a) { return {-a.v}; }

  /// The first `n` lanes (0 <= n <= size), and 0 in the others.
  EIGEN_ALWAYS_INLINE Lanes leading(int n) const {
    std::array<Scalar, std::size_t(size)> numbers{};
    store_partial(numbers.data(), n);
    return load(numbers.data());
  }

  /// The sum of all lanes, in an order that depends on their number alone.
  EIGEN_ALWAYS_INLINE friend Scalar lane_sum(Lanes a) { return Eigen::internal::predux(a.v); }

  EIGEN_ALWAYS_INLINE Lanes& operator+=(Lanes b) { return *this = *this + b; }
  EIGEN_ALWAYS_INLINE Lanes& operator-=(Lanes b) { return *this = *this - b; }
  EIGEN_ALWAYS_INLINE Lanes& operator*=(Lanes b) { return *this = *this * b; }
  EIGEN_ALWAYS_INLINE Lanes& operator/=(Lanes b) { return *this = *this / b; }
};

// g++ warns at every register type that its alignment is no part of the name `Lanes<...>`.
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wignored-attributes"
/// As many lanes as the widest register holds that the compiler may use.
template <std::floating_point Scalar>
using NativeLanes = Lanes<typename Eigen::internal::packet_traits<Scalar>::type>;

/// Half a register; the register itself where Eigen has no narrower one.
template <class V>
using HalfLanes = Lanes<typename Eigen::internal::unpacket_traits<decltype(V::v)>::half>;

/// As many registers as each has lanes, to be transposed in place.
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

/// a * b + c, rounded once where the machine can.
template <class Packet>
EIGEN_ALWAYS_INLINE Lanes<Packet> fma(Lanes<Packet> a, Lanes<Packet> b, Lanes<Packet> c) {
#ifdef EIGEN_VECTORIZE_FMA
  // Eigen leaves this to the compiler for a single number; the last rows of a column must round as the others do.
  if constexpr (std::floating_point<Packet>) return {std::fma(a.v, b.v, c.v)};
#endif
  return {Eigen::internal::pmadd(a.v, b.v, c.v)};
}

/// Asks the processor to bring the cache line of `address` into its first cache.
template <class Scalar>
EIGEN_ALWAYS_INLINE void prefetch(const Scalar* address) {
  Eigen::internal::prefetch(address);
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
  return Eigen::internal::pmax(a, b);  // one instruction, and by chance the semantics we state
#else
  return select_greater(b, a, b, a);  // other machines' instructions treat NaN otherwise
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

/// Not Eigen's psqrt: for single precision that multiplies by an approximate reciprocal root, which is inexact and
/// differs between processors. Overloads in lanes_x86.hpp have the exact instruction.
template <class Packet>
EIGEN_ALWAYS_INLINE Packet sqrt(const Packet& a) {
  if constexpr (std::floating_point<Packet>) {
    return std::sqrt(a);
  } else {
    std::array<typename Lanes<Packet>::Scalar, Lanes<Packet>::size> numbers;
    Eigen::internal::pstoreu(numbers.data(), a);
    for (auto& number : numbers) number = std::sqrt(number);  // compilers make one vector instruction of this
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

/// a > b ? x : y in every lane; a NaN is not greater than anything, nor anything greater than it.
template <class Packet>
EIGEN_ALWAYS_INLINE Lanes<Packet> select_greater(Lanes<Packet> a, Lanes<Packet> b, Lanes<Packet> x, Lanes<Packet> y) {
  return {detail::select_greater(a.v, b.v, x.v, y.v)};
}

/// a < b ? b : a, as std::max: where either is NaN, `a` comes back; max(x, 0) keeps a NaN in x, max(0, x) drops it.
template <class Packet>
EIGEN_ALWAYS_INLINE Lanes<Packet> max(Lanes<Packet> a, Lanes<Packet> b) {
  return {detail::max(a.v, b.v)};
}

/// b < a ? b : a, as std::min: where either is NaN, `a` comes back.
template <class Packet>
EIGEN_ALWAYS_INLINE Lanes<Packet> min(Lanes<Packet> a, Lanes<Packet> b) {
  return {detail::min(a.v, b.v)};
}

/// Rounded correctly, as IEEE 754 defines it, on every processor.
template <class Packet>
EIGEN_ALWAYS_INLINE Lanes<Packet> sqrt(Lanes<Packet> a) {
  return {detail::sqrt(a.v)};
}

}  // namespace unroll
