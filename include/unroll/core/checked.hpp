#pragma once
// Checked arithmetic on sizes from options, files and lengths: overflow throws instead of giving a wrong size.

#include <concepts>
#include <cstddef>
#include <limits>
#include <string_view>
#include <type_traits>

#include "unroll/core/error.hpp"

namespace unroll {

/// Largest accepted number of entries (512 GiB of doubles). It is far below the range where sums and products of such
/// counts overflow, and below the requests that make AddressSanitizer abort.
inline constexpr std::ptrdiff_t most_entries = std::ptrdiff_t(1) << 36;

/// Sum a + b. Throws ShapeError, naming `what`, if it exceeds the range of T.
template <std::integral T>
constexpr T checked_add(T a, std::type_identity_t<T> b, std::string_view what) {
  T sum = 0;
  require<ShapeError>(!__builtin_add_overflow(a, b, &sum), what, " must be at most ", std::numeric_limits<T>::max(),
                      ", got ", a, " + ", b);
  return sum;
}

/// Product a * b. Throws ShapeError, naming `what`, if it exceeds the range of T.
template <std::integral T>
constexpr T checked_multiply(T a, std::type_identity_t<T> b, std::string_view what) {
  T product = 0;
  require<ShapeError>(!__builtin_mul_overflow(a, b, &product), what, " must be at most ", std::numeric_limits<T>::max(),
                      ", got ", a, " * ", b);
  return product;
}

/// Quotient a / b rounded up, for a >= 0 and b > 0. Never overflows, unlike (a + b - 1) / b.
template <std::integral T>
constexpr T divide_up(T a, std::type_identity_t<T> b) {
  return a / b + (a % b != 0);
}

/// Range check of a number of entries: throws ShapeError, naming `what`, unless 0 <= entries <= `most_entries`.
inline void check_entries(std::ptrdiff_t entries, std::string_view what) {
  require<ShapeError>(entries >= 0 && entries <= most_entries, what, " must be 0 to ", most_entries, " entries, got ",
                      entries);
}

/// Checked allocation: calls `take`, which allocates memory for `entries`. Throws ShapeError, naming `what`, if
/// check_entries fails or memory is exhausted.
template <class F>
void take_memory(std::ptrdiff_t entries, std::string_view what, F&& take) {
  check_entries(entries, what);
  detail::within_memory<ShapeError>(take, what, ": there is no memory for ", entries, " entries");
}

}  // namespace unroll
