#pragma once
// Stepwise execution of a cell, for sequences that may change at every step, as in beam search.

#include <span>

#include "unroll/core/non_temporary.hpp"
#include "unroll/core/option_checks.hpp"
#include "unroll/engine/tape.hpp"

namespace unroll {

/// Forward execution of a cell with one step per call and states stored by the caller. There is no backward pass.
template <Cell C>
class StepByStep {
  static_assert(check_cell<C>());
  using Scalar = typename C::Scalar;
  using Weights = typename C::Weights;

 public:
  /// `weights` must be prepared. References to both arguments are kept. Throws ValueError unless the cell has one input
  /// and no constants.
  StepByStep(detail::NonTemporary<C> cell, detail::NonTemporary<Weights> weights) : cell_(cell), weights_(weights) {
    detail::check_equal<ValueError>("step by step", "inputs of the cell", cell_.inputs(), 1);
    detail::check_equal<ValueError>("step by step", "constants of the cell", cell_.constants(), 0);
  }

  /// Starts at the first step. `memory` is the attention memory, or null; it is not used after the call. Throws
  /// ValueError if the cell attends to a memory and none is given.
  void begin(const AttentionMemory<Scalar>* memory) {
    restart();
    if constexpr (requires { C::reads_memory; })
      if (C::reads_memory) {
        require<ValueError>(memory != nullptr && memory->timeline != nullptr,
                            "step by step: the cell attends to a memory, but none is given; pass it to begin(...)");
        ConstView<Scalar> no_steps(nullptr, cell_.input_rows(0), 0, Eigen::OuterStride<>(cell_.input_rows(0)));
        const auto samples = Timeline::rectangular(
            Index(memory->source.empty() ? std::size_t(memory->timeline->batch()) : memory->source.size()), 0);
        cell_.begin(weights_, {{&no_steps, 1}, {}, memory}, samples, work_);
      }
  }

  /// Restarts at the first step, with the same memory.
  void restart() { step_ = 0; }

  /// One step. x is [features x n]; `states` [rows x n] are replaced by the states after the step; `sources` gives for
  /// each column the sequence of the memory that it attends to. Returns the output [rows x n], valid until the next
  /// call. Throws ShapeError for mismatched sizes and for no columns.
  ConstView<Scalar> step(const ConstView<Scalar>& x, std::span<const Index> sources, State<Scalar>& states) {
    const Index n = x.cols();
    detail::check_equal("step by step", "features", x.rows(), cell_.input_rows(0));
    detail::check_as_many("step by step", "sources", "entries as columns", Index(sources.size()), n);
    detail::check_equal("step by step", "number of states", Index(states.size()), C::states);
    timeline_.assign_step(n, step_);
    ++step_;
    if constexpr (requires { C::reads_memory; })
      if constexpr (C::reads_memory) cell_.read_sequences(weights_, sources, work_);
    cell_.make_room(weights_, timeline_, work_);
    const Inputs<Scalar> inputs{{&x, 1}, {}};
    cell_.project(weights_, inputs, timeline_, 0, 1, work_);
    const auto step = step_of(n, states);
    cell_.step(weights_, step, work_);
    if constexpr (requires { cell_.finish(weights_, inputs, step, work_); })
      cell_.finish(weights_, inputs, step, work_);
    for (int s = 0; s < C::states; ++s) states[std::size_t(s)].swap(after_[s]);
    return C::output_state >= 0 ? view(std::as_const(states[std::size_t(std::max(0, C::output_state))]))
                                : std::as_const(output_).view();
  }

  /// Attention weights of the last step [longest sequence of the memory x n]; empty for a cell without attention.
  ConstView<Scalar> attention() const {
    if constexpr (requires { C::reads_memory; })
      if constexpr (C::reads_memory) return cell_.memory_weights(work_);
    return nothing<Scalar>();
  }

 private:
  Step<Scalar, C::states> step_of(Index n, const State<Scalar>& states) {
    Step<Scalar, C::states> step{.first = 0, .columns = n, .rank = 0};
    for (int s = 0; s < C::states; ++s) {
      const MatrixX<Scalar>& before = states[std::size_t(s)];
      require<ShapeError>(before.rows() == cell_.state_rows(s) && before.cols() == n, "step by step: state ", s,
                          " must be [", cell_.state_rows(s), " x ", n, "], got [", before.rows(), " x ", before.cols(),
                          "]");
      after_[s].resize(before.rows(), n);
      step.before[s] = {before.data(), before.rows()};
      step.after[s] = {after_[s].data(), before.rows()};
    }
    output_.shape(cell_.output_rows(), n);
    step.output = output_.strided();
    return step;
  }

  const C& cell_;
  const Weights& weights_;
  typename C::Work work_;
  Table<MatrixX<Scalar>, C::states> after_;
  Buffer<Scalar> output_;
  Timeline timeline_;  // of the present step
  Index step_ = 0;
};

}  // namespace unroll
