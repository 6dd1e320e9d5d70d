#pragma once

#include "unroll/core/types.hpp"

namespace word2vec {

/// Projection of the columns of a matrix onto their first two principal components. [2 x columns]; the second row is
/// zero if columns have a single element.
struct Plane {
  unroll::MatrixX<double> places;
  double share = 0;  // share of the variance in the plane
};
Plane plane_of(const unroll::MatrixX<float>& columns);

}  // namespace word2vec
