#pragma once
// Building blocks of kernels: operations on registers, and loads and stores of rows.

#include "unroll/core/types.hpp"
#include "unroll/recurrence/run/frame.hpp"
#include "unroll/simd/lanes.hpp"

namespace unroll::detail {

/// Value of the element-wise operation o of D, computed by `evaluate(operation, operands...)`.
template <class D, int o, class V, class Evaluate>
EIGEN_ALWAYS_INLINE V from_operands(const V* values, const Evaluate& evaluate) {
  constexpr Operation operation = D::program.operation[o];
  constexpr const auto& element = D::applied.template get<operation.index>();
  if constexpr (operation.right >= 0)
    return evaluate(element, values[operation.left], values[operation.right]);
  else
    return evaluate(element, values[operation.left]);
}

/// Loads and stores of rows of columns, one register V at a time.
template <class V>
class RowAccess {
  using Scalar = typename V::Scalar;

 public:
  /// A whole register of rows of one column.
  using Whole = std::integral_constant<int, V::size>;
  /// The last rows of one column or, if there are at most V::end_rows, of V::ends adjacent columns.
  struct Ends {
    int rows;
    bool many;
  };

  template <class F>
  EIGEN_ALWAYS_INLINE static void sweep(Index rows, Index columns, F&& f) {
    const Index whole = rows / V::size * V::size;
    const int rest = int(rows - whole);
    const Index together = rest <= V::end_rows ? V::ends : 1;
    for (Index first = 0; first < columns;) {
      const Index block = columns - first < together ? 1 : together;
      for (Index column = first; column < first + block; ++column)
        for (Index row = 0; row < whole; row += V::size) f(row, column, Whole{});
      if (rest > 0) f(whole, first, Ends{rest, block > 1});
      first += block;
    }
  }

  template <class T>
  EIGEN_ALWAYS_INLINE static V load(const Strided<T>& from, Index row, Index column, Whole) {
    return V::load(from.at(row, column));
  }
  template <class T>
  EIGEN_ALWAYS_INLINE static V load(const Strided<T>& from, Index row, Index column, Ends ends) {
    const Scalar* const first = from.at(row, column);
    return ends.many ? V::load_ends(first, from.stride, ends.rows) : V::load_partial(first, ends.rows);
  }
  EIGEN_ALWAYS_INLINE static void store(const Strided<Scalar>& to, Index row, Index column, V v, Whole) {
    v.store(to.at(row, column));
  }
  EIGEN_ALWAYS_INLINE static void store(const Strided<Scalar>& to, Index row, Index column, V v, Ends ends) {
    Scalar* const first = to.at(row, column);
    ends.many ? v.store_ends(first, to.stride, ends.rows) : v.store_partial(first, ends.rows);
  }
};

}  // namespace unroll::detail
