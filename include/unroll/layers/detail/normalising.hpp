#pragma once
// Gain and shift per feature, shared by all normalisation layers.

#include <array>

#include "unroll/core/option_checks.hpp"
#include "unroll/layers/layer.hpp"
#include "unroll/simd/column_sums.hpp"

namespace unroll::detail {

/// Optional gain [features], initially 1, and shift [features], initially 0, in the order of the parameters.
template <class S>
struct GainAndShift {
  VectorX<S> gain, shift;

  static void add_to(ParameterTable& table, Index features, bool scaled, bool shifted) {
    if (scaled) table.add("weight", Role::gain, features, 1);
    if (shifted) table.add("bias", Role::bias, features, 1);
  }
  static std::vector<NamedInitializer> named_initializers() { return {{"weight", init::constant(1)}}; }

  /// Returns the pointer past the parameters read.
  const S* read(const S* theta, Index features, bool scaled, bool shifted) {
    gain.setOnes(features);
    shift.setZero(features);
    for (const auto& [given, values] : {std::pair(scaled, &gain), std::pair(shifted, &shift)})
      if (given) {
        *values = Eigen::Map<const VectorX<S>>(theta, features);
        theta += features;
      }
    return theta;
  }

  static void add_gradients(const VectorX<double>& d_gain, const VectorX<double>& d_shift, bool scaled, bool shifted,
                            S* gradient) {
    for (const auto& [given, sums] : {std::pair(scaled, &d_gain), std::pair(shifted, &d_shift)})
      if (given) {
        Eigen::Map<VectorX<S>>(gradient, sums->size()) += sums->template cast<S>();
        gradient += sums->size();
      }
  }
};

/// Loads a register from a column of a matrix.
template <class V, class S>
EIGEN_ALWAYS_INLINE V lanes_at(const ConstView<S>& matrix, Index row, Index column) {
  return V::load(matrix.data() + column * matrix.outerStride() + row);
}

}  // namespace unroll::detail
