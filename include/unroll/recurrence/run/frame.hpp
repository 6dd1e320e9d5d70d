#pragma once
// Buffers that a pass reads and writes, and the operations that it runs.

#include <algorithm>
#include <utility>

#include "unroll/cell/step.hpp"
#include "unroll/recurrence/compile/derived.hpp"

namespace unroll::detail {

/// Buffers of the passes of a cell, for adjacent columns.
template <class Scalar, class D>
struct Frame {
  Table<Strided<const Scalar>, D::program.states> before;
  Table<Strided<Scalar>, D::program.states> after;
  Strided<Scalar> terms;                    ///< stacked pre-activations, then the values stored there, then gradients
  Table<Index, D::program.terms> term_row;  ///< first row of each term in `terms`
  const Scalar* bias = nullptr;             ///< one per row of `terms`
  Table<Strided<Scalar>, D::schedule.extras> extra;
  Table<const Scalar*, D::vectors> weight;         ///< one number per unit, or one in all
  Table<Scalar*, D::schedule.functions> function;  ///< written by the passes before the steps, read as `weight`
  Strided<Scalar> output;                          ///< only if the output is not a state

  // Backward pass only:
  Table<Strided<Scalar>, D::program.states>
      d_state;                     ///< gradient of the state after the step, replaced by that of the state before it
  Strided<const Scalar> d_output;  ///< null if no gradient reached the output
  Table<Strided<Scalar>, D::schedule.incomings> incoming;
  Table<Scalar*, D::vectors> d_weight;  ///< one number per row, also for weights that all units share
};

/// Operations that a pass runs, and values of other operations that it needs in registers.
template <class D>
struct PassPlan {
  static constexpr int capacity = D::program.operations;
  Table<bool, capacity> runs{}, read{}, brought_forward{}, brought_back{};

  constexpr PassPlan(int stage, int dimension) {
    const auto& program = D::program;
    const auto& schedule = D::schedule;
    for (int o = 0; o < program.operations; ++o) {
      const Operation& operation = program.operation[o];
      const int own = schedule.of_weights[o] ? before_steps : schedule.stage[std::max(0, operation.equation)];
      runs[o] =
          operation.equation >= 0 && own == stage && program.dimension_of(o) == dimension && !program.between_passes(o);
      if (!runs[o]) continue;
      if (operation.left >= 0) read[operation.left] = true;
      if (operation.right >= 0) read[operation.right] = true;
    }
    for (int e = 0; e < program.equations; ++e)  // an equation may only rename a value
      if (const int root = program.equation[e].root; schedule.stage[e] == stage && !schedule.of_weights[root] &&
                                                     program.equation[e].dimension == dimension &&
                                                     !D::is_over_column(e))
        read[root] = true;
    for (int o = 0; o < program.operations; ++o) {
      brought_forward[o] = read[o] && !runs[o];
      brought_back[o] = (read[o] || runs[o]) && schedule.needed[o];
    }
    obtain_operands(brought_forward);
    obtain_operands(brought_back);
  }

  /// Values that are not stored are recomputed from their operands.
  static constexpr void obtain_operands(Table<bool, capacity>& obtained) {
    for (int o = D::program.operations - 1; o >= 0; --o) {
      if (!obtained[o] || D::schedule.storage[o] != Storage::none) continue;
      if (const int left = D::program.operation[o].left; left >= 0) obtained[left] = true;
      if (const int right = D::program.operation[o].right; right >= 0) obtained[right] = true;
    }
  }
};

/// Calls f for the operations from `first` to n - 1, at most 128 in one expression: Clang nests at most 256.
template <int n, int first = 0, class F>
EIGEN_ALWAYS_INLINE void each_operation(F&& f) {
  constexpr int count = n - first < 128 ? n - first : 128;
  [&]<int... o>(std::integer_sequence<int, o...>) __attribute__((always_inline)) {
    (f(std::integral_constant<int, first + o>{}), ...);
  }
  (std::make_integer_sequence<int, count>{});
  if constexpr (first + count < n) each_operation<n, first + count>(f);
}

}  // namespace unroll::detail
