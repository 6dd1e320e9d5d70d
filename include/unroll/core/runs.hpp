#pragma once
// Formulas over runs of numbers in memory, a register at a time.
//
// Registers are counted from the first number of a run, and the rest goes through one partly filled register. So a
// result depends on the numbers alone. Eigen's expressions begin at an aligned address and treat what lies in front of
// it one by one, partly by other functions: there the bits of a column depend on its place in memory.

#include "unroll/core/lanes.hpp"
#include "unroll/core/types.hpp"

namespace unroll::detail {

/// to[i] = f(from[i]...) for `count` numbers; `to` may be one of those it is made from.
template <class Scalar, class F, class... From>
void map_run(Index count, const F& f, Scalar* to, const From*... from) {
  using V = NativeLanes<Scalar>;
  Index i = 0;
  for (; i + V::size <= count; i += V::size) f(V::load(from + i)...).store(to + i);
  const int rest = static_cast<int>(count - i);
  if (rest > 0) f(V::load_partial(from + i, rest)...).store_partial(to + i, rest);
}

/// The sum of f(from[i]...) for `count` numbers.
template <class Scalar, class F, class... From>
Scalar sum_run(Index count, const F& f, const Scalar* first, const From*... from) {
  using V = NativeLanes<Scalar>;
  V sum = V::constant(0);
  Index i = 0;
  for (; i + V::size <= count; i += V::size) sum += f(V::load(first + i), V::load(from + i)...);
  const int rest = static_cast<int>(count - i);
  // f of the empty lanes need not be 0.
  if (rest > 0) sum += f(V::load_partial(first + i, rest), V::load_partial(from + i, rest)...).leading(rest);
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
