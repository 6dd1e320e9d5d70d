#pragma once
// One pass of a cell for one sequence: sums of products and element-wise operations on blocks of rows, in registers.

#include <algorithm>

#include "unroll/recurrence/run/element_wise.hpp"
#include "unroll/recurrence/run/stream/stream_plan.hpp"
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
class StreamKernel {
  using Plan = detail::StreamPlan<D>;
  using Frame = StreamFrame<S, D>;
  static constexpr const auto& program = D::program;
  static constexpr const auto& schedule = D::schedule;
  static constexpr detail::PassPlan<D> plan{stage, dimension};
  static constexpr auto weights = Plan::vectors(stage, dimension);
  static constexpr auto terms = Plan::terms(stage, dimension);
  template <int v>
  static constexpr auto readers = Plan::readers(stage, dimension, v);

 public:
  using Rows = StreamRows<D, fixed>;

  template <class F>
  EIGEN_ALWAYS_INLINE static void each_segment(const Rows& rows, F&& f) {
    detail::each_segment<S, fixed.size[dimension], terms.count>(rows.template of_size<dimension>(), f);
  }

  /// Number of packed values of a block of `height` rows: single weights, biases, weights of each source column by
  /// column.
  EIGEN_ALWAYS_INLINE static Index block_numbers(const Rows& rows, Index height) {
    Index columns = weights.count + terms.count;
    each_source([&]<class Source>(Source) __attribute__((always_inline)) {
      columns += rows.template of_source<Source::value>() * readers<Source::value>.count;
    });
    return columns * height;
  }

  /// Packs the values of the block of `height` rows from `row` on; rows that the cell does not have are 0. Returns the
  /// end of the written range.
  template <class Layout, class Vectors>
  static S* pack(const Layout& layout, const S* theta, const Vectors& single, const Rows& rows, Index row, Index height,
                 S* to) {
    const Index within = std::min(height, rows.template of_size<dimension>() - row);
    const auto put = [&](const S* from, Index stride) {
      for (Index r = 0; r < height; ++r) to[r] = r < within && from != nullptr ? from[r * stride] : S(0);
      to += height;
    };
    for (int k = 0; k < weights.count; ++k) {
      const int w = weights.at[k];
      const bool per_unit = w >= program.weights || program.weight[w].per_unit;
      put(single[w].data() + (per_unit ? row : 0), per_unit ? 1 : 0);
    }
    for (int k = 0; k < terms.count; ++k) {
      const Index bias = layout.bias_offset(terms.at[k]);
      put(bias < 0 ? nullptr : theta + bias + row, 1);
    }
    each_source([&]<class Source>(Source) {
      constexpr int v = Source::value;
      for (Index column = 0; column < rows.template of_source<v>(); ++column)
        for (int k = 0; k < readers<v>.count; ++k)
          if (const auto from = weight_column(layout, theta, v, terms.at[readers<v>.at[k]], column); true)
            put(from.data + row * from.stride, from.stride);
    });
    return to;
  }

  /// Runs all rows. `packed` is the output of pack(), block after block. If `backward`, blocks run in reverse order.
  /// Returns the end of the values read.
  EIGEN_ALWAYS_INLINE static const S* run(const Frame& frame, const Rows& rows, const S* packed, bool backward) {
    each_segment(
        rows, [&]<class V, int vectors>(Index first, Index blocks) __attribute__((always_inline)) {
          constexpr Index height = V::size * vectors;
          const Index numbers = block_numbers(rows, height);
          for (Index b = 0; b < blocks; ++b) {
            const Index k = backward ? blocks - 1 - b : b;
            run_block<V, vectors>(frame, rows, first + k * height, packed + k * numbers);
          }
          packed += blocks * numbers;
        });
    return packed;
  }

 private:
  template <class F>
  EIGEN_ALWAYS_INLINE static void each_source(F&& f) {
    detail::each_operation<schedule.sources>([&]<class Source>(Source source) __attribute__((always_inline)) {
      if constexpr (readers<Source::value>.count > 0) f(source);
    });
  }

  /// Column of the matrix by which a term multiplies source v.
  template <class Layout>
  static Strided<const S> weight_column(const Layout& layout, const S* theta, int v, int term, Index column) {
    const Source& source = schedule.source[v];
    const int slot = schedule.slot_of[term];
    for (int p = source.first_product; p < source.first_product + source.products; ++p)
      if (const Product& product = schedule.product[p];
          slot >= product.first_slot && slot < product.first_slot + product.slots)
        return column_of(layout, theta + layout.weight_offset(product), product, slot, column);
    return {};
  }
  template <class Layout>
  static Strided<const S> column_of(const Layout& layout, const S* first, const Product& product, int slot,
                                    Index column) {
    const Index stride = layout.weight_stride(product);
    if (layout.rule(product).transposed) return {first + column, stride};
    return {first + layout.slot_row(slot) - layout.slot_row(product.first_slot) + column * stride, 1};
  }

  // ---- sums

  /// Partial sums per pre-activation: as many as the registers hold, at most 4, since a multiply-add takes four cycles.
  static constexpr int most_sums = EIGEN_ARCH_DEFAULT_NUMBER_OF_REGISTERS >= 32 ? 16 : 12;
  static constexpr int chains_for(int places) { return 4 * places <= most_sums ? 4 : 2 * places <= most_sums ? 2 : 1; }

  template <class V, int vectors>
  struct Sums {
    static constexpr int places = terms.count * vectors;
    static constexpr int chains = chains_for(places);
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

  template <class V, int vectors>
  EIGEN_ALWAYS_INLINE static void run_block(const Frame& frame, const Rows& rows, Index row, const S* packed) {
    Values<V> values[std::size_t(vectors)];
    sum_terms<V, vectors>(frame, rows, packed + weights.count * vectors * V::size, values);
    compute_all<V, vectors>(frame, values, row, packed);
    for (int k = 0; k < vectors; ++k) store_results(frame, values[k], row + k * V::size);
  }

  template <class V, int vectors>
  EIGEN_ALWAYS_INLINE static void sum_terms(const Frame& frame, const Rows& rows, const S* packed, Values<V>* values) {
    using BlockSums = Sums<V, vectors>;
    BlockSums sums;
    detail::each_operation<BlockSums::places>([&]<class Place>(Place) __attribute__((always_inline)) {
      sums.at[0][Place::value] = V::load(packed + Place::value * V::size);
      for (int c = 1; c < BlockSums::chains; ++c) sums.at[c][Place::value] = V::constant(0);
    });
    packed += BlockSums::places * V::size;
    each_source([&]<class Source>(Source) __attribute__((always_inline)) {
      constexpr int v = Source::value;
      packed = add_source<V, vectors, v>(sums, source_values<v>(frame), rows.template of_source<v>(), packed);
    });
    detail::each_operation<BlockSums::places>([&]<class Place>(Place) __attribute__((always_inline)) {
      constexpr int o = program.term[terms.at[Place::value / vectors]].operation;
      values[Place::value % vectors].v[o] = sums.total(Place::value);
    });
  }

  template <int v>
  EIGEN_ALWAYS_INLINE static const S* source_values(const Frame& frame) {
    constexpr int o = schedule.source[v].operation;
    if constexpr (program.operation[o].op == Op::input)
      return frame.input;
    else
      return place<o>(frame);
  }

  template <class V, int vectors, int v>
  EIGEN_ALWAYS_INLINE static const S* add_source(Sums<V, vectors>& sums, const S* values, Index rows, const S* packed) {
    constexpr Index column = readers<v>.count * vectors * V::size;
    constexpr int chains = Sums<V, vectors>::chains, unrolled = 4;
    const Index whole = rows / unrolled * unrolled;
    for (Index j = 0; j < whole; j += unrolled)
      detail::each_operation<unrolled>([&]<class K>(K k) __attribute__((always_inline)) {
        add_column<V, vectors, v>(sums.at[k % chains], values[j + k], packed + (j + k) * column);
      });
    detail::each_operation<unrolled - 1>([&]<class K>(K k) __attribute__((always_inline)) {
      if (const Index j = whole + k; j < rows)
        add_column<V, vectors, v>(sums.at[k % chains], values[j], packed + j * column);
    });
    return packed + rows * column;
  }

  template <class V, int vectors, int v>
  EIGEN_ALWAYS_INLINE static void add_column(V* sums, S value, const S* packed) {
    const V factor = V::constant(value);
    detail::each_operation<readers<v>.count * vectors>([&]<class Place>(Place) __attribute__((always_inline)) {
      V& sum = sums[readers<v>.at[Place::value / vectors] * vectors + Place::value % vectors];
      sum = fma(V::load(packed + Place::value * V::size), factor, sum);
    });
  }

  // ---- element-wise work

  /// Computes each operation for all registers of the block before the next operation. A processor looks about a
  /// hundred operations ahead; these should not all depend on each other.
  template <class V, int vectors>
  EIGEN_ALWAYS_INLINE static void compute_all(const Frame& frame, Values<V>* values, Index row, const S* singles) {
    detail::each_operation<program.operations * vectors>([&]<class Place>(Place) __attribute__((always_inline)) {
      constexpr int o = Place::value / vectors, k = Place::value % vectors;
      if constexpr (plan.runs[o])
        compute<V, vectors, o>(values[k], singles + k * V::size);
      else if constexpr (plan.read[o] && schedule.of_weights[o])
        values[k].v[o] = V::load(singles + place_of_vector(D::vector_of(o)) * vectors * V::size + k * V::size);
      else if constexpr (plan.read[o])
        values[k].v[o] = V::load(place<o>(frame) + row + k * V::size);
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
