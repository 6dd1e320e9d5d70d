#pragma once
// What running a cell one step at a time for one sequence needs to know at compile time: which terms a pass sums, which
// values leave it, and how its rows are cut into registers.
//
// With one column nothing is kept for a way back, and a pre-activation never leaves the registers: a pass sums the
// terms of some rows and goes on with them at once. The weights of those rows lie in the order in which they are read.

#include "unroll/recurrence/run/frame.hpp"
#include "unroll/simd/lanes.hpp"

namespace unroll::detail {

/// Rows of a cell's sizes and of its input where they are known at compile time; 0 where they are not.
struct FixedRows {
  Table<int, 8> size{};
  int input = 0;
};

/// The same while a program runs; numbers that the compiler knows take the place of those kept here.
template <class D, FixedRows fixed>
struct StreamRows {
  static constexpr const auto& program = D::program;
  Table<Index, program.size_count> size;
  Table<Index, D::schedule.sources> source;

  template <int k>
  EIGEN_ALWAYS_INLINE Index of_size() const {
    if constexpr (fixed.size[k] > 0) return fixed.size[k];
    return size[k];
  }
  template <int v>
  EIGEN_ALWAYS_INLINE Index of_source() const {
    constexpr int o = D::schedule.source[v].operation;
    if constexpr (program.operation[o].op == Op::input) {
      if constexpr (fixed.input > 0) return fixed.input;
    } else if constexpr (fixed.size[program.dimension_of(o)] > 0) {
      return fixed.size[program.dimension_of(o)];
    }
    return source[v];
  }
};

/// Some places of a list.
template <int capacity>
struct Selection {
  Table<int, capacity> at{};
  int count = 0;
  constexpr void add(int k) { at[count++] = k; }
};

/// Room for a vector of so many rows: whole registers.
template <class S>
constexpr Index stream_room(Index rows) {
  constexpr Index lanes = NativeLanes<S>::size;
  return (rows + lanes - 1) / lanes * lanes;
}

template <class D>
struct StreamPlan {
  static constexpr const auto& program = D::program;
  static constexpr const auto& schedule = D::schedule;
  static constexpr int capacity = program.operations;

  static constexpr bool is_state(int o) { return program.operation[o].op == Op::state; }
  /// The state whose value after the step the operation gives, or -1.
  static constexpr int state_after(int o) {
    for (int s = 0; s < program.states; ++s)
      if (program.state[s].next == o) return s;
    return -1;
  }

  /// Values that leave the pass that computes them, and are no states: read by other passes or by products, or the
  /// output.
  static constexpr Selection<capacity> carried = [] {
    Selection<capacity> all;
    for (int o = 0; o < program.operations; ++o) {
      const Op op = program.operation[o].op;
      if (op == Op::state || op == Op::input || op == Op::constant || state_after(o) >= 0) continue;
      bool leaves = program.output == o;
      for (int v = 0; v < schedule.sources; ++v) leaves = leaves || schedule.source[v].operation == o;
      for (int stage = 0; stage < schedule.stages; ++stage)
        for (int dimension = 0; dimension < program.size_count; ++dimension) {
          const PassPlan<D> pass(stage, dimension);
          leaves = leaves || (pass.read[o] && !pass.runs[o]);
        }
      if (leaves) all.add(o);
    }
    return all;
  }();

  static constexpr int carried_place(int o) {
    for (int k = 0; k < carried.count; ++k)
      if (carried.at[k] == o) return k;
    return -1;
  }

  static constexpr bool in_pass(int equation, int stage, int dimension) {
    return schedule.stage[equation] == stage && program.equation[equation].dimension == dimension;
  }

  static constexpr Selection<program.terms> terms(int stage, int dimension) {
    Selection<program.terms> all;
    for (int t = 0; t < program.terms; ++t)
      if (in_pass(program.term[t].equation, stage, dimension)) all.add(t);
    return all;
  }

  /// Terms of the pass that read source v, as places among its terms.
  static constexpr Selection<program.terms> readers(int stage, int dimension, int v) {
    const auto summed = terms(stage, dimension);
    Selection<program.terms> all;
    for (int k = 0; k < summed.count; ++k)
      if (program.term[summed.at[k]].reads(schedule.source[v].operation)) all.add(k);
    return all;
  }

  static constexpr Selection<program.weights> weights(int stage, int dimension) {
    Selection<program.weights> all;
    for (int w = 0; w < program.weights; ++w) {
      bool used = false;
      for (const Operation& operation : program.operation.items)
        used = used || ((operation.op == Op::unit_weight || operation.op == Op::scalar_weight) &&
                        operation.index == w && in_pass(operation.equation, stage, dimension));
      if (used) all.add(w);
    }
    return all;
  }

  /// States before and after a step, and what leaves a pass; `size` gives the rows of each size.
  template <class S, class Sizes>
  static constexpr Index memory_rows(const Sizes& size) {
    Index rows = 0;
    for (int s = 0; s < program.states; ++s) rows += 2 * stream_room<S>(size[program.state[s].dimension]);
    for (int k = 0; k < carried.count; ++k) rows += stream_room<S>(size[program.dimension_of(carried.at[k])]);
    return rows;
  }

  /// A stream has one input at most and no constants, as a layer, and no operations over columns.
  static constexpr bool streamable = program.inputs <= 1 && program.constants == 0 && program.column_operations == 0;
};

// g++ warns at every register type that its alignment is no part of the name `Lanes<...>`.
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wignored-attributes"
/// The narrowest registers that hold `rows` rows, down to a quarter of the widest: eight units in half a register of
/// sixteen would be as slow as sixteen.
template <class V, int rows>
constexpr auto narrow() {
  using Half = HalfLanes<V>;
  if constexpr (Half::size >= rows && Half::size < V::size && Half::size > 1)
    return narrow<Half, rows>();
  else
    return V{};
}

/// f.operator()<V, vectors>(first row, blocks): the rows of a pass in blocks of `vectors` registers V. Each load of a
/// number serves all of a block's sums, and about eight sums are under way at once. What fills no register is padded.
template <class Scalar, int fixed_rows, int terms, class F>
EIGEN_ALWAYS_INLINE void each_segment([[maybe_unused]] Index rows, F&& f) {
  using V = NativeLanes<Scalar>;
  constexpr int most = terms > 4 ? 1 : terms > 2 ? 2 : 4;
  if constexpr (fixed_rows == 0) {
    const Index wide = rows / (V::size * most), whole = wide * most * V::size;
    f.template operator()<V, most>(Index(0), wide);
    if constexpr (most > 1) f.template operator()<V, 1>(whole, (rows - whole + V::size - 1) / V::size);
  } else {
    constexpr int wide = fixed_rows / (V::size * most), whole = wide * most * V::size;
    constexpr int single = (fixed_rows - whole) / V::size, rest = fixed_rows - whole - single * V::size;
    if constexpr (wide > 0) f.template operator()<V, most>(Index(0), Index(wide));
    if constexpr (single > 0) f.template operator()<V, 1>(Index(whole), Index(single));
    if constexpr (rest > 0) f.template operator()<decltype(narrow<V, rest>()), 1>(Index(fixed_rows - rest), Index(1));
  }
}

#pragma GCC diagnostic pop

}  // namespace unroll::detail
