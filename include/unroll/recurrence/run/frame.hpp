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

/// First stage that may run for many steps at once: no later step reads its values, neither it nor a stage behind it
/// reads a state before the step, has a column operation, or sums gradients of single weights.
template <class D>
constexpr int find_first_late() {
  const auto& program = D::program;
  const auto& schedule = D::schedule;
  int first = 1;
  for (int s = 0; s < program.states; ++s) first = std::max(first, 1 + schedule.stage[program.equation_of(s)]);
  for (int k = 0; k < program.column_operations; ++k)
    first = std::max(first, 1 + schedule.stage[program.operation[program.column_operation[k].operation].equation]);
  for (int stage = first; stage < schedule.stages; ++stage)
    for (int dimension = 0; dimension < program.size_count; ++dimension) {
      const PassPlan<D> plan(stage, dimension);
      for (int o = 0; o < program.operations; ++o) {
        if ((plan.brought_forward[o] || plan.brought_back[o] || plan.read[o] || plan.runs[o]) &&
            (program.operation[o].op == Op::state || D::vector_of(o) >= 0))
          first = stage + 1;
      }
    }
  return first;
}
template <class D>
inline constexpr int first_late = find_first_late<D>();

/// True if a late stage adds to the gradient of a value, which then is stored for many steps: by number of `incoming`.
template <class D>
constexpr bool has_late_gradient(int k) {
  const auto& schedule = D::schedule;
  const int o = schedule.incoming_operation[k];
  for (int v = 0; v < schedule.sources; ++v)
    if (schedule.source[v].operation == o && schedule.source[v].ready >= first_late<D>) return true;
  return schedule.last_reader[o] >= first_late<D>;
}

/// True if a stage between that of the operation and the late ones reads its value, by a product or element-wise.
template <class D>
constexpr bool is_read_before_late_stages(int o) {
  const auto& schedule = D::schedule;
  const auto is_between = [&](int stage) {
    return stage > schedule.stage[D::program.operation[o].equation] && stage < first_late<D>;
  };
  for (int v = 0; v < schedule.sources; ++v)
    if (schedule.source[v].operation == o && is_between(schedule.source[v].ready)) return true;
  for (int reader = o + 1; reader < D::program.operations; ++reader) {
    const Operation& r = D::program.operation[reader];
    if ((r.left == o || r.right == o) && is_between(schedule.stage[std::max(0, r.equation)])) return true;
  }
  return false;
}

/// True if there are late stages and they may run for some columns only, those whose output is read: their terms read,
/// besides inputs, values whose products run in late stages too, and the gradients that these values receive from late
/// stages are not added to those from other stages.
template <class D>
constexpr bool find_late_columns() {
  const auto& schedule = D::schedule;
  for (int k = 0; k < schedule.products; ++k) {
    const Product& product = schedule.product[k];
    const Source& source = schedule.source[product.source];
    const bool is_late = product.reader >= first_late<D>;
    for (int slot = product.first_slot; slot < product.first_slot + product.slots; ++slot) {
      const LinearTerm& term = D::program.term[schedule.term_at[slot]];
      if ((schedule.stage[term.equation] >= first_late<D>) != is_late) return false;
    }
    if (is_late && D::program.operation[source.operation].op != Op::input && source.ready < first_late<D>) return false;
  }
  for (int k = 0; k < schedule.incomings; ++k)
    if (has_late_gradient<D>(k) && is_read_before_late_stages<D>(schedule.incoming_operation[k])) return false;
  return first_late<D> < schedule.stages;
}
template <class D>
inline constexpr bool has_late_columns = find_late_columns<D>();

/// Terms of a cell: those of the late stages, if these may run for some columns only, the others, or all.
enum class Terms { early, late, all };

/// True if the product of a term is one of `which`.
template <class D>
constexpr bool is_one_of(Terms which, int reader) {
  return which == Terms::all || (has_late_columns<D> && reader >= first_late<D>) == (which == Terms::late);
}

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
