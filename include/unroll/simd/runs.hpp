#pragma once
// Formulas on contiguous arrays, one register at a time.
//
// Registers are counted from the first number of an array, and the remainder uses a partial register, so results depend
// only on the numbers. Eigen's expressions begin at an aligned address and process the numbers before it individually,
// in part with other functions: there the bits of a column depend on its address.

#include <array>
#include <type_traits>

#include "unroll/core/types.hpp"
#include "unroll/simd/lanes.hpp"

namespace unroll::detail {

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wignored-attributes"  // as in simd/lanes.hpp
/// Registers of a contiguous array: loads and stores, whole or partial.
template <class S>
struct Run {
  using V = NativeLanes<S>;
  using Whole = std::integral_constant<int, V::size>;

  /// Calls f(first index, count) for each register; count is `Whole`, or an int for the remainder.
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
  /// Adds the first `count` lanes to doubles.
  static void add(double* to, V v, int count) {
    std::array<S, std::size_t(V::size)> numbers;
    v.store(numbers.data());
    for (int i = 0; i < count; ++i) to[i] += double(numbers[std::size_t(i)]);
  }
  /// `v` with 0 in the lanes beyond the array.
  EIGEN_ALWAYS_INLINE static V only(V v, Whole) { return v; }
  EIGEN_ALWAYS_INLINE static V only(V v, int rest) { return v.leading(rest); }
};
#pragma GCC diagnostic pop

/// to[i] = f(from[i]...) for i < count; `to` may be one of the sources.
template <class Scalar, class F, class... From>
void map_run(Index count, const F& f, Scalar* to, const From*... from) {
  using R = Run<Scalar>;
  R::each(count, [&](Index i, auto n) { R::store(to + i, f(R::load(from + i, n)...), n); });
}

/// Sum of f(from[i]...) over i < count. Four sums, so that an addition does not wait for the previous one.
template <class Scalar, class F, class... From>
Scalar sum_run(Index count, const F& f, const Scalar* first, const From*... from) {
  using R = Run<Scalar>;
  using V = typename R::V;
  const auto term = [&](Index i, auto n) __attribute__((always_inline)) {
    return R::only(f(R::load(first + i, n), R::load(from + i, n)...), n);
  };
  V a = V::constant(0), b = a, c = a, d = a;
  Index done = 0;
  for (constexpr typename R::Whole whole; done + 4 * V::size <= count; done += 4 * V::size) {
    a += term(done, whole);
    b += term(done + V::size, whole);
    c += term(done + 2 * V::size, whole);
    d += term(done + 3 * V::size, whole);
  }
  R::each(count - done, [&](Index i, auto n) { a += term(done + i, n); });
  return lane_sum((a + b) + (c + d));
}

/// to(i, j) = f(from(i, j)...) for matrices of equal shape.
template <class Scalar, class F, class... From>
void map_entries(const F& f, View<Scalar> to, const From&... from) {
  if (((to.outerStride() == to.rows()) && ... && (from.outerStride() == to.rows())))
    return map_run(to.size(), f, to.data(), from.data()...);
  for (Index j = 0; j < to.cols(); ++j)
    map_run(to.rows(), f, to.data() + j * to.outerStride(), (from.data() + j * from.outerStride())...);
}

}  // namespace unroll::detail
