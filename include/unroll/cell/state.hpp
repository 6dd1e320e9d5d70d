#pragma once
// States are values: passes read and return them, and the caller stores them.

#include <span>
#include <vector>

#include "unroll/core/error.hpp"
#include "unroll/core/option_checks.hpp"
#include "unroll/core/types.hpp"

namespace unroll {

/// State of a batch: one matrix per state [rows x batch], with columns in the order of samples. Empty: all zero.
template <class Scalar>
using State = std::vector<MatrixX<Scalar>>;

/// Resets the state of the samples marked in `where` to zero, for a new sequence at the next step. Throws ShapeError
/// unless there is one mark per sample.
template <class Scalar>
void reset(State<Scalar>& state, std::span<const bool> where) {
  for (MatrixX<Scalar>& part : state) {
    detail::check_as_many("reset", "marks", "entries as samples", Index(where.size()), part.cols());
    for (Index b = 0; b < part.cols(); ++b)
      if (where[std::size_t(b)]) part.col(b).setZero();
  }
}

}  // namespace unroll
