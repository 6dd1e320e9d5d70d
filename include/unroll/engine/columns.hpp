#pragma once
// Copies of columns. These functions do not depend on a cell and are not inlined, so a program compiles them once.

#include <algorithm>

#include "unroll/core/timeline.hpp"
#include "unroll/core/types.hpp"

namespace unroll::detail {

/// Copies columns of `rows` numbers.
template <class S>
[[gnu::noinline]] void copy_columns(Strided<const S> from, Index rows, Index columns, Strided<S> to) {
  for (Index c = 0; c < columns; ++c) std::copy_n(from.at(0, c), rows, to.at(0, c));
}

/// Copies one column per sequence from the order of samples to that of ranks. Without `from`, all columns are 0.
template <class S>
[[gnu::noinline]] void order_by_rank(const MatrixX<S>* from, Index rows, const Timeline& timeline, Strided<S> to) {
  for (Index r = 0; r < timeline.batch(); ++r)
    if (from == nullptr)
      std::fill_n(to.at(0, r), rows, S(0));
    else
      std::copy_n(from->data() + timeline.sample(r) * rows, rows, to.at(0, r));
}

/// The same from the order of ranks to that of samples; `to` gets the shape [rows x batch].
template <class S>
[[gnu::noinline]] void order_by_sample(Strided<const S> from, Index rows, const Timeline& timeline, MatrixX<S>& to) {
  to.resize(rows, timeline.batch());
  for (Index r = 0; r < timeline.batch(); ++r) std::copy_n(from.at(0, r), rows, to.data() + timeline.sample(r) * rows);
}

}  // namespace unroll::detail
