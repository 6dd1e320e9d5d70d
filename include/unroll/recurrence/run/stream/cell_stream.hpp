#pragma once
// A cell for one sequence, step by step. Weights are stored in reading order; the caller holds the states.

#include "unroll/recurrence/run/stream/stream_kernel.hpp"
#include "unroll/recurrence/run/vector_weights.hpp"

namespace unroll::detail {

/// Cell of D with a copy of its weights, which any number of sequences may share. A step neither allocates nor throws.
///
/// The caller holds memory_rows() numbers per sequence, initially 0: the states before and after a step, and values
/// that leave a pass. `turn`, alternately 0 and 1, selects the half with the states before the step. Blocks of weights
/// are read in alternating order, so that of weights larger than the first-level cache a part is still cached.
template <class S, class D, FixedRows fixed>
class CellStream {
  using Plan = detail::StreamPlan<D>;
  using Rows = StreamRows<D, fixed>;
  static constexpr const auto& program = D::program;
  static constexpr const auto& schedule = D::schedule;
  static_assert(Plan::streamable);

 public:
  /// memory_rows() if known at compile time, else Eigen::Dynamic.
  static constexpr int fixed_memory_rows = [] {
    for (int k = 0; k < program.size_count; ++k)
      if (fixed.size[k] == 0) return Eigen::Dynamic;
    return int(Plan::template memory_rows<S>(fixed.size));
  }();

  /// Copies `theta`, the cell's parameters.
  CellStream(const CellLayout<D>& layout, const S* theta) {
    for (int k = 0; k < program.size_count; ++k) rows_.size[k] = layout.rows_of_size(k);
    for (int v = 0; v < schedule.sources; ++v) rows_.source[v] = layout.rows(schedule.source[v].operation);
    VectorWeights<S, D> single;
    load_vectors(layout, theta, single);
    Index numbers = 0;
    each_kernel([&]<class Kernel>(Kernel) {
      Kernel::each_segment(rows_, [&]<class V, int vectors>(Index, Index blocks) {
        numbers += blocks * Kernel::block_numbers(rows_, V::size * vectors);
      });
    });
    weights_.resize(numbers);
    S* to = weights_.data();
    each_kernel([&]<class Kernel>(Kernel) {
      Kernel::each_segment(rows_, [&]<class V, int vectors>(Index first, Index blocks) {
        constexpr Index height = V::size * vectors;
        for (Index b = 0; b < blocks; ++b)
          to = Kernel::pack(layout, theta, single, rows_, first + b * height, height, to);
      });
    });
  }

  /// Memory of the weights.
  Index weight_bytes() const { return weights_.size() * Index(sizeof(S)); }
  Index memory_rows() const { return Plan::template memory_rows<S>(rows_.size); }
  Index state_rows(int s) const { return rows_.size[program.state[s].dimension]; }

  /// State s before a step with this turn, hence after a step with the other turn [rows].
  Eigen::Map<VectorX<S>> state(S* memory, Index turn, int s) const {
    return {const_cast<S*>(frame_on(memory, turn).before[s]), state_rows(s)};
  }
  Eigen::Map<const VectorX<S>> state(const S* memory, Index turn, int s) const {
    return {frame_on(const_cast<S*>(memory), turn).before[s], state_rows(s)};
  }

  /// Runs one step. Returns the output, which is in `memory` and valid until the next step.
  EIGEN_ALWAYS_INLINE const S* step(const S* input, S* memory, Index turn) const noexcept {
    return step<1>({{input}}, {{memory}}, {{turn}})[0];
  }
  /// Runs one step of each sequence. The result of a sequence does not depend on the others.
  template <int sequences>
  EIGEN_ALWAYS_INLINE Table<const S*, sequences> step(const Table<const S*, sequences>& input,
                                                      const Table<S*, sequences>& memory,
                                                      const Table<Index, sequences>& turn) const noexcept {
    Table<StreamFrame<S, D>, sequences> frames;
    detail::each_operation<sequences>([&](auto n) __attribute__((always_inline)) {
      frames[n] = frame_on(memory[n], turn[n]);
      frames[n].input = input[n];
    });
    const S* packed = weights_.data();
    each_kernel([&]<class Kernel>(Kernel)
                    __attribute__((always_inline)) { packed = Kernel::run(frames, rows_, packed, turn[0] != 0); });
    Table<const S*, sequences> outputs;
    detail::each_operation<sequences>([&](auto n)
                                          __attribute__((always_inline)) { outputs[n] = output_of(frames[n]); });
    return outputs;
  }

 private:
  EIGEN_ALWAYS_INLINE static const S* output_of(const StreamFrame<S, D>& frame) {
    if constexpr (Plan::is_state(program.output))
      return frame.before[program.operation[program.output].index];
    else if constexpr (Plan::state_after(program.output) >= 0)
      return frame.after[Plan::state_after(program.output)];
    else
      return frame.carried[Plan::carried_place(program.output)];
  }
  template <class F>
  EIGEN_ALWAYS_INLINE static void each_kernel(F&& f) {
    detail::each_operation<schedule.stages * program.size_count>([&]<class Pass>(Pass) __attribute__((always_inline)) {
      constexpr int stage = Pass::value / program.size_count, dimension = Pass::value % program.size_count;
      if constexpr (D::has_pass(stage, dimension)) f(StreamKernel<S, D, fixed, stage, dimension>{});
    });
  }

  template <int dimension>
  EIGEN_ALWAYS_INLINE Index room() const {
    return detail::stream_room<S>(rows_.template of_size<dimension>());
  }
  EIGEN_ALWAYS_INLINE StreamFrame<S, D> frame_on(S* memory, Index turn) const {
    StreamFrame<S, D> frame;
    detail::each_operation<program.states>([&]<class State>(State) __attribute__((always_inline)) {
      const Index rows = room<program.state[State::value].dimension>();
      frame.before[State::value] = memory + turn * rows;  // no branch: it would sometimes be mispredicted
      frame.after[State::value] = memory + (1 - turn) * rows;
      memory += 2 * rows;
    });
    detail::each_operation<Plan::carried.count>([&]<class Carried>(Carried) __attribute__((always_inline)) {
      frame.carried[Carried::value] = memory;
      memory += room<program.dimension_of(Plan::carried.at[Carried::value])>();
    });
    return frame;
  }

  Rows rows_;
  VectorX<S> weights_;
};

}  // namespace unroll::detail
