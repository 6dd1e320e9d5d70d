#pragma once
// One pass of a cell for one or more sequences: sums of products and element-wise operations on blocks of rows, in
// registers.

#include "unroll/recurrence/run/element_wise.hpp"
#include "unroll/recurrence/run/stream/stream_packing.hpp"
#include "unroll/simd/activations.hpp"
#include "unroll/simd/fast_functions.hpp"

namespace unroll::detail {

/// Value of an element-wise operation; float uses a faster implementation if there is one.
template <class Element, class V, class... More>
EIGEN_ALWAYS_INLINE V evaluate_quickly(const Element& element, V left, More... right) {
  constexpr bool is_float = std::same_as<typename V::Scalar, float>;
  if constexpr (is_float && std::same_as<Element, language::Function<Tanh>>)
    return fast_tanh(left);
  else if constexpr (is_float && std::same_as<Element, language::Function<Sigmoid>>)
    return fast_sigmoid(left);
  else
    return element.value(left, right...);
}

/// Buffers of a step of one sequence. Each vector is padded to a whole number of the widest registers.
template <class S, class D>
struct StreamFrame {
  const S* input = nullptr;
  Table<const S*, D::program.states> before;
  Table<S*, D::program.states> after;
  Table<S*, detail::StreamPlan<D>::carried.count> carried;
};

/// Pass of one stage and one size.
template <class S, class D, FixedRows fixed, int stage, int dimension>
class StreamKernel : public StreamPacking<S, D, fixed, stage, dimension> {
  using Packing = StreamPacking<S, D, fixed, stage, dimension>;
  using Plan = detail::StreamPlan<D>;
  using Frame = StreamFrame<S, D>;
  using typename Packing::Rows;
  static constexpr const auto& program = D::program;
  static constexpr const auto& schedule = D::schedule;
  static constexpr detail::PassPlan<D> plan{stage, dimension};
  static constexpr auto weights = Packing::weights;
  static constexpr auto terms = Packing::terms;
  template <int v>
  static constexpr auto readers = Packing::template readers<v>;

 public:
  /// Runs all rows of each sequence, which has a frame. `packed` is the output of pack(), block after block. If
  /// `backward`, blocks run in reverse order. Returns the end of the values read.
  template <int sequences>
  EIGEN_ALWAYS_INLINE static const S* run(const Table<Frame, sequences>& frames, const Rows& rows, const S* packed,
                                          bool backward) {
    Packing::each_segment(
        rows, [&]<class V, int vectors>(Index first, Index blocks) __attribute__((always_inline)) {
          constexpr Index height = V::size * vectors;
          const Index numbers = Packing::block_numbers(rows, height);
          for (Index b = 0; b < blocks; ++b) {
            const Index k = backward ? blocks - 1 - b : b;
            run_block<V, vectors>(frames, rows, first + k * height, packed + k * numbers);
          }
          packed += blocks * numbers;
        });
    return packed;
  }

 private:
  // ---- sums

  /// Partial sums per pre-activation: as many as the registers hold, at most 4, since a multiply-add takes four cycles.
  static constexpr int most_sums = EIGEN_ARCH_DEFAULT_NUMBER_OF_REGISTERS >= 32 ? 16 : 12;
  static constexpr int chains_for(int places) { return 4 * places <= most_sums ? 4 : 2 * places <= most_sums ? 2 : 1; }

  /// Sums of `part` of the `vectors` registers of a block. The number of partial sums depends on the block alone, so
  /// the results do not depend on the part.
  template <class V, int vectors, int part>
  struct Sums {
    static constexpr int places = terms.count * part;
    static constexpr int chains = chains_for(terms.count * vectors);
    V at[std::size_t(chains)][std::size_t(places > 0 ? places : 1)];

    EIGEN_ALWAYS_INLINE V total(int place) const {
      if constexpr (chains == 4) return (at[0][place] + at[1][place]) + (at[2][place] + at[3][place]);
      V sum = at[0][place];
      for (int c = 1; c < chains; ++c) sum += at[c][place];
      return sum;
    }
  };

  template <class V>
  struct Values {
    V v[program.operations];
  };

  /// With 32 registers, several sequences share each loaded weight of a block of several registers: half of these at a
  /// time, so that all sums are in registers. In all other blocks the sums of one sequence follow those of another; the
  /// weights are then in the first-level cache. The element-wise operations of all sequences run together.
  template <class V, int vectors, int sequences>
  EIGEN_ALWAYS_INLINE static void run_block(const Table<Frame, sequences>& frames, const Rows& rows, Index row,
                                            const S* packed) {
    constexpr bool shared = sequences > 1 && vectors > 1 && EIGEN_ARCH_DEFAULT_NUMBER_OF_REGISTERS >= 32;
    constexpr int part = shared ? vectors / 2 : vectors, together = shared ? sequences : 1;
    Values<V> values[std::size_t(sequences * vectors)];
    detail::each_operation<vectors / part * sequences / together>([&]<class K>(K) __attribute__((always_inline)) {
      constexpr int first = K::value / (vectors / part) * together, from = K::value % (vectors / part) * part;
      sum_terms<V, vectors, part, from, first, together>(frames, rows, packed + weights.count * vectors * V::size,
                                                         values);
    });
    compute_all<V, vectors>(frames, values, row, packed);
    detail::each_operation<sequences * vectors>([&]<class K>(K) __attribute__((always_inline)) {
      store_results(frames[K::value / vectors], values[K::value], row + K::value % vectors * V::size);
    });
  }

  /// Sums of the registers [from, from + part) of a block and the sequences [first, first + together).
  template <class V, int vectors, int part, int from, int first, int together, int sequences>
  EIGEN_ALWAYS_INLINE static void sum_terms(const Table<Frame, sequences>& frames, const Rows& rows, const S* packed,
                                            Values<V>* values) {
    using BlockSums = Sums<V, vectors, part>;
    constexpr int places = BlockSums::places;
    Table<BlockSums, together> sums;
    packed += from * V::size;
    detail::each_operation<places * together>([&]<class Each>(Each) __attribute__((always_inline)) {
      constexpr int n = Each::value / places, place = Each::value % places;
      sums[n].at[0][place] = V::load(packed + place_in_block<vectors, part>(place) * V::size);
      for (int c = 1; c < BlockSums::chains; ++c) sums[n].at[c][place] = V::constant(0);
    });
    packed += terms.count * vectors * V::size;
    Packing::each_source([&]<class Source>(Source) __attribute__((always_inline)) {
      constexpr int v = Source::value;
      Table<const S*, together> x;
      detail::each_operation<together>([&](auto n) __attribute__((always_inline)) {
        x[n] = source_values<v>(frames[first + n]);
      });
      packed = add_source<V, vectors, part, v>(sums, x, rows.template of_source<v>(), packed);
    });
    detail::each_operation<places * together>([&]<class Each>(Each) __attribute__((always_inline)) {
      constexpr int n = Each::value / places, place = Each::value % places;
      constexpr int o = program.term[terms.at[place / part]].operation;
      values[(first + n) * vectors + from + place % part].v[o] = sums[n].total(place);
    });
  }

  /// Register of a block that holds a place of a part, from the part's first one on.
  template <int vectors, int part>
  static constexpr int place_in_block(int place) {
    return place / part * vectors + place % part;
  }

  template <int v>
  EIGEN_ALWAYS_INLINE static const S* source_values(const Frame& frame) {
    constexpr int o = schedule.source[v].operation;
    if constexpr (program.operation[o].op == Op::input)
      return frame.input;
    else
      return place<o>(frame);
  }

  template <class V, int vectors, int part, int v, int together>
  EIGEN_ALWAYS_INLINE static const S* add_source(Table<Sums<V, vectors, part>, together>& sums,
                                                 const Table<const S*, together>& values, Index rows, const S* packed) {
    constexpr Index column = readers<v>.count * vectors * V::size;
    constexpr int chains = Sums<V, vectors, part>::chains, unrolled = 4;
    const Index whole = rows / unrolled * unrolled;
#pragma GCC unroll 1
    for (Index j = 0; j < whole; j += unrolled)
      detail::each_operation<unrolled>([&]<class K>(K k) __attribute__((always_inline)) {
        add_column<V, vectors, part, v, k % chains>(sums, values, j + k, packed + (j + k) * column);
      });
    detail::each_operation<unrolled - 1>([&]<class K>(K k) __attribute__((always_inline)) {
      if (const Index j = whole + k; j < rows)
        add_column<V, vectors, part, v, k % chains>(sums, values, j, packed + j * column);
    });
    return packed + rows * column;
  }

  template <class V, int vectors, int part, int v, int chain, int together>
  EIGEN_ALWAYS_INLINE static void add_column(Table<Sums<V, vectors, part>, together>& sums,
                                             const Table<const S*, together>& values, Index j, const S* packed) {
    Table<V, together> factor;
    detail::each_operation<together>([&](auto n)
                                         __attribute__((always_inline)) { factor[n] = V::constant(values[n][j]); });
    detail::each_operation<readers<v>.count * part>([&]<class Place>(Place) __attribute__((always_inline)) {
      constexpr int place = readers<v>.at[Place::value / part] * part + Place::value % part;
      const V weight = V::load(packed + place_in_block<vectors, part>(Place::value) * V::size);
      detail::each_operation<together>([&](auto n) __attribute__((always_inline)) {
        sums[n].at[chain][place] = fma(weight, factor[n], sums[n].at[chain][place]);
      });
    });
  }

  // ---- element-wise work

  /// Computes each operation for all registers of the block before the next operation. A processor looks about a
  /// hundred operations ahead; these should not all depend on each other.
  template <class V, int vectors, int sequences>
  EIGEN_ALWAYS_INLINE static void compute_all(const Table<Frame, sequences>& frames, Values<V>* values, Index row,
                                              const S* singles) {
    constexpr int all = sequences * vectors;
    detail::each_operation<program.operations * all>([&]<class Place>(Place) __attribute__((always_inline)) {
      constexpr int o = Place::value / all, each = Place::value % all, k = each % vectors;
      if constexpr (plan.runs[o])
        compute<V, vectors, o>(values[each], singles + k * V::size);
      else if constexpr (plan.read[o] && schedule.of_weights[o])
        values[each].v[o] = V::load(singles + place_of_vector(D::vector_of(o)) * vectors * V::size + k * V::size);
      else if constexpr (plan.read[o])
        values[each].v[o] = V::load(place<o>(frames[each / vectors]) + row + k * V::size);
    });
  }

  static constexpr int place_of_vector(int w) {
    for (int k = 0; k < weights.count; ++k)
      if (weights.at[k] == w) return k;
    return 0;
  }

  template <class V, int vectors, int o>
  EIGEN_ALWAYS_INLINE static void compute(Values<V>& values, const S* singles) {
    constexpr Operation operation = program.operation[o];
    V& value = values.v[o];
    if constexpr (operation.op == Op::number)
      value = V::constant(S(operation.number));
    else if constexpr (program.is_weight(o)) {
      if constexpr (plan.read[o]) value = V::load(singles + place_of_vector(operation.index) * vectors * V::size);
    } else if constexpr (operation.op == Op::apply)
      value = detail::from_operands<D, o>(
          values.v, [](const auto& element, auto... operands)
                        __attribute__((always_inline)) { return detail::evaluate_quickly(element, operands...); });
    else
      static_assert(operation.op == Op::linear, "unroll: no stream computes this operation");
  }

  // ---- memory

  /// Buffer of a value that this pass loads or stores.
  template <int o>
  EIGEN_ALWAYS_INLINE static auto place(const Frame& frame) {
    if constexpr (Plan::is_state(o))
      return frame.before[program.operation[o].index];
    else if constexpr (Plan::state_after(o) >= 0)
      return frame.after[Plan::state_after(o)];
    else
      return frame.carried[Plan::carried_place(o)];
  }

  template <class V>
  EIGEN_ALWAYS_INLINE static void store_results(const Frame& frame, const Values<V>& values, Index row) {
    detail::each_operation<program.states>([&]<class State>(State) __attribute__((always_inline)) {
      constexpr int s = State::value, e = program.equation_of(s);
      if constexpr (Plan::in_pass(e, stage, dimension)) values.v[program.state[s].next].store(frame.after[s] + row);
    });
    detail::each_operation<Plan::carried.count>([&]<class Carried>(Carried) __attribute__((always_inline)) {
      constexpr int o = Plan::carried.at[Carried::value];
      if constexpr (plan.runs[o]) values.v[o].store(frame.carried[Carried::value] + row);
    });
  }
};

}  // namespace unroll::detail
