#pragma once
// Weights that are vectors or scalars, and the functions of them alone, which are computed once per pass.

#include <algorithm>

#include "unroll/recurrence/run/cell_loops.hpp"
#include "unroll/recurrence/run/layout.hpp"

namespace unroll::detail {

/// The weights, then the functions.
template <class S, class D>
using VectorWeights = Table<VectorX<S>, D::vectors>;

/// Copies the weights from the parameters and computes the functions.
template <class S, class D>
void load_vectors(const CellLayout<D>& layout, const S* theta, VectorWeights<S, D>& to) {
  constexpr int weights = D::program.weights;
  Frame<S, D> frame;
  for (int k = 0; k < D::vectors; ++k) {
    to[k].setZero(k < weights ? layout.single_rows(k) : layout.rows(D::schedule.function[k - weights]));
    if (k < weights && layout.single_offset(k) >= 0)
      std::copy_n(theta + layout.single_offset(k), layout.single_rows(k), to[k].data());
    frame.weight[k] = to[k].data();
    if (k >= weights) frame.function[k - weights] = to[k].data();
  }
  CellLoops<S, D>::template for_passes<before_steps>(
      [&]<class Kernel>(Kernel, int dimension) { Kernel::forward(frame, layout.rows_of_size(dimension), 1); });
}

/// Adds to the gradients of the weights those of the functions, sums over all steps.
template <class S, class D>
void pull_functions(const CellLayout<D>& layout, const VectorWeights<S, D>& weights, VectorWeights<S, D>& gradients) {
  Frame<S, D> frame;
  for (int k = 0; k < D::vectors; ++k) {
    frame.weight[k] = weights[k].data();
    frame.d_weight[k] = gradients[k].data();
  }
  CellLoops<S, D>::template for_passes<before_steps>(
      [&]<class Kernel>(Kernel, int dimension) { Kernel::backward(frame, layout.rows_of_size(dimension), 1); });
}

}  // namespace unroll::detail
