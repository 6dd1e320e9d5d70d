#pragma once
// Tests for NaN and infinity: one pass over the bits, fast enough to run before every update.

#include <algorithm>
#include <string_view>

#include "unroll/core/finite.hpp"
#include "unroll/parameters/parameters.hpp"

namespace unroll {
namespace detail {

template <class Bits>
inline constexpr Bits top_bit = ~(std::numeric_limits<Bits>::max() >> 1);

/// Test for NaN and magnitudes >= a limit (> 0): the top bit of the result is set exactly for these.
template <std::floating_point Scalar>
class Reaches {
 public:
  using Bits = decltype(magnitude_bits(Scalar()));

  explicit Reaches(Scalar limit) : carry_(top_bit<Bits> - magnitude_bits(limit)) {}
  Bits operator()(Scalar x) const { return magnitude_bits(x) + carry_; }

 private:
  Bits carry_;
};

/// Index of the first of `size` entries for which the result of `reaches(k)` has the top bit set; -1 if there is none.
template <class F>
Index first_with_top_bit(Index size, F&& reaches) {
  using Bits = decltype(reaches(Index()));
  constexpr Index block = 256;
  for (Index first = 0; first < size; first += block) {
    const Index end = std::min(first + block, size);
    Bits any = 0;  // no branch in the loop, so that the compiler vectorizes it
    for (Index k = first; k < end; ++k) any |= reaches(k);
    if ((any & top_bit<Bits>) == 0) continue;
    for (Index k = first; k < end; ++k)
      if ((reaches(k) & top_bit<Bits>) != 0) return k;
  }
  return -1;
}

/// Index of the first entry that is NaN or has a magnitude >= `limit` (> 0); -1 if there is none.
template <std::floating_point Scalar>
Index first_reaching(const Scalar* values, Index size, Scalar limit) {
  return first_with_top_bit(size, [values, reaches = Reaches<Scalar>(limit)](Index k) { return reaches(values[k]); });
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
