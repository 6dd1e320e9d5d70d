#pragma once
// Tests for NaN and infinity: one pass over the bits, fast enough to run before every update.

#include <algorithm>
#include <string_view>

#include "unroll/core/finite.hpp"
#include "unroll/parameters/parameters.hpp"

namespace unroll {
namespace detail {

/// Index of the first entry that is NaN or has a magnitude >= `limit` (> 0); -1 if there is none.
template <std::floating_point Scalar>
Index first_reaching(const Scalar* values, Index size, Scalar limit) {
  using Bits = decltype(magnitude_bits(limit));
  constexpr Bits top = ~(std::numeric_limits<Bits>::max() >> 1);
  constexpr Index block = 256;
  const Bits carry =
      top - magnitude_bits(limit);  // magnitude + carry has the top bit set exactly if magnitude >= limit
  const auto reaches = [&](Scalar x) { return (magnitude_bits(x) + carry) & top; };
  Index first = 0;
  for (; first < size; first += block) {
    Bits any = 0;  // no branch in the loop, so that the compiler vectorizes it
    for (Index k = first; k < std::min(first + block, size); ++k) any |= reaches(values[k]);
    if (any != 0) break;
  }
  const Scalar* found =
      std::find_if(values + std::min(first, size), values + size, [&](Scalar x) { return reaches(x) != 0; });
  return found == values + size ? -1 : found - values;
}

/// True if no entry of the segments is NaN or infinite.
template <std::floating_point Scalar>
bool all_finite(const Scalar* values, const Segments& segments) {
  for (std::size_t k = 0; k < segments.size(); ++k)
    if (first_reaching(values + segments[k].first, segments[k].size, std::numeric_limits<Scalar>::infinity()) >= 0)
      return false;
  return true;
}

}  // namespace detail

/// Index of the first NaN or infinity of a vector or matrix, in column-major order; -1 if there is none.
template <class Values>
Index first_non_finite(const Values& values) {
  using Scalar = typename Values::Scalar;
  const Eigen::Ref<const MatrixX<Scalar>> view(values);
  for (Index col = 0; col < view.cols(); ++col) {
    const Index row = detail::first_reaching(view.data() + col * view.outerStride(), view.rows(),
                                             std::numeric_limits<Scalar>::infinity());
    if (row >= 0) return col * view.rows() + row;
  }
  return -1;
}

/// True if no entry of the vector or matrix is NaN or infinite.
template <class Values>
bool finite(const Values& values) {
  return first_non_finite(values) < 0;
}

/// The same for the entries of a gradient that may be nonzero.
template <class Scalar>
bool finite(const Parameters<Scalar>& gradient) {
  return detail::all_finite(gradient.values().data(), gradient.segments());
}

/// Check for NaN and infinity: throws NonFiniteError naming the first parameter with such an entry. An update with too
/// large a learning rate can cause it from a finite gradient, and a saturated function can hide it from the next loss.
/// Call it once per epoch in a custom training loop, as `fit` does.
template <class Scalar>
void check_finite(std::string_view where, const Parameters<Scalar>& parameters) {
  const Index entry = first_non_finite(parameters.values());
  require<NonFiniteError>(
      entry < 0, where, ": parameter '", [&] { return parameters.table().holding(entry).name; },
      "' must be finite, got ", [&] { return text(parameters.values()[entry]); },
      "; the learning rate may be too large");
}

}  // namespace unroll
