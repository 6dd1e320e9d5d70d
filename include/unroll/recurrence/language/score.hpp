#pragma once

#include "unroll/core/requirements.hpp"

namespace unroll {

/// How a query is compared with a key.
enum class ScoreKind : unsigned char {
  dot,
  scaled_dot,
  general,   ///< the projected query with the key
  additive,  ///< the tangents of projected query and projected key together
};

}  // namespace unroll
