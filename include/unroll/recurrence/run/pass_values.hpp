#pragma once
// Values of operations in registers: computed from operands, stored, and loaded or recomputed.

#include "unroll/recurrence/run/element_wise.hpp"

namespace unroll::detail {

/// Functions on single values, common to all passes of D on registers `V`.
template <class D, class V>
class PassValues {
  using Scalar = typename V::Scalar;
  using Rows = RowAccess<V>;
  static constexpr const auto& program = D::program;
  static constexpr const auto& schedule = D::schedule;

 public:
  struct Values {
    V v[std::size_t(program.operations)];
  };

  /// Stores a value if the schedule keeps it.
  template <int o, class Count>
  EIGEN_ALWAYS_INLINE static void keep(const Frame<Scalar, D>& frame, V v, Index row, Index column, Count count) {
    constexpr int at = schedule.stored_at[o];
    if constexpr (schedule.storage[o] == Storage::function)
      Rows::store(Strided<Scalar>{frame.function[at], 0}, row, column, v, count);
    if constexpr (schedule.storage[o] == Storage::extra) Rows::store(frame.extra[at], row, column, v, count);
    if constexpr (schedule.storage[o] == Storage::term_rows && program.operation[o].op != Op::linear)
      Rows::store(frame.terms, frame.term_row[at] + row, column, v, count);
  }

  /// Computes a value from its operands, or loads a leaf.
  template <int o, class Count>
  EIGEN_ALWAYS_INLINE static V compute(const Frame<Scalar, D>& frame, const Values& values, Index row, Index column,
                                       Count count) {
    constexpr Operation operation = program.operation[o];
    if constexpr (operation.op == Op::state) {
      return Rows::load(frame.before[operation.index], row, column, count);
    } else if constexpr (operation.op == Op::number) {
      return V::constant(Scalar(operation.number));
    } else if constexpr (operation.op == Op::unit_weight) {
      return Rows::load(Strided<const Scalar>{frame.weight[operation.index], 0}, row, column, count);
    } else if constexpr (operation.op == Op::scalar_weight) {
      return V::constant(*frame.weight[operation.index]);
    } else if constexpr (operation.op == Op::linear) {
      const Index at = frame.term_row[operation.index] + row;
      return Rows::load(frame.terms, at, column, count) +
             Rows::load(Strided<const Scalar>{frame.bias, 0}, at, column, count);
    } else {
      static_assert(operation.op == Op::apply, "unroll: no pass computes this operation");
      return from_operands<D, o>(
          values.v, [](const auto& element, auto... operands)
                        __attribute__((always_inline)) { return element.value(operands...); });
    }
  }

  /// Loads a value that a pass has stored, or recomputes one that is not stored.
  template <int o, class Count>
  EIGEN_ALWAYS_INLINE static V obtain(const Frame<Scalar, D>& frame, const Values& values, Index row, Index column,
                                      Count count) {
    constexpr int at = schedule.stored_at[o];
    if constexpr (schedule.storage[o] == Storage::history) return Rows::load(frame.after[at], row, column, count);
    if constexpr (schedule.storage[o] == Storage::extra) return Rows::load(frame.extra[at], row, column, count);
    if constexpr (schedule.storage[o] == Storage::function)
      return Rows::load(Strided<const Scalar>{frame.weight[D::vector_of(o)], 0}, row, column, count);
    if constexpr (schedule.storage[o] == Storage::term_rows && program.operation[o].op != Op::linear)
      return Rows::load(frame.terms, frame.term_row[at] + row, column, count);
    else if constexpr (schedule.storage[o] == Storage::term_rows || schedule.storage[o] == Storage::leaf ||
                       schedule.storage[o] == Storage::none)
      return compute<o>(frame, values, row, column, count);
  }

  /// One value from stored values. An overwritten pre-activation is not available.
  template <int o, class Count>
  EIGEN_ALWAYS_INLINE static V stored_value(const Frame<Scalar, D>& frame, Index row, Index column, Count count) {
    Values values;
    compute_into<o>(frame, values, row, column, count);
    return values.v[o];
  }

 private:
  template <int o, class Count>
  EIGEN_ALWAYS_INLINE static void compute_into(const Frame<Scalar, D>& frame, Values& values, Index row, Index column,
                                               Count count) {
    if constexpr (schedule.storage[o] == Storage::none) {
      if constexpr (program.operation[o].left >= 0)
        compute_into<program.operation[o].left>(frame, values, row, column, count);
      if constexpr (program.operation[o].right >= 0)
        compute_into<program.operation[o].right>(frame, values, row, column, count);
    }
    values.v[o] = obtain<o>(frame, values, row, column, count);
  }
};

}  // namespace unroll::detail
