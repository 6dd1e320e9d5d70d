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

/// Sums of the `n` elements of f(from[i]...), an array, over i < count. Each is the sum of four sums, so that an
/// addition does not wait for the previous one.
template <std::size_t n, class Scalar, class F, class... From>
std::array<Scalar, n> sums_run(Index count, const F& f, const Scalar* first, const From*... from) {
  using R = Run<Scalar>;
  using V = typename R::V;
  std::array<std::array<V, 4>, n> sums;
  for (auto& four : sums) four.fill(V::constant(0));
  const auto add = [&](Index i, auto lanes, std::size_t k) __attribute__((always_inline)) {
    const auto terms = f(R::load(first + i, lanes), R::load(from + i, lanes)...);
    for (std::size_t s = 0; s < n; ++s) sums[s][k] += R::only(terms[s], lanes);
  };
  Index done = 0;
  for (constexpr typename R::Whole whole; done + 4 * V::size <= count; done += 4 * V::size) {
    add(done, whole, 0);
    add(done + V::size, whole, 1);
    add(done + 2 * V::size, whole, 2);
    add(done + 3 * V::size, whole, 3);
  }
  R::each(count - done, [&](Index i, auto lanes) { add(done + i, lanes, 0); });
  std::array<Scalar, n> all;
  for (std::size_t s = 0; s < n; ++s) all[s] = lane_sum((sums[s][0] + sums[s][1]) + (sums[s][2] + sums[s][3]));
  return all;
}

/// Sum of f(from[i]...) over i < count.
template <class Scalar, class F, class... From>
Scalar sum_run(Index count, const F& f, const Scalar* first, const From*... from) {
  return sums_run<1>(
      count, [&](auto... v) { return std::array{f(v...)}; }, first, from...)[0];
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
