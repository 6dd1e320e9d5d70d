#pragma once
// Formulas over runs of numbers in memory, a register at a time.
//
// Registers are counted from the first number of a run, and the rest goes through one partly filled register. So a
// result depends on the numbers alone. Eigen's expressions begin at an aligned address and treat what lies in front of
// it one by one, partly by other functions: there the bits of a column depend on its place in memory.

#include <array>
#include <type_traits>

#include "unroll/core/types.hpp"
#include "unroll/simd/lanes.hpp"

namespace unroll::detail {

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wignored-attributes"  // as in simd/lanes.hpp
/// The registers of a run: their loads and stores, whole or partly filled.
template <class S>
struct Run {
  using V = NativeLanes<S>;
  using Whole = std::integral_constant<int, V::size>;

  /// f(first number, how many: `Whole` or an int for the rest)
  template <class F>
  EIGEN_ALWAYS_INLINE static void each(Index count, F&& f) {
    Index first = 0;
    for (; first + V::size <= count; first += V::size) f(first, Whole{});
    if (first < count) f(first, int(count - first));
  }
  EIGEN_ALWAYS_INLINE static V load(const S* from, Whole) { return V::load(from); }
  EIGEN_ALWAYS_INLINE static V load(const S* from, int rest) { return V::load_partial(from, rest); }
  EIGEN_ALWAYS_INLINE static void store(S* to, V v, Whole) { v.store(to); }
  EIGEN_ALWAYS_INLINE static void store(S* to, V v, int rest) { v.store_partial(to, rest); }
  /// Adds the first `count` lanes to numbers of more digits.
  static void add(double* to, V v, int count) {
    std::array<S, std::size_t(V::size)> numbers;
    v.store(numbers.data());
    for (int i = 0; i < count; ++i) to[i] += double(numbers[std::size_t(i)]);
  }
  /// `v`, with 0 in lanes that are no part of the run.
  EIGEN_ALWAYS_INLINE static V only(V v, Whole) { return v; }
  EIGEN_ALWAYS_INLINE static V only(V v, int rest) { return v.leading(rest); }
};
#pragma GCC diagnostic pop

/// to[i] = f(from[i]...) for `count` numbers; `to` may be one of those it is made from.
template <class Scalar, class F, class... From>
void map_run(Index count, const F& f, Scalar* to, const From*... from) {
  using R = Run<Scalar>;
  R::each(count, [&](Index i, auto n) { R::store(to + i, f(R::load(from + i, n)...), n); });
}

/// The sum of f(from[i]...) for `count` numbers.
template <class Scalar, class F, class... From>
Scalar sum_run(Index count, const F& f, const Scalar* first, const From*... from) {
  using R = Run<Scalar>;
  auto sum = R::V::constant(0);
  R::each(count, [&](Index i, auto n) { sum += R::only(f(R::load(first + i, n), R::load(from + i, n)...), n); });
  return lane_sum(sum);
}

/// to(i, j) = f(from(i, j)...) for matrices of one shape.
template <class Scalar, class F, class... From>
void map_entries(const F& f, View<Scalar> to, const From&... from) {
  if (((to.outerStride() == to.rows()) && ... && (from.outerStride() == to.rows())))
    return map_run(to.size(), f, to.data(), from.data()...);
  for (Index j = 0; j < to.cols(); ++j)
    map_run(to.rows(), f, to.data() + j * to.outerStride(), (from.data() + j * from.outerStride())...);
}

}  // namespace unroll::detail
