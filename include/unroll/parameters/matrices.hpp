#pragma once
// Matrices with known values, as functions of their sizes, for `linear(h, frozen("name", function))` in equations.

#include <algorithm>
#include <cmath>
#include <utility>

#include "unroll/core/finite.hpp"
#include "unroll/parameters/portable_matrices.hpp"

namespace unroll {

namespace detail {

inline void check_square(const char* name, Index rows, Index columns) {
  require<ShapeError>(rows == columns, "matrices: ", name, " must be square, got [", rows, " x ", columns, "]");
}

/// exp(a) by scaling and squaring, with the same bits on every processor.
inline MatrixX<double> matrix_exponential(MatrixX<double> a) {
  double norm = 0;
  for (Index k = 0; k < a.size(); ++k) norm = std::max(norm, std::abs(a.data()[k]));
  require<ValueError>(is_finite(norm), "matrices: the matrix of an exponential must be finite, got ", norm);
  norm *= double(a.rows());
  int squarings = 0;
  for (; norm > 0.5; norm /= 2) ++squarings;
  for (Index k = 0; k < a.size(); ++k) a.data()[k] = std::ldexp(a.data()[k], -squarings);
  MatrixX<double> sum = MatrixX<double>::Identity(a.rows(), a.cols()), term = sum;
  for (int order = 1; order <= 14; ++order) {  // 0.5^15 / 15! is below 1e-16
    term = ordered_product(term, a);
    for (Index k = 0; k < a.size(); ++k) sum.data()[k] += term.data()[k] /= order;
  }
  for (int k = 0; k < squarings; ++k) sum = ordered_product(sum, sum);
  return sum;
}

}  // namespace detail

/// Values of matrices [rows x columns]. The functions throw ShapeError for sizes that a matrix cannot have.
namespace matrices {

inline MatrixX<double> identity(Index rows, Index columns) { return MatrixX<double>::Identity(rows, columns); }
inline MatrixX<double> ones(Index rows, Index columns) { return MatrixX<double>::Ones(rows, columns); }
/// Identity in the rows [k columns, (k + 1) columns), 0 in the others: `linear(a, frozen("first", matrices::block<0>),
/// no_bias) + linear(b, frozen("second", matrices::block<1>), no_bias)` joins a and b, one below the other.
template <int k>
inline MatrixX<double> block(Index rows, Index columns) {
  static_assert(k >= 0, "unroll: k of matrices::block<k> must be at least 0");
  require<ShapeError>(rows >= (k + 1) * columns, "matrices: rows of block<", k, "> must be at least ",
                      (k + 1) * columns, ", got [", rows, " x ", columns, "]");
  MatrixX<double> matrix = MatrixX<double>::Zero(rows, columns);
  matrix.middleRows(k * columns, columns).setIdentity();
  return matrix;
}

/// A of c'(t) = A c(t) / t + B f(t) / t, whose state has the coefficients of Legendre polynomials on the whole past:
/// HiPPO-LegS, Gu et al. 2020 (arXiv:2008.07669), theorem 2; the start of S4D.
inline MatrixX<double> legs_state(Index rows, Index columns) {
  detail::check_square("legs_state", rows, columns);
  MatrixX<double> a(rows, columns);
  for (Index k = 0; k < columns; ++k)
    for (Index n = 0; n < rows; ++n)
      a(n, k) = n > k ? -std::sqrt(double(2 * n + 1)) * std::sqrt(double(2 * k + 1)) : n == k ? -double(n + 1) : 0;
  return a;
}
/// Its B, in every column.
inline MatrixX<double> legs_input(Index rows, Index columns) {
  MatrixX<double> b(rows, columns);
  for (Index k = 0; k < columns; ++k)
    for (Index n = 0; n < rows; ++n) b(n, k) = std::sqrt(double(2 * n + 1));
  return b;
}

/// A of theta m'(t) = A m(t) + B u(t), whose state has the coefficients of Legendre polynomials on a window of length
/// theta: Voelker et al. 2019 (Legendre memory units), equation 2; HiPPO-LegT with another scale.
inline MatrixX<double> legt_state(Index rows, Index columns) {
  detail::check_square("legt_state", rows, columns);
  MatrixX<double> a(rows, columns);
  for (Index j = 0; j < columns; ++j)
    for (Index i = 0; i < rows; ++i) a(i, j) = double(2 * i + 1) * (i < j || (i - j) % 2 == 0 ? -1 : 1);
  return a;
}
/// Its B, in every column.
inline MatrixX<double> legt_input(Index rows, Index columns) {
  MatrixX<double> b(rows, columns);
  for (Index j = 0; j < columns; ++j)
    for (Index i = 0; i < rows; ++i) b(i, j) = double(2 * i + 1) * (i % 2 == 0 ? 1 : -1);
  return b;
}

/// Matrices [A, B] of m(t + step) = A m(t) + B u(t) for m' = a m + b u, if u is constant within the step (zero-order
/// hold). Throws ShapeError if the rows of a and b differ, and ValueError for values that are not finite.
inline std::pair<MatrixX<double>, MatrixX<double>> discretised(const MatrixX<double>& a, const MatrixX<double>& b,
                                                               double step) {
  detail::check_square("the state matrix of discretised", a.rows(), a.cols());
  require<ShapeError>(b.rows() == a.rows(), "matrices: rows of the input matrix must be ", a.rows(), ", got ",
                      b.rows());
  MatrixX<double> all = MatrixX<double>::Zero(a.rows() + b.cols(), a.rows() + b.cols());
  for (Index j = 0; j < all.cols(); ++j)
    for (Index i = 0; i < a.rows(); ++i) all(i, j) = step * (j < a.cols() ? a(i, j) : b(i, j - a.cols()));
  const MatrixX<double> power = detail::matrix_exponential(std::move(all));
  return {power.topLeftCorner(a.rows(), a.cols()), power.topRightCorner(b.rows(), b.cols())};
}

}  // namespace matrices
}  // namespace unroll
