#pragma once
// Forward and backward pass of a cell over an interval of steps whose values are all kept.
//
// Steps are processed in chunks that fit into the cache: state-independent work is done for a whole chunk before its
// steps are run forward, and sums over columns in gradients are computed for a whole chunk after its steps are run
// backward. With threads, one thread runs the steps, and the others do the work of whole chunks. All sums keep their
// order, so the results have the same bits.

#include <utility>

#include "unroll/engine/interval_columns.hpp"
#include "unroll/threads/chunk_pipeline.hpp"

namespace unroll::detail {

/// A pass over an interval. The timeline must have the columns of the tape and of all arguments.
template <Cell C>
class IntervalPass : public IntervalColumns<C> {
  using Columns = IntervalColumns<C>;
  using Columns::cell_, Columns::timeline_, Columns::direction_, Columns::tape_, Columns::states;
  using Columns::step_at, Columns::each_run, Columns::each_output, Columns::going_on, Columns::part_of,
      Columns::columns_of, Columns::chunk, Columns::states_before, Columns::last_column;
  using typename Columns::Scalar, typename Columns::StepOf;

 public:
  IntervalPass(const C& cell, const typename C::Weights& weights, const Timeline& timeline, Direction direction,
               Tape<C>& tape)
      : Columns(cell, timeline, direction, tape), weights_(weights) {}

  using Columns::next_chunk, Columns::previous_chunk;

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
        [&](Index number) {
          const auto [first, last] = chunks[std::size_t(number)];
          for (Index k = first; k < last; ++k) {
            const Index t = direction_ == Direction::forward ? k : last - 1 - (k - first);
            each_run(t, [&](const StepOf& step) { cell_.step(weights_, step, tape_.work); });
          }
        },
        NoWork{}, finish(chunks, inputs));
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
        [&](Index number) {
          const auto [first, last] = chunks[std::size_t(number)];
          for (Index k = last - 1; k >= first; --k) {
            const Index t = direction_ == Direction::forward ? k : first + (last - 1 - k);
            step_back(t, d_output);
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
          if constexpr (finishes)
            each_output({first, last}, [&](const StepOf& outputs) {
              cell_.finish_collect(weights_, outputs, inputs, gradient, tape_.work, {lane, lanes});
            });
        },
        [&](Index k) { pull_inputs(chunks[std::size_t(k)], d_inputs, add_to_inputs); });
  }

  /// Adds the gradients of the inputs, after a backward pass that did not compute them.
  void add_input_gradients(const InputGradients<Scalar>& d_inputs) {
    for (Index done = timeline_.steps(); done > 0;) {
      const StepRange steps = previous_chunk(done);
      pull_inputs(steps, d_inputs, true);
      done -= steps.last - steps.first;
    }
  }

  /// All columns. The outputs that the forward pass left out are computed.
  StepOf all_columns(const Inputs<Scalar>& inputs) {
    if constexpr (finishes)
      if (tape_.only_last && !inputs.steps.empty())
        cell_.finish(weights_, inputs, columns_of({0, timeline_.steps()}), tape_.work);
    StepOf all = step_at(0, timeline_.columns(), 0);
    for (int s = 0; s < states; ++s) all.before[s] = states_before(s, 0, timeline_.steps(), tape_.before[0][s]);
    return all;
  }

 private:
  void step_back(Index t, const ConstView<Scalar>& d_output) {
    if constexpr (requires { C::finishes_some; })
      if (tape_.only_last) {
        // The columns with an output are the last ones of the step.
        const Index first = timeline_.offset(t) + going_on(t);
        return each_run(t, [&](const StepOf& step) {
          const Index without = std::clamp<Index>(first - step.first, 0, step.columns);
          if (without > 0) cell_.step_back(weights_, back(part_of(step, 0, without), d_output), tape_.work, false);
          if (without < step.columns)
            cell_.step_back(weights_, back(part_of(step, without, step.columns), d_output), tape_.work);
        });
      }
    each_run(t, [&](const StepOf& step) { cell_.step_back(weights_, back(step, d_output), tape_.work); });
  }

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
  auto finish(const std::vector<StepRange>& chunks, const Inputs<Scalar>& inputs) {
    if constexpr (!finishes)
      return NoWork{};
    else
      return [this, &chunks, &inputs](Index k) {
        each_output(chunks[std::size_t(k)],
                    [&](const StepOf& outputs) { cell_.finish(weights_, inputs, outputs, tape_.work); });
      };
  }
  auto finish_back(const std::vector<StepRange>& chunks, const ConstView<Scalar>& d_output) {
    if constexpr (!finishes)
      return NoWork{};
    else
      return [this, &chunks, &d_output](Index k) {
        each_output(chunks[std::size_t(k)],
                    [&](const StepOf& outputs) { cell_.finish_back(weights_, back(outputs, d_output), tape_.work); });
      };
  }

  void pull_inputs(StepRange steps, const InputGradients<Scalar>& d_inputs, bool add) {
    const StepOf all = columns_of(steps);
    cell_.pull_inputs(weights_, all.first, all.columns, d_inputs, add, tape_.work);
    if constexpr (finishes)
      each_output(steps, [&](const StepOf& outputs) {
        cell_.finish_pull(weights_, outputs.first, outputs.columns, d_inputs, tape_.work);
      });
  }

  // ---- steps

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

  const typename C::Weights& weights_;
};

}  // namespace unroll::detail
