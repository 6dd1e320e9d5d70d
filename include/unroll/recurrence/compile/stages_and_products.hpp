#pragma once
// First half of a schedule: the stage of each equation, and the matrix products.
//
// A `linear` of an intermediate value needs all rows of it, so it ends a stage: operations that depend on it run one
// stage later. An equation runs as a whole in the stage of the latest value that it reads. All equations of one stage
// and one size form one fused pass over registers of rows. Products run between passes; those of inputs and constants
// run before the first step. Column operations also run between passes: after the product that gives their operand, and
// before the stage that reads their result.

#include <algorithm>

#include "unroll/recurrence/compile/stage_schedule.hpp"

namespace unroll::detail {

template <int capacity>
struct StagesAndProducts {
  const Program<capacity>& program;
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

  /// Stage whose pass consumes the gradient of a state after the step.
  constexpr int turning_stage(int state) const { return schedule.stage[program.equation_of(state)]; }

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

  /// First stage whose terms have separate products, because it and the later ones may run for other columns: the stage
  /// behind those of the states, if its terms and those of the later ones read only inputs and values of these stages.
  constexpr int find_apart() const {
    int first = 0;
    for (int s = 0; s < program.states; ++s) first = std::max(first, 1 + turning_stage(s));
    for (int k = 0; k < program.terms; ++k)
      for (int v = 0; v < program.term[k].sources; ++v)
        if (const int o = program.term[k].source[v]; schedule.stage[program.term[k].equation] >= first &&
                                                     program.operation[o].op != Op::input && ready(o) < first)
          return schedule.stages;
    return first;
  }

  /// One product per run of adjacent terms that read the source, overwrite or add alike, and run for the same columns.
  constexpr void find_products() {
    Table<bool, capacity> written{};
    const int apart = find_apart();
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
            stacks(*last, term) && (last->reader == reader || std::max(last->reader, reader) < apart))
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
};

}  // namespace unroll::detail
