#pragma once
// What can be known of layers and data before a pass.

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

/// Layers that cannot read every number say so in `check_input(values)`, which throws what `forward` would.
template <class L>
void check_input(const L& layer, const ConstView<typename L::Scalar>& values) {
  if constexpr (requires { layer.check_input(values); }) layer.check_input(values);
}

/// Steps that a sequence of `steps`, none of them masked, has behind a layer. Layers that change the number say so in
/// `steps_after(steps)`, which must not fall as `steps` grows.
template <class L>
Index steps_after(const L& layer, Index steps) {
  if constexpr (requires { layer.steps_after(steps); })
    return layer.steps_after(steps);
  else
    return steps;
}

}  // namespace unroll::detail
