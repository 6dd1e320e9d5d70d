#pragma once
// Operations on single weights and numbers alone, such as the exp(-exp(nu)) of an LRU: their values are the same at all
// steps, so they are computed once, when the weights are prepared.

#include "unroll/recurrence/compile/stage_schedule.hpp"

namespace unroll::detail {

/// Finds these operations and stores those that steps read, or that are the value of an equation.
template <int capacity>
struct WeightFunctions {
  const Program<capacity>& program;
  StageSchedule<capacity>& schedule;

  constexpr void find() {
    for (int o = 0; o < program.operations; ++o) schedule.of_weights[o] = is_of_weights(o);
    for (int o = 0; o < program.operations; ++o)
      if (schedule.of_weights[o] && (program.root_of(o) >= 0 || is_read_by_steps(o))) {
        schedule.storage[o] = Storage::function;
        schedule.stored_at[o] = schedule.functions;
        schedule.function[schedule.functions++] = o;
      }
  }

 private:
  /// A state, the output or a value that a term reads is computed at every step.
  constexpr bool is_of_weights(int o) const {
    const Operation& operation = program.operation[o];
    if (operation.op != Op::apply || o == program.output) return false;
    for (int s = 0; s < program.states; ++s)
      if (program.state[s].next == o) return false;
    for (int t = 0; t < program.terms; ++t)
      if (program.term[t].reads(o)) return false;
    return is_constant(operation.left) && (operation.right < 0 || is_constant(operation.right));
  }
  constexpr bool is_constant(int operand) const {
    return schedule.of_weights[operand] || program.operation[operand].op == Op::number || program.is_weight(operand);
  }
  constexpr bool is_read_by_steps(int o) const {
    for (int reader = o + 1; reader < program.operations; ++reader)
      if (const Operation& r = program.operation[reader]; !schedule.of_weights[reader] && (r.left == o || r.right == o))
        return true;
    return false;
  }
};

}  // namespace unroll::detail
