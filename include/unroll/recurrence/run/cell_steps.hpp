#pragma once
// Stages of a cell, for the columns of a step or, behind the last value that a state depends on, of many steps.

#include <algorithm>

#include "unroll/recurrence/run/cell_loops.hpp"
#include "unroll/recurrence/run/cell_trace.hpp"

namespace unroll::detail {

/// Stages on the buffers of one pass. `fixed_units`: units at compile time.
template <class S, class D, int fixed_units>
class CellSteps {
  static constexpr const auto& program = D::program;
  static constexpr const auto& schedule = D::schedule;
  static constexpr int states = program.states;
  using Loops = CellLoops<S, D>;

 public:
  static constexpr int first_late = unroll::detail::first_late<D>;

  /// Values whose gradient is stored for many steps, by number of `incoming`.
  static constexpr auto late_gradient = [] {
    Table<bool, schedule.incomings> late{};
    for (int k = 0; k < schedule.incomings; ++k) late[k] = has_late_gradient<D>(k);
    return late;
  }();

  CellSteps(const CellLayout<D>& layout, const CellWeights<S, D>& weights, CellWork<S, D>& work)
      : layout_(layout), weights_(weights), work_(work) {}

  static Index rows_of_size(const CellLayout<D>& layout, int dimension) {
    if constexpr (fixed_units != Eigen::Dynamic)
      if (dimension == 0) return fixed_units;
    return layout.rows_of_size(dimension);
  }

  /// Stages from `from` to `to` - 1 for adjacent columns.
  template <int from, int to>
  void forward(const Step<S, states>& step) {
    const auto frame = make_frame(layout_, weights_, step, work_);
    Loops::template for_stages<from, to>([&]<class Stage>(Stage) {
      constexpr int stage = Stage::value;
      for (int v = 0; v < schedule.sources; ++v)
        if (const Source& source = schedule.source[v]; source.ready == stage)
          products().take(source, values_of(source.operation, step, work_), step.first, step.columns);
      Loops::each_column_operation(stage, [&]<class Run>(int k, int) {
        Run(layout_, weights_, work_).run(k, step.first, step.columns, step.rank);
      });
      Loops::template for_passes<stage>([&]<class Kernel>(Kernel, int dimension) {
        Kernel::forward(frame, rows_of_size(layout_, dimension), step.columns);
      });
    });
  }

  /// The same stages, last first: replaces pre-activations by their gradients. If the late stages have not run for
  /// these columns, the gradients from them are 0.
  template <int from, int to>
  void backward(const StepBack<S, states>& step, bool late_stages_ran = true) {
    auto frame = make_frame(layout_, weights_, step, work_);
    frame.d_state = step.d_state;
    frame.d_output = step.d_output;
    for (int k = 0; k < schedule.incomings; ++k) frame.incoming[k] = incoming(k, step.first, late_stages_ran);
    for (int w = 0; w < D::vectors; ++w) frame.d_weight[w] = work_.d_single[w].data();
    Loops::template for_stages<0, to - from>([&]<class Number>(Number) {
      constexpr int stage = to - 1 - Number::value;
      if constexpr (stage + 1 != first_late) pull_sources(stage + 1, step);  // the late stages end with it
      Loops::template for_passes<stage>([&]<class Kernel>(Kernel, int dimension) {
        Kernel::backward(frame, rows_of_size(layout_, dimension), step.columns);
      });
      Loops::each_column_operation(stage, [&]<class Run>(int k, int operation) {
        const auto d_result = incoming(schedule.incoming[operation], step.first, late_stages_ran);
        Run(layout_, weights_, work_).run_back(k, step.first, step.columns, step.rank, d_result);
      });
    });
    if constexpr (from == first_late && from < to) pull_sources(from, step);
  }

  /// Prefetch of what the backward pass reads a few steps later, if no product with a state lies between: such steps
  /// are short, and the values come from the third-level cache or from memory.
  EIGEN_ALWAYS_INLINE void prefetch_before(const StepBack<S, states>& step) const {
    const Index ahead = 4 * step.columns;
    if (multiplies_state || step.first < ahead) return;
    const auto fetch = [&](Strided<const S> from, Index rows) __attribute__((always_inline)) {
      for (Index c = 0; c < step.columns; ++c)
        for (Index r = 0; r < rows; r += 64 / Index(sizeof(S))) prefetch(from.at(r, c));
    };
    for (int s = 0; s < states; ++s)
      fetch(step.after[s].from_column(-ahead), rows_of_size(layout_, program.state[s].dimension));
    for (int k = 0; k < schedule.products; ++k)
      if (const Product& p = schedule.product[k]; is_one_of<D>(Terms::early, p.reader) && !p.adds)
        fetch(work_.terms.strided().from_column(step.first - ahead).from_row(layout_.product_row(p)),
              layout_.product_rows(p));
  }

  /// Values that a product reads, starting at the first column of the step.
  static Strided<const S> values_of(int operation, const Step<S, states>& step, CellWork<S, D>& work) {
    if (program.operation[operation].op == Op::state) return step.before[program.operation[operation].index];
    const int at = schedule.stored_at[operation];
    if (schedule.storage[operation] == Storage::history) return step.after[at];
    return work.extra[at].strided().from_column(step.first);
  }

 private:
  static constexpr bool multiplies_state = [] {
    for (int v = 0; v < schedule.sources; ++v)
      if (program.operation[schedule.source[v].operation].op == Op::state) return true;
    return false;
  }();

  CellProducts<S, D> products() const { return {layout_, weights_, work_}; }

  Strided<S> incoming(int k, Index first, bool late_stages_ran = true) const {
    const Strided<S> all = work_.incoming[k].strided();
    if (!late_gradient[k]) return all;
    return late_stages_ran ? all.from_column(first) : Strided<S>{work_.no_gradient.data(), 0};
  }

  /// Gradients of the values that products before the pass of a stage read, from the terms of these products.
  void pull_sources(int ready, const Step<S, states>& step) {
    for (int v = 0; v < schedule.sources; ++v) {
      const Source& source = schedule.source[v];
      const int o = source.operation;
      if (source.ready != ready || ready == 0 || program.is_fixed(o)) continue;
      const bool read_by_later_pass = schedule.last_reader[o] > ready - 1;
      products().source_gradient(source, step.first, step.columns, incoming(schedule.incoming[o], step.first),
                                 read_by_later_pass);
    }
  }

  const CellLayout<D>& layout_;
  const CellWeights<S, D>& weights_;
  CellWork<S, D>& work_;
};

}  // namespace unroll::detail
