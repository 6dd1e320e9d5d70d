#pragma once
// Orthogonal weights as the Cayley transform of W - W^T, and the gradient of W.

#include "unroll/core/types.hpp"
#include "unroll/simd/products.hpp"

namespace unroll::detail {

/// Replaces a matrix I + A, A antisymmetric, by its inverse. Pivots are at least 1, so that no rows are exchanged.
inline void invert(MatrixX<double>& a) {
  for (Index k = 0; k < a.cols(); ++k) {
    const double pivot = 1 / a(k, k);
    for (Index j = 0; j < a.cols(); ++j) {
      if (j == k) continue;
      const double factor = a(k, j) * pivot;
      a.col(j) -= factor * a.col(k);
      a(k, j) = factor;
    }
    a.col(k) *= -pivot;
    a(k, k) = pivot;
  }
}

/// q = (I + A)^-1 (I - A) = 2 (I + A)^-1 - I with A = W - W^T. `inverse` is memory for the inverse.
template <class S>
void make_cayley(const ConstView<S>& w, MatrixX<double>& inverse, MatrixX<S>& q) {
  inverse = (w - w.transpose()).template cast<double>();
  inverse.diagonal().setOnes();
  invert(inverse);
  q = (2 * inverse).template cast<S>();
  q.diagonal().array() -= S(1);
}

/// Adds (U^T - U) / 2 with U = (I + Q)^T G (I + Q)^T to the gradient of W, where G is the gradient of q. Overwrites G
/// and `memory`; `left` and `right` are memory for the packed factors.
template <class S>
void add_cayley_gradient(const MatrixX<S>& q, MatrixX<S>& g, PackedMatrix<S>& left, PackedMatrix<S>& right,
                         MatrixX<S>& memory, View<S>& to) {
  const Index rows = q.rows();
  memory = q;
  memory.diagonal().array() += S(1);
  left.pack_transposed(memory, Precision::float32);
  right.pack(memory, Precision::float32);
  left.multiply(g.data(), rows, rows, memory.data(), rows);
  g = memory.transpose();
  right.multiply(g.data(), rows, rows, memory.data(), rows);  // U^T
  to += S(0.5) * (memory - memory.transpose());
}

}  // namespace unroll::detail
