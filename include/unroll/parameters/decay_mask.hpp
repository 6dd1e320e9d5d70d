#pragma once

#include <algorithm>
#include <initializer_list>

#include "unroll/parameters/parameters.hpp"

namespace unroll {

/// Mask of weight decay for `optimizer.set_decay_mask(...)`: 0 for blocks whose role is in `left_out` (by default
/// biases) and for frozen columns, 1 for all other entries.
template <class Scalar>
VectorX<Scalar> decay_mask(const ParameterTable& table, std::initializer_list<Role> left_out = {Role::bias}) {
  VectorX<Scalar> mask = VectorX<Scalar>::Ones(table.size());
  for (const ParameterBlock& block : table.blocks()) {
    const bool whole = std::find(left_out.begin(), left_out.end(), block.role) != left_out.end();
    for (Index col = 0; col < block.cols; ++col)
      if (whole || block.is_frozen(col)) mask.segment(block.column(col).first, block.rows).setZero();
  }
  return mask;
}

}  // namespace unroll
