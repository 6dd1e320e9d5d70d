#pragma once
// Rounding of floats to bfloat16, the upper half of a float: 8 exponent bits and 8 significant bits.

#include <algorithm>
#include <bit>
#include <cstdint>
#include <cstring>

#include "unroll/core/types.hpp"

#if defined(__AVX512BF16__)
#include <immintrin.h>
#endif

namespace unroll::detail {

/// Bits of a float whose upper half is the nearest bfloat16, ties to even; the lower half is arbitrary. Magnitudes from
/// 2^128 - 2^119 on become infinite, subnormal numbers are rounded like others, and NaN stays NaN. Integer arithmetic:
/// the result does not depend on the processor or its modes, and loops over it are vectorised.
inline std::uint32_t nearest_bfloat16(float value) {
  const auto bits = std::bit_cast<std::uint32_t>(value);
  const std::uint32_t nearest = bits + 0x7fff + (bits >> 16 & 1), quiet = bits | 0x400000;
  return (bits & 0x7fffffff) > 0x7f800000 ? quiet : nearest;
}

/// Bits of the nearest bfloat16, see nearest_bfloat16.
inline std::uint16_t bfloat16_bits(float value) { return std::uint16_t(nearest_bfloat16(value) >> 16); }

inline float float_of_bfloat16(std::uint16_t bits) { return std::bit_cast<float>(std::uint32_t(bits) << 16); }

/// Nearest bfloat16 as a float.
inline float round_to_bfloat16(float value) { return float_of_bfloat16(bfloat16_bits(value)); }

/// Rounds `count` numbers to `to` [count]. The conversions of AVX512-BF16 treat subnormal numbers as 0.
inline void round_numbers(const float* from, Index count, std::uint16_t* to) {
#if defined(__AVX512BF16__)
  for (Index k = 0; k < count; k += 32) {
    const std::uint32_t mask = ~std::uint32_t(0) >> (32 - std::min<Index>(count - k, 32));
    const __m512 lower = _mm512_maskz_loadu_ps(__mmask16(mask), from + k);
    const __m512 upper = _mm512_maskz_loadu_ps(__mmask16(mask >> 16), from + k + 16);
    _mm512_mask_storeu_epi16(to + k, mask, (__m512i)(_mm512_cvtne2ps_pbh(upper, lower)));
  }
#else
  for (Index k = 0; k < count; ++k) to[k] = bfloat16_bits(from[k]);
#endif
}

/// Rounds `count` pairs, first[k] and second[k], to `to` [2 x count], see round_numbers.
inline void round_pairs(const float* first, const float* second, Index count, std::uint16_t* to) {
#if defined(__AVX512BF16__)
  // The upper half of a register has the lower half's partners: 0, 16, 1, 17, ...
  const __m512i even = _mm512_set_epi32(15, 14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0);
  const __m512i order = _mm512_or_si512(even, _mm512_slli_epi32(_mm512_add_epi32(even, _mm512_set1_epi32(16)), 16));
  for (Index k = 0; k < count; k += 16) {
    const auto mask = __mmask16(0xffff >> (16 - std::min<Index>(count - k, 16)));
    const __m512bh numbers =
        _mm512_cvtne2ps_pbh(_mm512_maskz_loadu_ps(mask, second + k), _mm512_maskz_loadu_ps(mask, first + k));
    _mm512_mask_storeu_epi32(to + 2 * k, mask, _mm512_permutexvar_epi16(order, (__m512i)(numbers)));
  }
#else
  for (Index k = 0; k < count; ++k) {
    const std::uint32_t pair = nearest_bfloat16(first[k]) >> 16 | (nearest_bfloat16(second[k]) & 0xffff0000);
    std::memcpy(to + 2 * k, &pair, sizeof(pair));
  }
#endif
}

}  // namespace unroll::detail
