#pragma once
// Tests for NaN and infinity on the bits of a number; constexpr, unlike std::isnan in C++20.

#include <bit>
#include <concepts>
#include <cstdint>
#include <limits>
#include <type_traits>

#include "unroll/core/requirements.hpp"

namespace unroll {
namespace detail {

/// Bits without the sign. Ordered like the magnitudes: infinity is the largest number, every NaN is above it.
template <std::floating_point Scalar>
constexpr auto magnitude_bits(Scalar x) noexcept {
  static_assert(std::numeric_limits<Scalar>::is_iec559 && (sizeof(Scalar) == 4 || sizeof(Scalar) == 8),
                "unroll: numbers must be IEEE float or double");
  using Bits = std::conditional_t<sizeof(Scalar) == 4, std::uint32_t, std::uint64_t>;
  return std::bit_cast<Bits>(x) & (std::numeric_limits<Bits>::max() >> 1);
}

template <std::floating_point Scalar>
inline constexpr auto infinity_bits = magnitude_bits(std::numeric_limits<Scalar>::infinity());

}  // namespace detail

template <std::floating_point Scalar>
constexpr bool is_nan(Scalar x) noexcept {
  return detail::magnitude_bits(x) > detail::infinity_bits<Scalar>;
}

/// True for numbers that are neither NaN nor infinite.
template <std::floating_point Scalar>
constexpr bool is_finite(Scalar x) noexcept {
  return detail::magnitude_bits(x) < detail::infinity_bits<Scalar>;
}

}  // namespace unroll
