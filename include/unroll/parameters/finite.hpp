#pragma once
// Is every entry a number? One pass over the bits, fast enough to run before every update.

#include <algorithm>
#include <string_view>

#include "unroll/core/finite.hpp"
#include "unroll/parameters/parameters.hpp"

namespace unroll {
namespace detail {

/// Index of the first entry with magnitude >= `limit` (> 0) or NaN; -1 when there is none.
template <std::floating_point Scalar>
Index first_reaching(const Scalar* values, Index size, Scalar limit) {
  using Bits = decltype(magnitude_bits(limit));
  constexpr Bits top = ~(std::numeric_limits<Bits>::max() >> 1);
  constexpr Index block = 256;
  const Bits carry =
      top - magnitude_bits(limit);  // added to a magnitude it reaches the top bit exactly from `limit` on
  const auto reaches = [&](Scalar x) { return (magnitude_bits(x) + carry) & top; };
  Index first = 0;
  for (; first < size; first += block) {
    Bits any = 0;  // without a branch inside, so that the compiler makes vector instructions of it
    for (Index k = first; k < std::min(first + block, size); ++k) any |= reaches(values[k]);
    if (any != 0) break;
  }
  const Scalar* found =
      std::find_if(values + std::min(first, size), values + size, [&](Scalar x) { return reaches(x) != 0; });
  return found == values + size ? -1 : found - values;
}

/// Neither NaN nor infinity in the segments.
template <std::floating_point Scalar>
bool all_finite(const Scalar* values, const Segments& segments) {
  for (std::size_t k = 0; k < segments.size(); ++k)
    if (first_reaching(values + segments[k].first, segments[k].size, std::numeric_limits<Scalar>::infinity()) >= 0)
      return false;
  return true;
}

}  // namespace detail

/// Index of the first NaN or infinity of a vector or matrix (counted down the columns), -1 when there is none.
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

/// Neither NaN nor infinity anywhere in the vector or matrix.
template <class Values>
bool finite(const Values& values) {
  return first_non_finite(values) < 0;
}

/// Likewise where a gradient can differ from zero.
template <class Scalar>
bool finite(const Parameters<Scalar>& gradient) {
  return detail::all_finite(gradient.values().data(), gradient.segments());
}

/// Throws NonFiniteError naming the first parameter that has an entry which is NaN or infinite. An update with a rate
/// that is too large can make one of a finite gradient, and a saturated function can hide it from the next loss: ask
/// once in a while, where a loop of training steps has come to the end of an epoch. `fit` does.
template <class Scalar>
void check_finite(std::string_view where, const Parameters<Scalar>& parameters) {
  const Index entry = first_non_finite(parameters.values());
  require<NonFiniteError>(
      entry < 0, where, ": parameter '", [&] { return parameters.table().holding(entry).name; },
      "' must be finite, got ", [&] { return text(parameters.values()[entry]); },
      "; the learning rate may be too large");
}

}  // namespace unroll
