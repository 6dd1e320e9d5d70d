#pragma once
// Sums over columns whose rounding error does not grow with the number of columns.

#include <algorithm>
#include <array>

#include "unroll/core/types.hpp"
#include "unroll/simd/lanes.hpp"

namespace unroll::detail {

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wignored-attributes"  // as in simd/lanes.hpp
/// Calls f(lanes, first row) for a partition of the rows into lanes: first as wide as possible, then halved down to
/// single numbers.
template <class S, class V = NativeLanes<S>, class F>
EIGEN_ALWAYS_INLINE void each_row(Index rows, F&& f, Index row = 0) {
  using Half = HalfLanes<V>;
  for (; row + V::size <= rows; row += V::size) f(V{}, row);
  if constexpr (V::size > 1) each_row<S, std::conditional_t<std::is_same_v<Half, V>, Lanes<S>, Half>>(rows, f, row);
}
#pragma GCC diagnostic pop

/// Number of terms summed in Scalar registers before the partial sum is added in double.
inline constexpr Index terms_in_register = 64;

/// sums[k][row] += sum over columns of the k-th result of `f(lanes, row, column)`. Partial sums of `terms_in_register`
/// columns are added in double. The order of the columns alone determines the order of additions, and thereby the bits.
template <class S, std::size_t count, class F>
void sum_columns(Index rows, Index columns, F&& f, const std::array<double*, count>& sums) {
  for (Index first = 0; first < columns; first += terms_in_register)
    each_row<S>(rows, [&]<class V>(V, Index row) {
      std::array<V, count> part;
      part.fill(V::constant(0));
      for (Index column = first; column < std::min(first + terms_in_register, columns); ++column) {
        const std::array<V, count> terms = f(V{}, row, column);
        for (std::size_t k = 0; k < count; ++k) part[k] += terms[k];
      }
      for (std::size_t k = 0; k < count; ++k) {
        std::array<S, std::size_t(V::size)> numbers;
        part[k].store(numbers.data());
        for (int i = 0; i < V::size; ++i) sums[k][row + i] += double(numbers[std::size_t(i)]);
      }
    });
}

/// The same for vectors, which are overwritten.
template <class S, std::size_t count, class F>
void sum_columns(Index rows, Index columns, F&& f, const std::array<VectorX<double>*, count>& sums) {
  std::array<double*, count> numbers;
  for (std::size_t k = 0; k < count; ++k) numbers[k] = sums[k]->setZero(rows).data();
  sum_columns<S>(rows, columns, f, numbers);
}

/// Row sums: sum [rows] += all columns, as in the gradient of a bias. A plain sum in float has an error of 1 % after a
/// million terms.
template <class S>
void add_columns(const ConstView<S>& columns, S* sum) {
  constexpr Index strip = 256, lanes = NativeLanes<S>::size;
  std::array<double, strip> sums;
  for (Index first = 0; first < columns.rows(); first += strip) {
    const Index rows = std::min(strip, columns.rows() - first), quarter = rows / (4 * lanes) * lanes;
    const auto load = [ from = columns.data() + first, stride = columns.outerStride() ]<class V>(
        V, Index row, Index column) __attribute__((always_inline)) {
      return V::load(from + column * stride + row);
    };
    std::fill_n(sums.begin(), rows, 0.0);
    double* const to = sums.data();
    if (quarter > 0)  // independent additions overlap in the pipeline
      sum_columns<S, 4>(
          quarter, columns.cols(),
          [&]<class V>(V v, Index row, Index column) __attribute__((always_inline)) {
            return std::array<V, 4>{load(v, row, column), load(v, row + quarter, column),
                                    load(v, row + 2 * quarter, column), load(v, row + 3 * quarter, column)};
          },
          std::array<double*, 4>{to, to + quarter, to + 2 * quarter, to + 3 * quarter});
    sum_columns<S, 1>(
        rows - 4 * quarter, columns.cols(),
        [&]<class V>(V v, Index row, Index column)
            __attribute__((always_inline)) { return std::array<V, 1>{load(v, row + 4 * quarter, column)}; },
        std::array<double*, 1>{to + 4 * quarter});
    for (Index row = 0; row < rows; ++row) sum[first + row] += S(sums[std::size_t(row)]);
  }
}

}  // namespace unroll::detail
