#pragma once
// The few types that every part shares: plain Eigen matrices, column-major, one column per (step, sample).

#include <Eigen/Core>
#include <concepts>
#include <type_traits>

namespace unroll {

using Eigen::Index;

template <class Scalar>
using Matrix = Eigen::Matrix<Scalar, Eigen::Dynamic, Eigen::Dynamic>;

template <class Scalar>
using Vector = Eigen::Matrix<Scalar, Eigen::Dynamic, 1>;

/// Class labels or token ids along columns; a negative entry means "no label here".
using Labels = Eigen::Matrix<Index, Eigen::Dynamic, 1>;

/// A matrix that is only read. Columns may lie apart (a block of a larger matrix), rows are contiguous.
/// The parameter type is not deduced, so that a Matrix, a Block and a Map all convert: write `In<Scalar>` with a Scalar that is
/// known from elsewhere.
template <class Scalar>
using In = const Eigen::Ref<const Matrix<Scalar>>&;

/// A matrix that is written in place; never resized.
template <class Scalar>
using Out = Eigen::Ref<Matrix<Scalar>>;

template <class Scalar>
using InVector = const Eigen::Ref<const Vector<Scalar>>&;

template <class Scalar>
using OutVector = Eigen::Ref<Vector<Scalar>>;

/// A window on numbers that somebody else owns; columns may lie apart. Copying it copies the window, not the numbers.
template <class Scalar>
using ConstView = Eigen::Map<const Matrix<Scalar>, Eigen::Unaligned, Eigen::OuterStride<>>;

template <class Scalar>
using View = Eigen::Map<Matrix<Scalar>, Eigen::Unaligned, Eigen::OuterStride<>>;

/// A window on any matrix whose columns are contiguous.
template <class Derived>
ConstView<typename Derived::Scalar> view(const Eigen::DenseBase<Derived>& m) {
  return {m.derived().data(), m.rows(), m.cols(), Eigen::OuterStride<>(m.derived().outerStride())};
}

template <class Derived>
View<typename Derived::Scalar> view(Eigen::DenseBase<Derived>& m) {
  return {m.derived().data(), m.rows(), m.cols(), Eigen::OuterStride<>(m.derived().outerStride())};
}

/// A window on nothing: "not given" where a matrix is optional.
template <class Scalar>
ConstView<Scalar> nothing() {
  return {nullptr, 0, 0, Eigen::OuterStride<>(0)};
}

}  // namespace unroll
