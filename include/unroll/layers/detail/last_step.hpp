#pragma once
// Selection of the last valid step of every sequence, and its gradient.

#include <span>
#include <utility>

#include "unroll/core/timeline.hpp"
#include "unroll/engine/over_time.hpp"

namespace unroll::detail {

/// Column of the last step of a sequence in a direction. The length must not be 0.
inline Index last_column(const Timeline& timeline, Index rank, Direction direction) {
  return timeline.offset(direction == Direction::forward ? timeline.length(rank) - 1 : 0) + rank;
}

/// Copies the last steps to `to` [rows x batch, by rank]; 0 for sequences without steps.
template <class From, class To>
void gather_last(const From& from, const Timeline& timeline, Direction direction, To&& to) {
  for (Index r = 0; r < timeline.batch(); ++r)
    if (timeline.length(r) > 0)
      to.col(r) = from.col(last_column(timeline, r, direction));
    else
      to.col(r).setZero();
}

/// Gradient of gather_last; zero at all other steps.
template <class From, class To>
void scatter_last(const From& from, const Timeline& timeline, Direction direction, To&& to) {
  to.setZero();
  for (Index r = 0; r < timeline.batch(); ++r)
    if (timeline.length(r) > 0) to.col(last_column(timeline, r, direction)) = from.col(r);
}

/// Gradients of a pass from those of its last outputs: of the outputs of all steps [rows x columns] and of the final
/// states, by sample. If the output is a state, the last output is a final state, and the outputs have no separate
/// gradient.
template <class S>
struct LastGradients {
  ConstView<S> d_output;
  std::span<const MatrixX<S>> d_final;
};

/// Gradients of a pass for the gradients `d_last` [rows x batch, by rank] of the last outputs and `d_final` of the
/// final states, in memory of the caller. The pass checks the shapes of `d_final`.
template <Cell C>
auto of_last_outputs(const C& cell, const ConstView<typename C::Scalar>& d_last,
                     std::span<const MatrixX<typename C::Scalar>> d_final, const Timeline& timeline,
                     Direction direction, Buffer<typename C::Scalar>& d_steps, State<typename C::Scalar>& d_ends)
    -> LastGradients<typename C::Scalar> {
  using S = typename C::Scalar;
  if constexpr (C::output_state < 0) {
    auto all = d_steps.shape(cell.output_rows(), timeline.columns());
    scatter_last(d_last, timeline, direction, all);
    return {view(std::as_const(all)), d_final};
  } else {
    constexpr auto output = std::size_t(C::output_state);
    const auto fits = [&](const MatrixX<S>& end) { return end.rows() == d_last.rows() && end.cols() == d_last.cols(); };
    if (!d_final.empty() && (d_final.size() != std::size_t(C::states) || !fits(d_final[output])))
      return {nothing<S>(), d_final};  // the pass refuses it
    d_ends.resize(std::size_t(C::states));
    for (std::size_t s = 0; s < d_ends.size(); ++s)
      if (d_final.empty())
        d_ends[s].setZero(cell.state_rows(int(s)), timeline.batch());
      else
        d_ends[s] = d_final[s];
    for (Index r = 0; r < timeline.batch() && timeline.length(r) > 0; ++r)  // the longest sequences are first
      d_ends[output].col(timeline.sample(r)) += d_last.col(r);
    return {nothing<S>(), d_ends};
  }
}

/// Numbers that of_last_outputs stores for `columns` columns of `batch` sequences.
template <Cell C>
Index kept_of_last_outputs(const C& cell, Index columns, Index batch) {
  if constexpr (C::output_state < 0) return cell.output_rows() * columns;
  Index rows = 0;
  for (int s = 0; s < C::states; ++s) rows += cell.state_rows(s);
  return rows * batch;
}

}  // namespace unroll::detail
