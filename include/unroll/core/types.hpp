#pragma once
// Common matrix types: plain column-major Eigen matrices, one column per (step, sample).

#include <algorithm>
#include <concepts>
#include <cstddef>
#include <numeric>
#include <span>
#include <type_traits>

#include "unroll/core/eigen.hpp"

namespace unroll {

using Eigen::Index;

// Eigen's names, so that `using namespace Eigen` next to `using namespace unroll` is not ambiguous.
using Eigen::MatrixX;
using Eigen::VectorX;

/// Class labels or token ids, one per column; a negative entry means "no label".
using Labels = Eigen::Matrix<Index, Eigen::Dynamic, 1>;

/// Read-only matrix parameter: contiguous rows, any distance between columns (a block of a larger matrix). The
/// parameter type is not deduced, so that a MatrixX, a Block and a Map all convert: write `In<Scalar>` with a Scalar
/// known from other parameters.
template <class Scalar>
using In = const Eigen::Ref<const MatrixX<Scalar>>&;

/// Matrix parameter that is written in place, never resized.
template <class Scalar>
using Out = Eigen::Ref<MatrixX<Scalar>>;

template <class Scalar>
using InVector = const Eigen::Ref<const VectorX<Scalar>>&;

template <class Scalar>
using OutVector = Eigen::Ref<VectorX<Scalar>>;

/// Non-owning view of a matrix, with any distance between columns. A copy refers to the same numbers.
template <class Scalar>
using ConstView = Eigen::Map<const MatrixX<Scalar>, Eigen::Unaligned, Eigen::OuterStride<>>;

template <class Scalar>
using View = Eigen::Map<MatrixX<Scalar>, Eigen::Unaligned, Eigen::OuterStride<>>;

namespace detail {

template <class...>
inline constexpr bool never = false;

template <class T>
constexpr void refuse_temporary() {
  static_assert(never<T>,
                "unroll: a reference to this argument is kept, so it must not be a temporary; store it in a variable");
}

}  // namespace detail

/// View of a matrix with contiguous columns. A temporary matrix does not compile.
template <class Derived>
ConstView<typename Derived::Scalar> view(const Eigen::DenseBase<Derived>& m) {
  return {m.derived().data(), m.rows(), m.cols(), Eigen::OuterStride<>(m.derived().outerStride())};
}

template <class Derived>
View<typename Derived::Scalar> view(Eigen::DenseBase<Derived>& m) {
  return {m.derived().data(), m.rows(), m.cols(), Eigen::OuterStride<>(m.derived().outerStride())};
}

template <class Derived>
ConstView<typename Derived::Scalar> view(const Eigen::PlainObjectBase<Derived>&& m) {
  detail::refuse_temporary<Derived>();
  return view(m);
}

/// Matrix pointer without sizes for kernels and loops over steps: column j begins at data + j * stride. Null data means
/// "absent".
template <class Scalar>
struct Strided {
  Scalar* data = nullptr;
  Index stride = 0;

  EIGEN_ALWAYS_INLINE Scalar* at(Index row, Index column) const { return data + column * stride + row; }
  Strided from_column(Index column) const { return {data + column * stride, stride}; }
  Strided from_row(Index row) const { return {data + row, stride}; }

  /// View with sizes, for Eigen expressions.
  auto view(Index rows, Index columns) const {
    if constexpr (std::is_const_v<Scalar>)
      return ConstView<std::remove_const_t<Scalar>>(data, rows, columns, Eigen::OuterStride<>(stride));
    else
      return View<Scalar>(data, rows, columns, Eigen::OuterStride<>(stride));
  }
  operator Strided<const Scalar>() const  // NOLINT: implicit, as from pointer to pointer to const
      requires(!std::is_const_v<Scalar>) {
    return {data, stride};
  }
};

/// Precision of the factors of matrix products. Sums and all other values have the scalar of the model.
enum class Precision {
  float32,   ///< the scalar of the model
  bfloat16,  ///< 8 significant bits and the range of float; only for models of float
};

/// Fixed-size array indexed by int; size 0 is allowed.
template <class T, int n>
struct Table {
  T items[std::size_t(n > 0 ? n : 1)]{};

  constexpr T& operator[](int k) { return items[k]; }
  constexpr const T& operator[](int k) const { return items[k]; }
};

/// Empty view that means "absent" for an optional matrix.
template <class Scalar>
ConstView<Scalar> nothing() {
  return {nullptr, 0, 0, Eigen::OuterStride<>(0)};
}

namespace detail {

/// View with non-null data even if the matrix has no columns, so that it is not taken for `nothing()`. A matrix without
/// rows counts as absent.
template <class Scalar>
ConstView<Scalar> given(const MatrixX<Scalar>& matrix) {
  static constexpr Scalar no_column{};
  if (matrix.size() > 0 || matrix.rows() == 0) return view(matrix);
  return {&no_column, matrix.rows(), 0, Eigen::OuterStride<>(matrix.rows())};
}

/// Order of sequences by decreasing length: fills `order`, which has the size of `lengths`, with 0, 1, ... and sorts
/// it. Equal lengths keep their order. Allocates nothing, unlike std::stable_sort.
inline void sort_longest_first(std::span<Index> order, std::span<const Index> lengths) {
  std::iota(order.begin(), order.end(), Index(0));
  std::sort(order.begin(), order.end(), [&](Index a, Index b) {
    const Index of_a = lengths[std::size_t(a)], of_b = lengths[std::size_t(b)];
    return of_a != of_b ? of_a > of_b : a < b;
  });
}

}  // namespace detail

}  // namespace unroll
