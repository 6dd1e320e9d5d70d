#pragma once
// Compile-time plan for running a cell step by step on one sequence: the terms that a pass sums, the values that leave
// it, and the division of its rows into registers.
//
// With one column, nothing is stored for a backward pass, and pre-activations stay in registers: a pass sums the terms
// of some rows and applies the element-wise operations at once. The weights of those rows are stored in reading order.

#include "unroll/recurrence/run/frame.hpp"
#include "unroll/simd/lanes.hpp"

namespace unroll::detail {

/// Rows of a cell's sizes and of its input, if known at compile time; else 0.
struct FixedRows {
  Table<int, max_names> size{};
  int input = 0;
};

/// Rows known from a cell's features and units; 0 and Eigen::Dynamic: unknown.
template <class D>
constexpr FixedRows fixed_rows(int units, int in, int out) {
  FixedRows fixed{.input = in};
  fixed.size[0] = units == Eigen::Dynamic ? 0 : units;
  if (out > 0) fixed.size[D::program.dimension_of(D::program.output)] = out;
  return fixed;
}

/// The same at run time; rows known at compile time take precedence over the stored ones.
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

/// List of at most `capacity` indices.
template <int capacity>
struct Selection {
  Table<int, capacity> at{};
  int count = 0;
  constexpr void add(int k) { at[count++] = k; }
};

/// `rows` rounded up to whole registers.
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
  /// State whose next value is operation `o`, or -1.
  static constexpr int state_after(int o) {
    for (int s = 0; s < program.states; ++s)
      if (program.state[s].next == o) return s;
    return -1;
  }

  /// Values, except states, that leave the pass that computes them: other passes or products read them, or they are the
  /// output.
  static constexpr Selection<capacity> carried = [] {
    Table<bool, capacity> leaves{};
    for (int o = 0; o < program.operations; ++o) {
      leaves[o] = program.output == o;
      for (int v = 0; v < schedule.sources; ++v) leaves[o] = leaves[o] || schedule.source[v].operation == o;
    }
    for (int stage = 0; stage < schedule.stages; ++stage)
      for (int dimension = 0; dimension < program.size_count; ++dimension) {
        const PassPlan<D> pass(stage, dimension);
        for (int o = 0; o < program.operations; ++o) leaves[o] = leaves[o] || (pass.read[o] && !pass.runs[o]);
      }
    Selection<capacity> all;
    for (int o = 0; o < program.operations; ++o) {
      const Op op = program.operation[o].op;
      const bool held =
          op == Op::state || op == Op::input || op == Op::constant || state_after(o) >= 0 || schedule.of_weights[o];
      if (leaves[o] && !held) all.add(o);
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

  /// Terms of the pass that read source v, as indices into terms(stage, dimension).
  static constexpr Selection<program.terms> readers(int stage, int dimension, int v) {
    const auto summed = terms(stage, dimension);
    Selection<program.terms> all;
    for (int k = 0; k < summed.count; ++k)
      if (program.term[summed.at[k]].reads(schedule.source[v].operation)) all.add(k);
    return all;
  }

  /// Vectors of weights that the pass reads.
  static constexpr Selection<D::vectors> vectors(int stage, int dimension) {
    const PassPlan<D> pass(stage, dimension);
    Selection<D::vectors> all;
    for (int k = 0; k < D::vectors; ++k) {
      bool used = false;
      for (int o = 0; o < program.operations; ++o)
        used = used || (D::vector_of(o) == k && pass.read[o] && (pass.runs[o] || schedule.of_weights[o]));
      if (used) all.add(k);
    }
    return all;
  }

  /// Rows of memory for the states before and after a step and for carried values; `size` holds the rows of each size.
  template <class S, class Sizes>
  static constexpr Index memory_rows(const Sizes& size) {
    Index rows = 0;
    for (int s = 0; s < program.states; ++s) rows += 2 * stream_room<S>(size[program.state[s].dimension]);
    for (int k = 0; k < carried.count; ++k) rows += stream_room<S>(size[program.dimension_of(carried.at[k])]);
    return rows;
  }

  /// A stream supports at most one input and no constants, and neither column operations nor terms that copy values or
  /// have block-diagonal, antisymmetric or orthogonal weights.
  static constexpr bool streamable = [] {
    for (int k = 0; k < program.terms; ++k)
      if (const LinearTerm& term = program.term[k];
          term.copy != Copy::none || term.rule.heads > 1 || term.rule.is_square())
        return false;
    return program.inputs <= 1 && program.constants == 0 && program.column_operations == 0;
  }();
};

// g++ warns that the alignment of register types is ignored in the template argument of `Lanes<...>`.
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wignored-attributes"
/// Narrowest register type that holds `rows` rows, down to a quarter of the widest: 8 units in a half-filled register
/// of 16 would be as slow as 16 units.
template <class V, int rows>
constexpr auto narrow() {
  using Half = HalfLanes<V>;
  if constexpr (Half::size >= rows && Half::size < V::size && Half::size > 1)
    return narrow<Half, rows>();
  else
    return V{};
}

/// Calls f.operator()<V, vectors>(first row, blocks) to cover the rows of a pass in blocks of `vectors` registers V.
/// Each loaded value serves all sums of a block, and about eight sums are in progress at once. A partly filled
/// register is padded.
template <class Scalar, int fixed_rows, int terms, class F>
EIGEN_ALWAYS_INLINE void each_segment([[maybe_unused]] Index rows, F&& f) {
  using V = NativeLanes<Scalar>;
  constexpr int most = terms > 4 ? 1 : terms > 2 ? 2 : 4;
  if constexpr (fixed_rows == 0) {
    using Half = HalfLanes<V>;
    const Index wide = most > 1 ? rows / (V::size * most) : 0, whole = wide * most * V::size;
    const Index rest = rows % V::size, narrow = Half::size < V::size && rest <= Half::size ? rest : 0;
    if constexpr (most > 1) f.template operator()<V, most>(Index(0), wide);
    f.template operator()<V, 1>(whole, (rows - whole - narrow + V::size - 1) / V::size);
    if (narrow > 0) f.template operator()<Half, 1>(rows - narrow, Index(1));
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
