#pragma once
// Limits of what layers give.

#include "unroll/layers/layer.hpp"

namespace unroll::detail {

/// More features than memory holds for a single step; far below where sizes of weights and windows overflow.
inline constexpr Index most_features = Index(1) << 40;

/// What a layer hands on. Throws ShapeError for more features.
inline Shape checked(Shape out) {
  require<ShapeError>(out.features <= most_features, "hands on ", out.features, " features, expected at most ",
                      most_features);
  return out;
}

}  // namespace unroll::detail
