#pragma once
// Checks of the inputs, options and outputs of layers.

#include "unroll/core/option_checks.hpp"
#include "unroll/layers/layer.hpp"

namespace unroll::detail {

/// Maximal number of features: more than memory holds for a single step, and far below overflow in sizes of weights and
/// windows.
inline constexpr Index most_features = Index(1) << 40;

/// Throws ShapeError unless the input has a column for every step.
inline void check_per_step(const Shape& in) {
  require<ShapeError>(in.per_step, "input must have a column for every step, got one for every sequence");
}

/// Throws ValueError for an initializer of the biases of a layer without biases, which would have no effect.
template <class Options>
void check_bias_initializer(const Options& options) {
  require<ValueError>(options.biased || options.initializers.bias == Initializers().bias,
                      "initializers.bias must be left out with .biased = false, got another rule");
}

/// Output shape of a layer. Throws ShapeError if there are too many features.
inline Shape checked(Shape out) {
  require<ShapeError>(out.features <= most_features, "output features must be at most ", most_features, ", got ",
                      out.features);
  return out;
}

}  // namespace unroll::detail
