#pragma once
// Time lives here and nowhere else: any cell over a timeline, forward and back, in both directions.
//
// Columns of a step continue the first columns of the step before, so a step is one or two runs of columns whose states
// before it lie next to each other: those that continue, and, where the direction is backward, those that join with
// their initial state because it is their last step. Nothing is copied to line them up.
//
// Steps are taken in chunks that stay in the cache: what needs no state is done for a whole chunk before its steps are
// run, and gradients that sum over columns are collected for a whole chunk after its steps have been run back.

#include <utility>

#include "unroll/core/buffer.hpp"
#include "unroll/engine/cell.hpp"
#include "unroll/engine/state.hpp"

namespace unroll {

enum class Direction { forward, backward };

/// What a pass keeps for the way back, and the buffers of the way back. Reused from batch to batch.
template <Cell C>
struct Tape {
  using Scalar = typename C::Scalar;
  template <class T>
  using PerState = Table<T, C::states>;

  typename C::Work work;
  PerState<Buffer<Scalar>> initial;  ///< [rows x batch], by rank
  PerState<Buffer<Scalar>> after;    ///< [rows x columns]
  Buffer<Scalar> output;             ///< [rows x columns], only for cells whose output is no state
  PerState<Buffer<Scalar>> d_state;  ///< [rows x batch], by rank
  PerState<Buffer<Scalar>> before;   ///< states before the steps of a chunk, where they do not lie side by side
};

template <Cell C>
class OverTime {
  static_assert(check_cell<C>());
  using Scalar = typename C::Scalar;
  static constexpr int states = C::states;
  using StepOf = Step<Scalar, states>;

 public:
  OverTime(const C& cell, const Scalar* theta, const Timeline& timeline, Direction direction, Tape<C>& tape)
      : cell_(cell), theta_(theta), timeline_(timeline), direction_(direction), tape_(tape) {}

  /// Runs the cell over all steps. `initial` is empty (all zero) or gives each state [rows x batch], by sample.
  void forward(const Inputs<Scalar>& inputs, std::span<const Matrix<Scalar>> initial = {}) {
    check(inputs, initial);
    begin_states(initial);
    cell_.begin(theta_, inputs, timeline_, tape_.work);
    for (Index done = 0; done < timeline_.steps();) {
      const auto [first, last] = next_chunk(done);
      cell_.project(inputs, timeline_, first, last, tape_.work);
      for (Index k = first; k < last; ++k) {
        const Index t = direction_ == Direction::forward ? k : last - 1 - (k - first);
        each_run(t, [&](const StepOf& step) { cell_.step(step, tape_.work); });
      }
      done += last - first;
    }
  }

  /// What the cell hands on [output rows x columns].
  ConstView<Scalar> output() const {
    if constexpr (C::output_state >= 0)
      return std::as_const(tape_.after[C::output_state]).view();
    else
      return std::as_const(tape_.output).view();
  }

  /// The states after the last step of each sequence, by sample; its initial state for one without steps.
  void final_state(std::span<Matrix<Scalar>> to) const {
    for (int s = 0; s < states; ++s) {
      to[std::size_t(s)].resize(cell_.state_rows(s), timeline_.batch());
      for (Index r = 0; r < timeline_.batch(); ++r) {
        auto column = to[std::size_t(s)].col(timeline_.sample(r));
        if (timeline_.length(r) == 0)
          column = tape_.initial[s].view().col(r);
        else
          column = tape_.after[s].view().col(last_column(r));
      }
    }
  }

  /// Runs back over all steps. `d_output` [output rows x columns] and `d_final` (each state by sample) may be empty
  /// where nothing reached them. Adds to `gradient`, overwrites `d_inputs`, and `d_initial` where it is given.
  void backward(const Inputs<Scalar>& inputs, ConstView<Scalar> d_output, std::span<const Matrix<Scalar>> d_final,
                Scalar* gradient, const InputGradients<Scalar>& d_inputs, std::span<Matrix<Scalar>> d_initial = {}) {
    check_gradients(d_output, d_final);
    begin_gradients(d_final);
    cell_.begin_back(theta_, timeline_, tape_.work);
    for (Index done = timeline_.steps(); done > 0;) {
      const auto [first, last] = previous_chunk(done);
      for (Index k = last - 1; k >= first; --k) {
        const Index t = direction_ == Direction::forward ? k : first + (last - 1 - k);
        each_run(t, [&](const StepOf& step) { cell_.step_back(back(step, d_output), tape_.work); });
      }
      cell_.collect(chunk(first, last), inputs, gradient, d_inputs, tape_.work);
      done -= last - first;
    }
    cell_.end_back(inputs, gradient, d_inputs, tape_.work);
    for (std::size_t s = 0; s < d_initial.size(); ++s) {
      d_initial[s].resize(cell_.state_rows(int(s)), timeline_.batch());
      for (Index r = 0; r < timeline_.batch(); ++r)
        d_initial[std::size_t(s)].col(timeline_.sample(r)) = tape_.d_state[int(s)].view().col(r);
    }
  }

  /// As many columns as keep about 256 KB, half of a small second-level cache. A chunk has one step at least.
  static Index chunk_columns(const C& cell) {
    Index rows = cell.kept_rows() + cell.output_rows();
    for (int k = 0; k < cell.inputs(); ++k) rows += cell.input_rows(k);
    return std::max<Index>(1, 256 * 1024 / (rows * Index(sizeof(Scalar))));
  }
  /// A cell may say which states its `collect` reads.
  static constexpr bool collects_state(int s) {
    if constexpr (requires { C::collects_state(s); })
      return C::collects_state(s);
    else
      return true;
  }

  /// All columns as one piece, for tracing.
  StepOf all_columns() {
    StepOf all = step_at(0, timeline_.columns(), 0);
    for (int s = 0; s < states; ++s) all.before[s] = states_before(s, 0, timeline_.steps());
    return all;
  }

 private:
  // ---- steps

  StepOf step_at(Index first, Index columns, Index rank) const {
    StepOf step{.first = first, .columns = columns, .rank = rank};
    for (int s = 0; s < states; ++s) step.after[s] = tape_.after[s].strided().from_column(first);
    step.output = tape_.output.strided().from_column(first);
    return step;
  }

  /// Sequences that continue from the step before in the direction of the pass; the others of step t begin here.
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
      for (int s = 0; s < states; ++s) step.before[s] = tape_.after[s].strided().from_column(timeline_.offset(before));
      f(step);
    }
    if (split < active) {
      StepOf step = step_at(timeline_.offset(t) + split, active - split, split);
      for (int s = 0; s < states; ++s) step.before[s] = tape_.initial[s].strided().from_column(split);
      f(step);
    }
  }

  StepBack<Scalar, states> back(const StepOf& step, const ConstView<Scalar>& d_output) const {
    StepBack<Scalar, states> back;
    static_cast<StepOf&>(back) = step;
    for (int s = 0; s < states; ++s) back.d_state[s] = tape_.d_state[s].strided().from_column(step.rank);
    if (d_output.data() != nullptr)
      back.d_output = Strided<const Scalar>{d_output.data(), d_output.outerStride()}.from_column(step.first);
    return back;
  }

  // ---- chunks of steps

  struct Range {
    Index first, last;
  };

  /// The steps after the first `done` in the direction of the pass.
  Range next_chunk(Index done) const {
    const Index steps = timeline_.steps(), most = chunk_columns(cell_);
    Index count = 1;
    if (direction_ == Direction::forward) {
      while (done + count < steps && timeline_.offset(done + count + 1) - timeline_.offset(done) <= most) ++count;
      return {done, done + count};
    }
    const Index last = steps - done;
    while (count < last && timeline_.offset(last) - timeline_.offset(last - count - 1) <= most) ++count;
    return {last - count, last};
  }

  /// The steps before the last of the first `done` ones, for the way back.
  Range previous_chunk(Index done) const {
    const Index steps = timeline_.steps(), most = chunk_columns(cell_);
    Index count = 1;
    if (direction_ == Direction::forward) {
      while (count < done && timeline_.offset(done) - timeline_.offset(done - count - 1) <= most) ++count;
      return {done - count, done};
    }
    const Index first = steps - done;
    while (first + count < steps && timeline_.offset(first + count + 1) - timeline_.offset(first) <= most) ++count;
    return {first, first + count};
  }

  StepOf chunk(Index first, Index last) {
    StepOf chunk = step_at(timeline_.offset(first), timeline_.offset(last) - timeline_.offset(first), 0);
    for (int s = 0; s < states; ++s)
      if (collects_state(s)) chunk.before[s] = states_before(s, first, last);
    return chunk;
  }

  /// The states before the steps [first, last), column for column: in place where they lie side by side, else copied
  /// together.
  Strided<const Scalar> states_before(int s, Index first, Index last) {
    const Index before = direction_ == Direction::forward ? first - 1 : first + 1;
    if (side_by_side(first, last)) return tape_.after[s].strided().from_column(timeline_.offset(before));
    auto together = tape_.before[s].shape(cell_.state_rows(s), timeline_.offset(last) - timeline_.offset(first));
    for (Index t = first; t < last; ++t)
      each_run(t, [&](const StepOf& step) {
        together.middleCols(step.first - timeline_.offset(first), step.columns) =
            step.before[s].view(together.rows(), step.columns);
      });
    return tape_.before[s].strided();
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

  // ---- states and gradients at the ends

  void begin_states(std::span<const Matrix<Scalar>> initial) {
    for (int s = 0; s < states; ++s) {
      auto to = tape_.initial[s].shape(cell_.state_rows(s), timeline_.batch());
      if (initial.empty())
        to.setZero();
      else
        for (Index r = 0; r < timeline_.batch(); ++r) to.col(r) = initial[std::size_t(s)].col(timeline_.sample(r));
      tape_.after[s].shape(cell_.state_rows(s), timeline_.columns());
    }
    if constexpr (C::output_state < 0) tape_.output.shape(cell_.output_rows(), timeline_.columns());
  }

  void begin_gradients(std::span<const Matrix<Scalar>> d_final) {
    for (int s = 0; s < states; ++s) {
      auto to = tape_.d_state[s].shape(cell_.state_rows(s), timeline_.batch());
      if (d_final.empty())
        to.setZero();
      else
        for (Index r = 0; r < timeline_.batch(); ++r) to.col(r) = d_final[std::size_t(s)].col(timeline_.sample(r));
    }
  }

  // ---- what callers get wrong

  void check(const Inputs<Scalar>& inputs, std::span<const Matrix<Scalar>> initial) const {
    require<ShapeError>(Index(inputs.steps.size()) == cell_.inputs(), "expects ", cell_.inputs(), " inputs, got ",
                        inputs.steps.size());
    require<ShapeError>(Index(inputs.constants.size()) == cell_.constants(), "expects ", cell_.constants(),
                        " constants, got ", inputs.constants.size());
    for (int k = 0; k < cell_.inputs(); ++k)
      check_shape("input", k, inputs.steps[std::size_t(k)].rows(), inputs.steps[std::size_t(k)].cols(),
                  cell_.input_rows(k), timeline_.columns());
    for (int k = 0; k < cell_.constants(); ++k)
      check_shape("constant", k, inputs.constants[std::size_t(k)].rows(), inputs.constants[std::size_t(k)].cols(),
                  cell_.constant_rows(k), timeline_.batch());
    check_states("initial state", initial);
  }

  void check_gradients(const ConstView<Scalar>& d_output, std::span<const Matrix<Scalar>> d_final) const {
    if (d_output.data() != nullptr)
      check_shape("gradient of output", 0, d_output.rows(), d_output.cols(), cell_.output_rows(), timeline_.columns());
    check_states("gradient of final state", d_final);
  }

  void check_states(std::string_view what, std::span<const Matrix<Scalar>> given) const {
    require<ShapeError>(given.empty() || given.size() == std::size_t(states), what, ": expects ", states,
                        " matrices, got ", given.size());
    for (std::size_t s = 0; s < given.size(); ++s)
      check_shape(what, int(s), given[s].rows(), given[s].cols(), cell_.state_rows(int(s)), timeline_.batch());
  }

  static void check_shape(std::string_view what, int k, Index rows, Index cols, Index want_rows, Index want_cols) {
    require<ShapeError>(rows == want_rows, what, " ", k, ": expects ", want_rows, " features, got ", rows);
    require<ShapeError>(cols == want_cols, what, " ", k, ": expects ", want_cols, " columns, got ", cols);
  }

  const C& cell_;
  const Scalar* theta_;
  const Timeline& timeline_;
  Direction direction_;
  Tape<C>& tape_;
};

}  // namespace unroll
