#pragma once
// Loops over the schedule of a cell: stages, passes, sources, column operations.

#include "unroll/recurrence/columns/column_operations.hpp"
#include "unroll/recurrence/run/kernels.hpp"

namespace unroll::detail {

template <class S, class D>
struct CellLoops {
  static constexpr const auto& program = D::program;
  static constexpr const auto& schedule = D::schedule;

  /// Calls f(stage) for the stages from `from` to `to` - 1.
  template <int from, int to, class F>
  static void for_stages(F&& f) {
    if constexpr (from < to) f(std::integral_constant<int, from>{}), for_stages<from + 1, to>(f);
  }

  /// Calls f(kernel, index of its size) for all passes of a stage.
  template <int stage, int dimension = 0, class F>
  static void for_passes(F&& f) {
    if constexpr (dimension < program.size_count) {
      if constexpr (D::has_pass(stage, dimension)) f(PassKernel<D, NativeLanes<S>, stage, dimension>{}, dimension);
      for_passes<stage, dimension + 1>(f);
    }
  }

  /// Calls f(source, index of the input, constant or state) for all sources of kind `op`.
  template <class F>
  static void each_source(Op op, F&& f) {
    for (int v = 0; v < schedule.sources; ++v)
      if (const Operation& operation = program.operation[schedule.source[v].operation]; operation.op == op)
        f(schedule.source[v], operation.index);
  }

  template <class F>
  static void each_kind(F&& f) {
    ColumnKinds::each_used<D>([&]<class Kind>() { f.template operator()<typename Kind::template Run<S, D>>(); });
  }

  /// Calls f.template operator()<Run>(k, operation) for all column operations of a stage, each the k-th of its kind.
  template <class F>
  static void each_column_operation(int stage, F&& f) {
    ColumnKinds::each_used<D>([&]<class Kind>() {
      constexpr auto words = find_words<D, typename Kind::Word>();
      for (int k = 0; k < words.count; ++k)
        if (const int o = program.column_operation[words.number[k]].operation;
            schedule.stage[program.operation[o].equation] == stage)
          f.template operator()<typename Kind::template Run<S, D>>(k, o);
    });
  }
};

}  // namespace unroll::detail
