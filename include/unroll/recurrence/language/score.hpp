#pragma once

#include "unroll/core/requirements.hpp"

namespace unroll {

/// Score function of a query and a key.
enum class ScoreKind : unsigned char {
  dot,
  scaled_dot,
  general,   ///< dot product of the projected query and the key
  additive,  ///< dot product of a vector and the tanh of projected query plus projected key
};

}  // namespace unroll
