#pragma once
// Limits of layer outputs.

#include "unroll/layers/layer.hpp"

namespace unroll::detail {

/// Maximal number of features: more than memory holds for a single step, and far below overflow in sizes of weights and
/// windows.
inline constexpr Index most_features = Index(1) << 40;

/// Output shape of a layer. Throws ShapeError if there are too many features.
inline Shape checked(Shape out) {
  require<ShapeError>(out.features <= most_features, "gives ", out.features, " features, expected at most ",
                      most_features);
  return out;
}

}  // namespace unroll::detail
