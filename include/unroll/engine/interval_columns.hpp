#pragma once
// Columns of an interval: those of its steps and chunks, with the states around them.
//
// The columns of a step continue the first columns of the step before. A step therefore has one or two runs of columns
// with contiguous previous states: the sequences that continue and, if the direction is backward, those that start from
// their initial state because it is their last step. No states are copied to align them.

#include <algorithm>
#include <utility>

#include "unroll/engine/columns.hpp"
#include "unroll/engine/tape.hpp"

namespace unroll::detail {

/// Columns of an interval of a pass, whose timeline has the columns of the tape.
template <Cell C>
class IntervalColumns {
 protected:
  using Scalar = typename C::Scalar;
  static constexpr int states = C::states;
  using StepOf = Step<Scalar, states>;

 public:
  IntervalColumns(const C& cell, const Timeline& timeline, Direction direction, Tape<C>& tape)
      : cell_(cell), timeline_(timeline), direction_(direction), tape_(tape) {}

  /// Maximum columns of a chunk. A chunk holds about 256 KB, half of a small second-level cache, but at least 128
  /// columns, so that sums of gradients are rarely written to memory. A chunk has at least one step.
  static Index chunk_columns(const C& cell) {
    Index rows = cell.kept_rows() + cell.output_rows();
    for (int k = 0; k < cell.inputs(); ++k) rows += cell.input_rows(k);
    return std::max<Index>(128, 256 * 1024 / (rows * Index(sizeof(Scalar))));
  }
  /// True if `collect` reads state s before the step. A cell may define this; the default is true.
  static constexpr bool collects_state(int s) {
    if constexpr (requires { C::collects_state(s); })
      return C::collects_state(s);
    else
      return true;
  }

  /// Chunk after the first `done` steps in the direction of the pass.
  StepRange next_chunk(Index done) const {
    return direction_ == Direction::forward ? chunk_from(done) : chunk_until(timeline_.steps() - done);
  }
  /// Last chunk of the first `done` steps, for the backward pass.
  StepRange previous_chunk(Index done) const {
    return direction_ == Direction::forward ? chunk_until(done) : chunk_from(timeline_.steps() - done);
  }

 protected:
  StepOf step_at(Index first, Index columns, Index rank) const {
    StepOf step{.first = first, .columns = columns, .rank = rank};
    for (int s = 0; s < states; ++s) step.after[s] = tape_.after[s].from_column(first);
    step.output = tape_.interval_output.from_column(first);
    return step;
  }

  /// Number of sequences of step t that continue from the step before it in the direction of the pass; the others start
  /// at t.
  Index continuing(Index t) const {
    if (direction_ == Direction::forward) return t > 0 ? timeline_.active(t) : 0;
    return t + 1 < timeline_.steps() ? timeline_.active(t + 1) : 0;
  }

  template <class F>
  void each_run(Index t, F&& f) const {
    const Index before = direction_ == Direction::forward ? t - 1 : t + 1, split = continuing(t),
                active = timeline_.active(t);
    if (split > 0) {
      StepOf step = step_at(timeline_.offset(t), split, 0);
      for (int s = 0; s < states; ++s) step.before[s] = tape_.after[s].from_column(timeline_.offset(before));
      f(step);
    }
    if (split < active) {
      StepOf step = step_at(timeline_.offset(t) + split, active - split, split);
      for (int s = 0; s < states; ++s) step.before[s] = tape_.initial[s].strided().from_column(split);
      f(step);
    }
  }

  /// Calls f for the columns of these steps whose outputs are read: all at once, or the last steps of the sequences.
  template <class F>
  void each_output(StepRange steps, F&& f) const {
    if (!tape_.only_last) return f(columns_of(steps));
    for (Index t = steps.first; t < steps.last; ++t)
      if (const Index rank = going_on(t), active = timeline_.active(t); rank < active)
        f(step_at(timeline_.offset(t) + rank, active - rank, rank));
  }

  /// Number of sequences of step t that have a next step of the interval, in the direction of the pass.
  Index going_on(Index t) const {
    const Index next = direction_ == Direction::forward ? t + 1 : t - 1;
    return next < 0 || next == timeline_.steps() ? 0 : std::min(timeline_.active(t), timeline_.active(next));
  }

  /// Columns `from` to `to` - 1 of a step.
  static StepOf part_of(StepOf step, Index from, Index to) {
    step.first += from, step.rank += from, step.columns = to - from;
    for (int s = 0; s < states; ++s)
      step.before[s] = step.before[s].from_column(from), step.after[s] = step.after[s].from_column(from);
    step.output = step.output.from_column(from);
    return step;
  }

  // ---- chunks of steps

  StepRange chunk_from(Index first) const {
    const Index most = chunk_columns(cell_);
    Index last = first + 1;
    while (last < timeline_.steps() && timeline_.offset(last + 1) - timeline_.offset(first) <= most) ++last;
    return {first, last};
  }
  StepRange chunk_until(Index last) const {
    const Index most = chunk_columns(cell_);
    Index first = last - 1;
    while (first > 0 && timeline_.offset(last) - timeline_.offset(first - 1) <= most) --first;
    return {first, last};
  }

  /// The columns of a chunk, without the states before the steps.
  StepOf columns_of(StepRange steps) const {
    return step_at(timeline_.offset(steps.first), timeline_.offset(steps.last) - timeline_.offset(steps.first), 0);
  }

  StepOf chunk(Index first, Index last, Table<Buffer<Scalar>, states>& copies) const {
    StepOf chunk = columns_of({first, last});
    for (int s = 0; s < states; ++s)
      if (collects_state(s)) chunk.before[s] = states_before(s, first, last, copies[s]);
    return chunk;
  }

  /// States before the steps [first, last), in the columns of these steps: in place if contiguous, else copied.
  Strided<const Scalar> states_before(int s, Index first, Index last, Buffer<Scalar>& copy) const {
    const Index before = direction_ == Direction::forward ? first - 1 : first + 1;
    if (side_by_side(first, last)) return tape_.after[s].from_column(timeline_.offset(before));
    auto together = copy.shape(cell_.state_rows(s), timeline_.offset(last) - timeline_.offset(first));
    for (Index t = first; t < last; ++t)
      each_run(t, [&](const StepOf& step) {
        copy_columns(
            step.before[s], together.rows(), step.columns,
            Strided<Scalar>{together.data(), together.outerStride()}.from_column(step.first - timeline_.offset(first)));
      });
    return std::as_const(copy).strided();
  }

  bool side_by_side(Index first, Index last) const {
    if (direction_ == Direction::forward)
      return first > 0 && first < last &&
             timeline_.active(first - 1) == timeline_.active(std::max(first - 1, last - 2));
    return last < timeline_.steps() && first < last && timeline_.active(first) == timeline_.active(last);
  }

  Index last_column(Index rank) const {
    const Index t = direction_ == Direction::forward ? timeline_.length(rank) - 1 : 0;
    return timeline_.offset(t) + rank;
  }

  const C& cell_;
  const Timeline& timeline_;
  Direction direction_;
  Tape<C>& tape_;
};

}  // namespace unroll::detail
