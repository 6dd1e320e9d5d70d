#pragma once

#include "unroll/core/types.hpp"

namespace word2vec {

/// Columns of a matrix in the plane in which they differ most (principal component analysis). [2 x columns]; the second
/// row is zero where columns have one number only.
struct Plane {
  unroll::MatrixX<double> places;
  double share = 0;  // of the variance that is seen in it
};
Plane plane_of(const unroll::MatrixX<float>& columns);

}  // namespace word2vec
