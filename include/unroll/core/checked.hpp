#pragma once
// Arithmetic on sizes that come from outside: options, files, lengths. What overflows is an error, never a wrong size.

#include <concepts>
#include <cstddef>
#include <string_view>
#include <type_traits>

#include "unroll/core/error.hpp"

namespace unroll {

/// More entries than memory holds (512 GiB of doubles); far below where sums and products of such counts overflow, and
/// below the requests that end a program under AddressSanitizer.
inline constexpr std::ptrdiff_t most_entries = std::ptrdiff_t(1) << 36;

/// a + b. Throws ShapeError, naming `what`, where the sum is beyond the range of T.
template <std::integral T>
constexpr T checked_add(T a, std::type_identity_t<T> b, std::string_view what) {
  T sum = 0;
  require<ShapeError>(!__builtin_add_overflow(a, b, &sum), what, ": ", a, " + ", b, " is beyond any size");
  return sum;
}

/// a * b. Throws ShapeError, naming `what`, where the product is beyond the range of T.
template <std::integral T>
constexpr T checked_multiply(T a, std::type_identity_t<T> b, std::string_view what) {
  T product = 0;
  require<ShapeError>(!__builtin_mul_overflow(a, b, &product), what, ": ", a, " * ", b, " is beyond any size");
  return product;
}

/// a / b rounded up, for a >= 0 and b > 0; nothing in it overflows, unlike (a + b - 1) / b.
template <std::integral T>
constexpr T divide_up(T a, std::type_identity_t<T> b) {
  return a / b + (a % b != 0);
}

/// Throws ShapeError, naming `what`, for a number of entries that is negative or more than `most_entries`.
inline void check_entries(std::ptrdiff_t entries, std::string_view what) {
  require<ShapeError>(entries >= 0 && entries <= most_entries, what, ": ", entries, " entries must be 0 to ",
                      most_entries);
}

/// Runs `take`, which takes memory for `entries`, an amount that came from outside. Throws ShapeError, naming `what`,
/// as check_entries, and where the memory has less left.
template <class F>
void take_memory(std::ptrdiff_t entries, std::string_view what, F&& take) {
  check_entries(entries, what);
  detail::within_memory<ShapeError>(take, what, ": there is no memory for ", entries, " entries");
}

}  // namespace unroll
