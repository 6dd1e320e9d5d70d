#pragma once
// Is a number a NaN, an infinity? Asked of its bits, also at compile time, where std::isnan cannot be called in C++20.

#include <bit>
#include <concepts>
#include <cstdint>
#include <limits>
#include <type_traits>

#include "unroll/core/requirements.hpp"

namespace unroll {
namespace detail {

/// The bits without the sign. Ordered like the magnitudes; infinity is the largest number, every NaN lies above it.
template <std::floating_point Scalar>
constexpr auto magnitude_bits(Scalar x) noexcept {
  static_assert(std::numeric_limits<Scalar>::is_iec559 && (sizeof(Scalar) == 4 || sizeof(Scalar) == 8),
                "unroll: numbers are IEEE float or double");
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

/// Neither NaN nor infinite.
template <std::floating_point Scalar>
constexpr bool is_finite(Scalar x) noexcept {
  return detail::magnitude_bits(x) < detail::infinity_bits<Scalar>;
}

}  // namespace unroll
