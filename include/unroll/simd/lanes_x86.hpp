#pragma once
// Overloads for AVX and AVX-512 of the general functions in lanes.hpp: masked moves and faster selection, which Eigen
// 3.4's packet operations lack, and operations that avoid a false warning "used uninitialized" of g++ 12 (its unmasked
// AVX-512 intrinsics trigger it; a full zeroing mask costs nothing).

#include <cstdint>

#include "unroll/core/eigen.hpp"

namespace unroll::detail {

#ifdef EIGEN_VECTORIZE_SSE
using Eigen::internal::Packet2d;
using Eigen::internal::Packet4f;

EIGEN_ALWAYS_INLINE Packet4f sqrt(const Packet4f& a) { return _mm_sqrt_ps(a); }
EIGEN_ALWAYS_INLINE Packet2d sqrt(const Packet2d& a) { return _mm_sqrt_pd(a); }

#ifdef __AVX512VL__
/// Barrier between extraction and masked store: g++ 12 merges them to vextractf32x4 to memory, which faults at memory
/// that the mask excludes.
template <class Packet>
EIGEN_ALWAYS_INLINE Packet apart(Packet v) {
  __asm__("" : "+v"(v));
  return v;
}

EIGEN_ALWAYS_INLINE void store_partial(float* to, int n, const Packet4f& v) {
  _mm_mask_storeu_ps(to, static_cast<__mmask8>((1u << n) - 1), apart(v));
}
EIGEN_ALWAYS_INLINE void store_partial(double* to, int n, const Packet2d& v) {
  _mm_mask_storeu_pd(to, static_cast<__mmask8>((1u << n) - 1), apart(v));
}
#else
EIGEN_ALWAYS_INLINE void store_partial(float* to, int n, const Packet4f& v) {
  if (n == 4) return _mm_storeu_ps(to, v);
  if (n >= 2) _mm_storel_pi(reinterpret_cast<__m64*>(to), v);
  if (n == 1) _mm_store_ss(to, v);
  if (n == 3) _mm_store_ss(to + 2, _mm_movehl_ps(v, v));
}
EIGEN_ALWAYS_INLINE void store_partial(double* to, int n, const Packet2d& v) {
  if (n == 2) return _mm_storeu_pd(to, v);
  if (n == 1) _mm_store_sd(to, v);
}
#endif
#endif

#ifdef EIGEN_VECTORIZE_AVX
using Eigen::internal::Packet4d;
using Eigen::internal::Packet8f;

EIGEN_ALWAYS_INLINE Packet8f sqrt(const Packet8f& a) { return _mm256_sqrt_ps(a); }
EIGEN_ALWAYS_INLINE Packet4d sqrt(const Packet4d& a) { return _mm256_sqrt_pd(a); }

/// Mask of the first n of 8 lanes of 32 bits or of 4 lanes of 64 bits, loaded from a row of ones followed by zeros.
template <int lane_bits>
EIGEN_ALWAYS_INLINE __m256i first_lanes(int n) {
  alignas(64) static constexpr std::int32_t ones_then_zeros[16] = {-1, -1, -1, -1, -1, -1, -1, -1};
  return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(ones_then_zeros + 8 - n * lane_bits / 32));
}

EIGEN_ALWAYS_INLINE Packet8f load_partial(const float* from, int n, const Packet8f&) {
  return _mm256_maskload_ps(from, first_lanes<32>(n));
}
EIGEN_ALWAYS_INLINE Packet4d load_partial(const double* from, int n, const Packet4d&) {
  return _mm256_maskload_pd(from, first_lanes<64>(n));
}
EIGEN_ALWAYS_INLINE Packet4f load_partial(const float* from, int n, const Packet4f&) {
  return _mm_maskload_ps(from, _mm256_castsi256_si128(first_lanes<32>(n)));
}
EIGEN_ALWAYS_INLINE Packet2d load_partial(const double* from, int n, const Packet2d&) {
  return _mm_maskload_pd(from, _mm256_castsi256_si128(first_lanes<64>(n)));
}

EIGEN_ALWAYS_INLINE Packet4f lower_half(const Packet8f& v) { return _mm256_castps256_ps128(v); }
EIGEN_ALWAYS_INLINE Packet2d lower_half(const Packet4d& v) { return _mm256_castpd256_pd128(v); }
EIGEN_ALWAYS_INLINE Packet4f upper_half(const Packet8f& v) { return _mm256_extractf128_ps(v, 1); }
EIGEN_ALWAYS_INLINE Packet2d upper_half(const Packet4d& v) { return _mm256_extractf128_pd(v, 1); }
EIGEN_ALWAYS_INLINE Packet8f join(const Packet4f& lower, const Packet4f& upper) {
  return _mm256_insertf128_ps(_mm256_castps128_ps256(lower), upper, 1);
}
EIGEN_ALWAYS_INLINE Packet4d join(const Packet2d& lower, const Packet2d& upper) {
  return _mm256_insertf128_pd(_mm256_castpd128_pd256(lower), upper, 1);
}

#ifdef __AVX512VL__
EIGEN_ALWAYS_INLINE void store_partial(float* to, int n, const Packet8f& v) {
  _mm256_mask_storeu_ps(to, static_cast<__mmask8>((1u << n) - 1), apart(v));
}
EIGEN_ALWAYS_INLINE void store_partial(double* to, int n, const Packet4d& v) {
  _mm256_mask_storeu_pd(to, static_cast<__mmask8>((1u << n) - 1), apart(v));
}
#else
/// Two half stores: AVX's masked store is seven times as slow on some processors (Zen 4: 4 to 7 ns).
template <class Packet>
EIGEN_ALWAYS_INLINE void store_halves(typename Eigen::internal::unpacket_traits<Packet>::type* to, int n,
                                      const Packet& v) {
  constexpr int half = Eigen::internal::unpacket_traits<Packet>::size / 2;
  if (n < half) return store_partial(to, n, lower_half(v));
  Eigen::internal::pstoreu(to, lower_half(v));
  store_partial(to + half, n - half, upper_half(v));
}
EIGEN_ALWAYS_INLINE void store_partial(float* to, int n, const Packet8f& v) { store_halves(to, n, v); }
EIGEN_ALWAYS_INLINE void store_partial(double* to, int n, const Packet4d& v) { store_halves(to, n, v); }
#endif
#endif

#ifdef EIGEN_VECTORIZE_AVX512
using Eigen::internal::Packet16f;
using Eigen::internal::Packet8d;

inline constexpr __mmask16 all16 = 0xffff;
inline constexpr __mmask8 all8 = 0xff;

EIGEN_ALWAYS_INLINE __mmask16 first_of_16(int n) { return static_cast<__mmask16>((1u << n) - 1); }
EIGEN_ALWAYS_INLINE __mmask8 first_of_8(int n) { return static_cast<__mmask8>((1u << n) - 1); }

EIGEN_ALWAYS_INLINE Packet16f load_partial(const float* from, int n, const Packet16f&) {
  return _mm512_maskz_loadu_ps(first_of_16(n), from);
}
EIGEN_ALWAYS_INLINE Packet8d load_partial(const double* from, int n, const Packet8d&) {
  return _mm512_maskz_loadu_pd(first_of_8(n), from);
}
EIGEN_ALWAYS_INLINE void store_partial(float* to, int n, const Packet16f& v) {
  _mm512_mask_storeu_ps(to, first_of_16(n), v);
}
EIGEN_ALWAYS_INLINE void store_partial(double* to, int n, const Packet8d& v) {
  _mm512_mask_storeu_pd(to, first_of_8(n), v);
}

// No casts: g++ 12 compiles them to unmasked extractions.
EIGEN_ALWAYS_INLINE Packet4d lower_half(const Packet8d& v) { return _mm512_maskz_extractf64x4_pd(all8, v, 0); }
EIGEN_ALWAYS_INLINE Packet4d upper_half(const Packet8d& v) { return _mm512_maskz_extractf64x4_pd(all8, v, 1); }
EIGEN_ALWAYS_INLINE Packet8f lower_half(const Packet16f& v) {
  return _mm256_castpd_ps(lower_half(Packet8d(_mm512_castps_pd(v))));
}
EIGEN_ALWAYS_INLINE Packet8f upper_half(const Packet16f& v) {
  return _mm256_castpd_ps(upper_half(Packet8d(_mm512_castps_pd(v))));
}
EIGEN_ALWAYS_INLINE Packet8d join(const Packet4d& lower, const Packet4d& upper) {
  return _mm512_maskz_insertf64x4(all8, _mm512_castpd256_pd512(lower), upper, 1);
}
EIGEN_ALWAYS_INLINE Packet16f join(const Packet8f& lower, const Packet8f& upper) {
  return _mm512_castpd_ps(join(Packet4d(_mm256_castps_pd(lower)), Packet4d(_mm256_castps_pd(upper))));
}

EIGEN_ALWAYS_INLINE Packet16f select_greater(const Packet16f& a, const Packet16f& b, const Packet16f& x,
                                             const Packet16f& y) {
  return _mm512_mask_blend_ps(_mm512_cmp_ps_mask(a, b, _CMP_GT_OQ), y, x);
}
EIGEN_ALWAYS_INLINE Packet8d select_greater(const Packet8d& a, const Packet8d& b, const Packet8d& x,
                                            const Packet8d& y) {
  return _mm512_mask_blend_pd(_mm512_cmp_pd_mask(a, b, _CMP_GT_OQ), y, x);
}

// The instruction returns its second operand if one is NaN: the operands are swapped so that `a` is returned.
EIGEN_ALWAYS_INLINE Packet16f max(const Packet16f& a, const Packet16f& b) { return _mm512_maskz_max_ps(all16, b, a); }
EIGEN_ALWAYS_INLINE Packet8d max(const Packet8d& a, const Packet8d& b) { return _mm512_maskz_max_pd(all8, b, a); }
EIGEN_ALWAYS_INLINE Packet16f min(const Packet16f& a, const Packet16f& b) { return _mm512_maskz_min_ps(all16, b, a); }
EIGEN_ALWAYS_INLINE Packet8d min(const Packet8d& a, const Packet8d& b) { return _mm512_maskz_min_pd(all8, b, a); }

EIGEN_ALWAYS_INLINE Packet16f sqrt(const Packet16f& a) { return _mm512_maskz_sqrt_ps(all16, a); }
EIGEN_ALWAYS_INLINE Packet8d sqrt(const Packet8d& a) { return _mm512_maskz_sqrt_pd(all8, a); }

/// x 2^k
EIGEN_ALWAYS_INLINE Packet16f scale(const Packet16f& x, const Packet16f& k) {
  return _mm512_maskz_scalef_ps(all16, x, k);
}
EIGEN_ALWAYS_INLINE Packet8d scale(const Packet8d& x, const Packet8d& k) { return _mm512_maskz_scalef_pd(all8, x, k); }
#endif

}  // namespace unroll::detail
