#pragma once
// What Eigen 3.4's packet operations lack on AVX and AVX-512: masked moves, selection without a detour, and operations
// that g++ 12 compiles without a false "used uninitialized" (its unmasked AVX-512 intrinsics carry one; a full zeroing
// mask costs nothing). Overloads by packet type; lanes.hpp has the general case of each.

#include <Eigen/Core>
#include <cstdint>

namespace unroll::detail {

#ifdef EIGEN_VECTORIZE_AVX
using Eigen::internal::Packet4d;
using Eigen::internal::Packet8f;

/// A mask of the first n of 8 lanes of 32 bits or of 4 lanes of 64 bits: 8 words out of a row of ones followed by
/// zeros.
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
EIGEN_ALWAYS_INLINE void store_partial(float* to, int n, const Packet8f& v) {
  _mm256_maskstore_ps(to, first_lanes<32>(n), v);
}
EIGEN_ALWAYS_INLINE void store_partial(double* to, int n, const Packet4d& v) {
  _mm256_maskstore_pd(to, first_lanes<64>(n), v);
}
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

EIGEN_ALWAYS_INLINE Packet16f select_greater(const Packet16f& a, const Packet16f& b, const Packet16f& x,
                                             const Packet16f& y) {
  return _mm512_mask_blend_ps(_mm512_cmp_ps_mask(a, b, _CMP_GT_OQ), y, x);
}
EIGEN_ALWAYS_INLINE Packet8d select_greater(const Packet8d& a, const Packet8d& b, const Packet8d& x,
                                            const Packet8d& y) {
  return _mm512_mask_blend_pd(_mm512_cmp_pd_mask(a, b, _CMP_GT_OQ), y, x);
}

// The instruction returns its second operand where one is NaN: the operands are exchanged so that this is `a`.
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
