#pragma once
// Forward and backward pass of a cell over an interval of steps whose values are all kept.
//
// The columns of a step continue the first columns of the step before. A step therefore has one or two runs of columns
// with contiguous previous states: the sequences that continue and, if the direction is backward, those that start from
// their initial state because it is their last step. No states are copied to align them.
//
// Steps are processed in chunks that fit into the cache: state-independent work is done for a whole chunk before its
// steps are run forward, and sums over columns in gradients are computed for a whole chunk after its steps are run
// backward. With threads, one thread runs the steps, and the others do the work of whole chunks. All sums keep their
// order, so the results have the same bits.

#include <algorithm>
#include <utility>

#include "unroll/engine/columns.hpp"
#include "unroll/engine/tape.hpp"
#include "unroll/threads/chunk_pipeline.hpp"

namespace unroll::detail {

/// A pass over an interval. The timeline must have the columns of the tape and of all arguments.
template <Cell C>
class IntervalPass {
  using Scalar = typename C::Scalar;
  static constexpr int states = C::states;
  using StepOf = Step<Scalar, states>;

 public:
  IntervalPass(const C& cell, const typename C::Weights& weights, const Timeline& timeline, Direction direction,
               Tape<C>& tape)
      : cell_(cell), weights_(weights), timeline_(timeline), direction_(direction), tape_(tape) {}

  /// Forward pass. `initial` is empty (all zero) or has each state [rows x batch], by sample. The output is written to
  /// `output`.
  void forward(const Inputs<Scalar>& inputs, std::span<const MatrixX<Scalar>> initial, Strided<Scalar> output,
               ThreadPool* threads) {
    begin_states(initial, output);
    cell_.make_room(weights_, timeline_, tape_.work);
    auto& chunks = tape_.chunks;
    chunks.clear();
    for (Index done = 0; done < timeline_.steps(); done += chunks.back().last - chunks.back().first)
      chunks.push_back(next_chunk(done));
    run_chunks(
        shared(threads), Index(chunks.size()),
        [&](Index k) {
          const auto [first, last] = chunks[std::size_t(k)];
          cell_.project(weights_, inputs, timeline_, first, last, tape_.work);
        },
        [&](Index chunk) {
          const auto [first, last] = chunks[std::size_t(chunk)];
          for (Index k = first; k < last; ++k) {
            const Index t = direction_ == Direction::forward ? k : last - 1 - (k - first);
            each_run(t, [&](const StepOf& step) { cell_.step(weights_, step, tape_.work); });
          }
        },
        NoWork{}, finish(chunks));
  }

  /// State after the last step of each sequence, by sample; the initial state of a sequence without steps.
  void final_state(std::span<MatrixX<Scalar>> to) const {
    for (int s = 0; s < states; ++s) {
      const Index rows = cell_.state_rows(s);
      MatrixX<Scalar>& state = to[std::size_t(s)];
      order_by_sample<Scalar>(tape_.initial[s].strided(), rows, timeline_, state);
      for (Index r = 0; r < timeline_.batch() && timeline_.length(r) > 0; ++r)  // the longest sequences are first
        std::copy_n(tape_.after[s].at(0, last_column(r)), rows, state.data() + timeline_.sample(r) * rows);
    }
  }

  /// Backward pass. Replaces the gradients after the last step in tape.d_state by those before the first step, adds to
  /// `gradient`, and writes `d_inputs` or adds to them.
  void backward(const Inputs<Scalar>& inputs, const ConstView<Scalar>& d_output, Scalar* gradient,
                const InputGradients<Scalar>& d_inputs, bool add_to_inputs, ThreadPool* threads) {
    auto& chunks = tape_.chunks;
    chunks.clear();
    for (Index done = timeline_.steps(); done > 0; done -= chunks.back().last - chunks.back().first)
      chunks.push_back(previous_chunk(done));
    run_chunks(
        shared(threads), Index(chunks.size()), finish_back(chunks, d_output),
        [&](Index chunk) {
          const auto [first, last] = chunks[std::size_t(chunk)];
          for (Index k = last - 1; k >= first; --k) {
            const Index t = direction_ == Direction::forward ? k : first + (last - 1 - k);
            each_run(t, [&](const StepOf& step) { cell_.step_back(weights_, back(step, d_output), tape_.work); });
            if (tape_.detach_every > 0) detach_before(t);
          }
          if constexpr (shares_chunks) cell_.end_chunk(tape_.work);
        },
        [&](Index k, int lane, int lanes) {
          const auto [first, last] = chunks[std::size_t(k)];
          const StepOf columns = chunk(first, last, tape_.before[std::size_t(lane)]);
          if constexpr (shares_chunks)
            cell_.collect(weights_, columns, inputs, gradient, tape_.work, {lane, lanes});
          else
            cell_.collect(weights_, columns, inputs, gradient, tape_.work);
        },
        [&](Index k) {
          const auto [first, last] = chunks[std::size_t(k)];
          const Index column = timeline_.offset(first);
          cell_.pull_inputs(weights_, column, timeline_.offset(last) - column, d_inputs, add_to_inputs, tape_.work);
        });
  }

  /// Adds the gradients of the inputs, after a backward pass that did not compute them.
  void add_input_gradients(const InputGradients<Scalar>& d_inputs) {
    const Index most = chunk_columns(cell_);
    for (Index first = 0; first < timeline_.columns(); first += most)
      cell_.pull_inputs(weights_, first, std::min(most, timeline_.columns() - first), d_inputs, true, tape_.work);
  }

  StepOf all_columns() {
    StepOf all = step_at(0, timeline_.columns(), 0);
    for (int s = 0; s < states; ++s) all.before[s] = states_before(s, 0, timeline_.steps(), tape_.before[0][s]);
    return all;
  }

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

 private:
  /// Whether `project`, `collect` and `pull_inputs` of a chunk may run while another thread runs the steps of others.
  static constexpr bool shares_chunks = requires(const C& cell, typename C::Work& work) { cell.end_chunk(work); };
  static ThreadPool* shared(ThreadPool* threads) { return shares_chunks ? threads : nullptr; }

  /// Work that a cell does for the steps of a chunk together after or, in the backward pass, before its steps.
  static constexpr bool finishes = [] {
    if constexpr (requires { C::finishes; })
      return C::finishes;
    else
      return false;
  }();
  auto finish(const std::vector<StepRange>& chunks) {
    if constexpr (!finishes)
      return NoWork{};
    else
      return [this, &chunks](Index k) { cell_.finish(weights_, columns_of(chunks[std::size_t(k)]), tape_.work); };
  }
  auto finish_back(const std::vector<StepRange>& chunks, const ConstView<Scalar>& d_output) {
    if constexpr (!finishes)
      return NoWork{};
    else
      return [this, &chunks, &d_output](Index k) {
        cell_.finish_back(weights_, back(columns_of(chunks[std::size_t(k)]), d_output), tape_.work);
      };
  }

  // ---- steps

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

  StepBack<Scalar, states> back(const StepOf& step, const ConstView<Scalar>& d_output) const {
    StepBack<Scalar, states> back;
    static_cast<StepOf&>(back) = step;
    for (int s = 0; s < states; ++s) back.d_state[s] = tape_.d_state[s].strided().from_column(step.rank);
    if (d_output.data() != nullptr)
      back.d_output = Strided<const Scalar>{d_output.data(), d_output.outerStride()}.from_column(step.first);
    return back;
  }

  /// Removes the gradient of the states before step t if its number is a multiple of tape.detach_every.
  void detach_before(Index t) {
    const Index step = tape_.intervals[tape_.present].first + t;
    if (step == 0 || step % tape_.detach_every != 0) return;
    for (int s = 0; s < states; ++s) tape_.d_state[s].view().leftCols(timeline_.active(t)).setZero();
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

  // ---- initial states

  void begin_states(std::span<const MatrixX<Scalar>> initial, Strided<Scalar> output) {
    for (int s = 0; s < states; ++s) {
      const Index rows = cell_.state_rows(s);
      tape_.initial[s].shape(rows, timeline_.batch());
      order_by_rank(initial.empty() ? nullptr : &initial[std::size_t(s)], rows, timeline_, tape_.initial[s].strided());
      if (s != C::output_state) tape_.states[s].shape(rows, timeline_.columns());
      tape_.after[s] = s == C::output_state ? output : tape_.states[s].strided();
    }
    tape_.interval_output = output;
  }

  const C& cell_;
  const typename C::Weights& weights_;
  const Timeline& timeline_;
  Direction direction_;
  Tape<C>& tape_;
};

}  // namespace unroll::detail
