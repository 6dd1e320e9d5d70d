#pragma once
// Schedule of a cell, computed at compile time: when each operation runs and where its value is stored.
//
// A `linear` of an intermediate value needs all rows of it, so it ends a stage: operations that depend on it run one
// stage later. An equation runs as a whole in the stage of the latest value that it reads. All equations of one stage
// and one size form one fused pass over registers of rows. Products run between passes; those of inputs and constants
// run before the first step. Column operations also run between passes: after the product that gives their operand, and
// before the stage that reads their result.
//
// Memory traffic limits the speed of a recurrence, so as little as possible is stored for the backward pass:
//   - gradients read values of operands or results; `needed` marks these;
//   - cheap operations (sums, products, ...) are recomputed from stored values, activations only from states;
//   - an activation is stored in place of the pre-activation that it consumed, as is the gradient of that later.

#include <algorithm>

#include "unroll/recurrence/compile/weight_functions.hpp"
#include "unroll/recurrence/language/operations.hpp"

namespace unroll::detail {

template <int capacity, class Traits>
struct Scheduling {
  const Program<capacity>& program;
  const Traits& traits;
  StageSchedule<capacity> schedule{};

  // -- stages

  constexpr int stage_of_operation(int o) const {
    const int e = program.operation[o].equation;
    return schedule.of_weights[o] ? before_steps : e < 0 ? 0 : schedule.stage[e];
  }

  /// Stage whose pass can read a product with this operation; -1: the product runs before the first step.
  constexpr int ready(int o) const {
    const Op op = program.operation[o].op;
    if (op == Op::input || op == Op::constant) return -1;
    return op == Op::state ? 0 : stage_of_operation(o) + 1;
  }

  /// First stage whose pass can read the operation.
  constexpr int stage_behind(int o) const {
    return stage_of_operation(o) + (program.operation[o].op == Op::column ? 1 : 0);
  }

  constexpr void find_stages() {
    for (int e = 0; e < program.equations; ++e) {
      int stage = program.operation[program.equation[e].root].equation == e
                      ? 0
                      : std::max(0, stage_behind(program.equation[e].root));
      for (int o = 0; o < program.operations; ++o) {
        const Operation& operation = program.operation[o];
        if (operation.equation != e) continue;
        for (const int operand : {operation.left, operation.right})
          if (operand >= 0) stage = std::max(stage, stage_behind(operand));
        if (operation.op == Op::linear)
          for (int k = 0; k < program.term[operation.index].sources; ++k)
            stage = std::max(stage, ready(program.term[operation.index].source[k]));
      }
      schedule.stage[e] = stage;
      schedule.stages = std::max(schedule.stages, stage + 1);
    }
  }

  // -- rows of the stacked pre-activations

  /// Position of a term: terms of inputs and constants first, mixed terms next, terms of values of the step last. So
  /// the terms of each source are usually contiguous.
  constexpr int group(const LinearTerm& term) const {
    bool before = false, within = false;
    for (int k = 0; k < term.sources; ++k) (ready(term.source[k]) < 0 ? before : within) = true;
    return before ? (within ? 1 : 0) : 2;
  }

  constexpr void stack_terms() {
    int next = 0;
    for (int g = 0; g < 3; ++g)
      for (int k = 0; k < program.terms; ++k)
        if (group(program.term[k]) == g) schedule.slot_of[k] = next, schedule.term_at[next++] = k;
  }

  // -- products

  constexpr void find_sources() {
    Table<bool, capacity> read{};
    for (int k = 0; k < program.terms; ++k)
      for (int source = 0; source < program.term[k].sources; ++source) read[program.term[k].source[source]] = true;
    for (int stage = -1; stage < schedule.stages; ++stage)
      for (int o = 0; o < program.operations; ++o)
        if (read[o] && ready(o) == stage) schedule.source[schedule.sources++] = {o, stage, 0, 0};
  }

  /// One product per run of adjacent terms that read the source, overwrite or add alike, and run for the same columns.
  constexpr void find_products() {
    Table<bool, capacity> written{};
    int behind = 0;
    for (int s = 0; s < program.states; ++s) behind = std::max(behind, 1 + turning_stage(s));
    for (int v = 0; v < schedule.sources; ++v) {
      Source& source = schedule.source[v];
      source.first_product = schedule.products;
      int row = 0;
      for (int slot = 0; slot < program.terms; ++slot) {
        if (!program.term[schedule.term_at[slot]].reads(source.operation)) continue;
        Product* last = schedule.products > source.first_product ? &schedule.product[schedule.products - 1] : nullptr;
        const LinearTerm& term = program.term[schedule.term_at[slot]];
        const bool is_copy = term.copy != Copy::none, alone = is_copy || term.rule.is_separate();
        const int reader = schedule.stage[term.equation];
        if (last != nullptr && last->first_slot + last->slots == slot && last->adds == written[slot] && !alone &&
            stacks(*last, term) && (last->reader == reader || (last->reader < behind && reader < behind)))
          ++last->slots;
        else
          for (int head = 0; head < term.rule.heads; ++head)
            schedule.product[schedule.products++] = {
                v, slot, 1, row, written[slot], term.copy, term.part, head, term.rule.heads, reader};
        if (!is_copy) ++row;
      }
      source.products = schedule.products - source.first_product;
      for (int p = source.first_product; p < schedule.products; ++p)
        for (int k = 0; k < schedule.product[p].slots; ++k) written[schedule.product[p].first_slot + k] = true;
    }
  }

  /// True if the product of a term can be part of the product of the term before it.
  constexpr bool stacks(const Product& last, const LinearTerm& term) const {
    const LinearTerm& before = program.term[schedule.term_at[last.first_slot]];
    return !last.is_copy() && !before.rule.is_separate() && before.rule.drop_rate == term.rule.drop_rate;
  }

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

  /// Stage whose pass consumes the gradient of a state after the step.
  constexpr int turning_stage(int state) const { return schedule.stage[program.equation_of(state)]; }

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
  Scheduling<capacity, Traits> scheduling{program, traits};
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
