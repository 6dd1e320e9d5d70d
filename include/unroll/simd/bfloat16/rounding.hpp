#pragma once
// Rounding of floats to bfloat16, the upper half of a float: 8 exponent bits and 8 significant bits.

#include <bit>
#include <cstdint>

#include "unroll/core/requirements.hpp"

namespace unroll::detail {

/// Bits of the nearest bfloat16, ties to even. Magnitudes from 2^128 - 2^119 on become infinite, subnormal numbers are
/// rounded like others, and NaN stays NaN. Integer arithmetic: the result does not depend on the processor or its
/// modes, and loops over it are vectorised.
inline std::uint16_t bfloat16_bits(float value) {
  const auto bits = std::bit_cast<std::uint32_t>(value);
  const std::uint32_t nearest = (bits + 0x7fff + (bits >> 16 & 1)) >> 16, quiet = bits >> 16 | 0x40;
  return std::uint16_t((bits & 0x7fffffff) > 0x7f800000 ? quiet : nearest);
}

inline float float_of_bfloat16(std::uint16_t bits) { return std::bit_cast<float>(std::uint32_t(bits) << 16); }

/// Nearest bfloat16 as a float.
inline float round_to_bfloat16(float value) { return float_of_bfloat16(bfloat16_bits(value)); }

}  // namespace unroll::detail
