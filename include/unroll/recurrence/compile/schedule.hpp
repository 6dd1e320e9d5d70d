#pragma once
// Schedule of a cell, computed at compile time: when each operation runs and where its value is stored.
//
// Memory traffic limits the speed of a recurrence, so as little as possible is stored for the backward pass:
//   - gradients read values of operands or results; `needed` marks these;
//   - cheap operations (sums, products, ...) are recomputed from stored values, activations only from states;
//   - an activation is stored in place of the pre-activation that it consumed, as is the gradient of that later.

#include <algorithm>

#include "unroll/recurrence/compile/stages_and_products.hpp"
#include "unroll/recurrence/compile/weight_functions.hpp"
#include "unroll/recurrence/language/operations.hpp"

namespace unroll::detail {

template <int capacity, class Traits>
struct Scheduling : StagesAndProducts<capacity> {
  using Base = StagesAndProducts<capacity>;
  using Base::program, Base::schedule, Base::stage_of_operation, Base::ready, Base::turning_stage;
  const Traits& traits;

  // -- values that the backward pass needs

  constexpr bool is_number(int o) const { return program.operation[o].op == Op::number; }
  constexpr bool is_leaf(int o) const {
    const Op op = program.operation[o].op;
    return op == Op::state || op == Op::number || program.is_weight(o);
  }
  /// True for an element-wise operation that is stored and not recomputed.
  constexpr bool keeps_result(int o) const {
    return program.operation[o].op == Op::apply && !schedule.of_weights[o] && traits[program.operation[o].index].kept;
  }
  constexpr bool is_source(int o) const {
    for (int v = 0; v < schedule.sources; ++v)
      if (schedule.source[v].operation == o) return true;
    return false;
  }

  constexpr void find_needed() {
    for (int o = program.operations - 1; o >= 0; --o) {
      need_of_readers(o);
      need_of_gradients(o);
      if (schedule.needed[o] && schedule.storage[o] == Storage::none) need_operands(o);
    }
  }

  /// Marks a value that a later stage reads: registers do not outlive their stage.
  constexpr void need_of_readers(int o) {
    schedule.last_reader[o] = -1;
    for (int reader = o + 1; reader < program.operations; ++reader) {
      const Operation& r = program.operation[reader];
      if ((r.left == o || r.right == o) && r.equation != program.operation[o].equation)
        schedule.last_reader[o] = std::max(schedule.last_reader[o], stage_of_operation(reader));
    }
    for (int e = 0; e < program.equations; ++e)  // an equation may only rename a value
      if (program.equation[e].root == o) schedule.last_reader[o] = std::max(schedule.last_reader[o], schedule.stage[e]);
    if (schedule.last_reader[o] > stage_of_operation(o)) schedule.needed[o] = true;
  }

  /// Marks the values that the gradients of the operands read; fixed values have no gradient.
  constexpr void need_of_gradients(int o) {
    const Operation& operation = program.operation[o];
    if (operation.op == Op::column) schedule.needed[operation.left] = true;
    if (operation.op != Op::apply) return;
    const OperationTraits& element = traits[operation.index];
    if (!program.is_fixed(operation.left)) need(o, element.left_reads);
    if (operation.right >= 0 && !program.is_fixed(operation.right)) need(o, element.right_reads);
  }
  constexpr void need(int o, const Reads& reads) {
    if (reads.left) schedule.needed[program.operation[o].left] = true;
    if (reads.right) schedule.needed[program.operation[o].right] = true;
    if (reads.result) schedule.needed[o] = true;
  }

  /// Marks the operands from which a value is recomputed, unless store_activations() stores the value.
  constexpr void need_operands(int o) {
    const Operation& operation = program.operation[o];
    if (keeps_result(o) || operation.op == Op::linear) return;
    if (operation.left >= 0) schedule.needed[operation.left] = true;
    if (operation.right >= 0) schedule.needed[operation.right] = true;
  }

  // -- storage of values

  constexpr void store(int o, Storage storage, int index) {
    schedule.storage[o] = storage;
    schedule.stored_at[o] = index;
  }
  constexpr void store_extra(int o) {
    store(o, Storage::extra, schedule.extras);
    schedule.extra[schedule.extras++] = o;
  }

  constexpr void store_result(const ColumnOperation& column) {
    if (column.replaces_operand && !is_source(column.operation))
      store(column.operation, Storage::term_rows, program.operation[program.operation[column.operation].left].index);
    else
      store_extra(column.operation);
  }

  /// The engine stores states after the step. Gradients must not overwrite values that products read. Results of column
  /// operations are computed outside of any pass.
  constexpr void store_states_and_sources() {
    for (int k = 0; k < program.column_operations; ++k) store_result(program.column_operation[k]);
    for (int o = 0; o < program.operations; ++o)
      if (is_leaf(o)) schedule.storage[o] = Storage::leaf;
    for (int s = program.states - 1; s >= 0; --s)
      if (const int next = program.state[s].next; !is_leaf(next) && program.operation[next].op != Op::column)
        store(next, Storage::history, s);
    for (int v = 0; v < schedule.sources; ++v)
      if (const int o = schedule.source[v].operation;
          schedule.source[v].ready > 0 && schedule.storage[o] == Storage::none)
        store_extra(o);
  }

  constexpr void store_activations() {
    Table<bool, capacity> taken{};
    for (int o = 0; o < program.operations; ++o)
      if (program.operation[o].op == Op::linear && schedule.needed[o] && schedule.storage[o] == Storage::none)
        store(o, Storage::term_rows, program.operation[o].index);
    for (int o = 0; o < program.operations; ++o) {
      if (!keeps_result(o) || !schedule.needed[o] || schedule.storage[o] != Storage::none) continue;
      const int free = free_linear_below(o, taken);
      if (free >= 0) {
        taken[free] = true;
        store(o, Storage::term_rows, program.operation[free].index);
      } else if (all_operands_are_states(o)) {
        // For example tanh(c') of an LSTM: recomputed from the state, which is stored anyway. That takes less time than
        // storing and loading it, and saves a seventh of the tape.
        schedule.needed[program.operation[o].left] = true;
        if (program.operation[o].right >= 0) schedule.needed[program.operation[o].right] = true;
      } else {
        store_extra(o);
      }
    }
  }

  /// True if all operands are numbers or states after the step, which are stored anyway.
  constexpr bool all_operands_are_states(int o) const {
    for (const int operand : {program.operation[o].left, program.operation[o].right})
      if (operand >= 0 && schedule.storage[operand] != Storage::history && !is_number(operand)) return false;
    return true;
  }

  /// Pre-activation below `o` in the same equation whose value is not needed any more; -1 if there is none.
  constexpr int free_linear_below(int o, const Table<bool, capacity>& taken) const {
    for (const int operand : {program.operation[o].left, program.operation[o].right}) {
      if (operand < 0 || program.operation[operand].equation != program.operation[o].equation) continue;
      const bool free = program.operation[operand].op == Op::linear && !schedule.needed[operand] && !taken[operand] &&
                        program.root_of(operand) < 0;
      if (free) return operand;
      if (const int below = free_linear_below(operand, taken); below >= 0) return below;
    }
    return -1;
  }

  // -- gradients between stages

  constexpr void find_incoming() {
    for (int o = 0; o < program.operations; ++o) {
      const Operation& operation = program.operation[o];
      const bool state = operation.op == Op::state;
      const int own = state ? turning_stage(operation.index) : stage_of_operation(o);
      const bool waits = (state || !(is_leaf(o) || schedule.of_weights[o] || program.is_fixed(o))) &&
                         (schedule.last_reader[o] > own || (!state && is_source(o) && ready(o) > 0));
      schedule.incoming[o] = waits ? schedule.incomings : -1;
      if (waits) schedule.incoming_operation[schedule.incomings++] = o;
    }
  }
};

/// Schedule of a program. `traits[k]` is the OperationTraits of the element-wise operation k.
template <int capacity, class Traits>
constexpr StageSchedule<capacity> make_schedule(const Program<capacity>& program, const Traits& traits) {
  Scheduling<capacity, Traits> scheduling{{program}, traits};
  if (program.misuse != Misuse::none) return scheduling.schedule;  // check_equations reports it
  WeightFunctions<capacity>{program, scheduling.schedule}.find();
  scheduling.find_stages();
  scheduling.stack_terms();
  scheduling.find_sources();
  scheduling.find_products();
  scheduling.store_states_and_sources();
  scheduling.find_needed();
  scheduling.store_activations();
  scheduling.find_incoming();
  return scheduling.schedule;
}

}  // namespace unroll::detail
