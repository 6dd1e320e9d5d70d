#pragma once
// State is a value: it goes into a pass and comes out of it, and lives with the caller.

#include <span>
#include <vector>

#include "unroll/core/error.hpp"
#include "unroll/core/types.hpp"

namespace unroll {

/// One matrix per state [rows x batch], a column per sample in the order of samples. Empty: all zero.
template <class Scalar>
using State = std::vector<MatrixX<Scalar>>;

/// Sets the state of the samples where `where` holds back to zero, before the next step: a new sequence begins there.
template <class Scalar>
void reset(State<Scalar>& state, std::span<const bool> where) {
  for (MatrixX<Scalar>& part : state) {
    require<ShapeError>(part.cols() == Index(where.size()), "reset: the state holds ", part.cols(), " samples, got ",
                        where.size(), " marks");
    for (Index b = 0; b < part.cols(); ++b)
      if (where[std::size_t(b)]) part.col(b).setZero();
  }
}

}  // namespace unroll
