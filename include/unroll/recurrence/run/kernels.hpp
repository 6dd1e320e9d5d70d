#pragma once
// Element-wise operations of one pass, one register of rows at a time, forward and backward.
//
// All values that a pass computes for some rows stay in registers. Operations, loads and stores are known at compile
// time, so the loops below compile to straight-line code.

#include "unroll/recurrence/run/pass_values.hpp"

namespace unroll::detail {

/// Pass of one stage and one size, on registers `V`.
template <class D, class V, int stage, int dimension>
class PassKernel {
  using Scalar = typename V::Scalar;
  using Rows = RowAccess<V>;
  static constexpr const auto& program = D::program;
  static constexpr const auto& schedule = D::schedule;
  static constexpr PassPlan<D> plan{stage, dimension};
  static constexpr int operations = program.operations;

 public:
  /// Frames are passed by value: the compiler keeps the pointers of a local object in registers, while a store through
  /// one of them might change those of another object.
  static void forward(const Frame<Scalar, D> frame, Index rows, Index columns) {
    Rows::sweep(
        rows, columns, [&](Index row, Index column, auto count) __attribute__((always_inline)) {
          forward_rows(frame, row, column, count);
        });
  }

  static void backward(const Frame<Scalar, D> frame, Index rows, Index columns) {
    Rows::sweep(
        rows, columns, [&](Index row, Index column, auto count) __attribute__((always_inline)) {
          backward_rows(frame, row, column, count);
        });
  }

  /// Writes the value of operation `o` for all columns, from the values that the forward pass stored.
  template <int o>
  static void trace(const Frame<Scalar, D>& frame, Index rows, Index columns, Strided<Scalar> to) {
    Rows::sweep(
        rows, columns, [&](Index row, Index column, auto count) __attribute__((always_inline)) {
          Rows::store(to, row, column, PassValues::template stored_value<o>(frame, row, column, count), count);
        });
  }

 private:
  using PassValues = detail::PassValues<D, V>;
  using Values = typename PassValues::Values;

  // ---- forward

  template <class Count>
  EIGEN_ALWAYS_INLINE static void forward_rows(const Frame<Scalar, D>& frame, Index row, Index column, Count count) {
    Values values;
    each_operation<operations>([&]<class O>(O) __attribute__((always_inline)) {
      constexpr int o = O::value;
      if constexpr (plan.runs[o])
        values.v[o] = PassValues::template compute<o>(frame, values, row, column, count);
      else if constexpr (plan.brought_forward[o])
        values.v[o] = PassValues::template obtain<o>(frame, values, row, column, count);
    });
    each_operation<operations>([&]<class O>(O) __attribute__((always_inline)) {
      if constexpr (plan.runs[O::value])
        PassValues::template keep<O::value>(frame, values.v[O::value], row, column, count);
    });
    each_operation<program.states>([&]<class State>(State) __attribute__((always_inline)) {
      constexpr int s = State::value;
      if constexpr (turns<s>) Rows::store(frame.after[s], row, column, values.v[program.state[s].next], count);
    });
    if constexpr (writes_output) store_output(frame, values, row, column, count);
  }

  /// Stage whose pass runs the equation next(s) = ...
  template <int s>
  static constexpr int turning_stage = schedule.stage[program.equation_of(s)];

  template <int s>
  static constexpr bool turns = turning_stage<s> == stage&& program.state[s].dimension == dimension;

  /// True if this pass collects the gradients of operation `o` from later passes and products: it computes the
  /// operation or, for a state before the step, the next value of the state.
  template <int o>
  static constexpr bool collects = [] {
    if constexpr (program.operation[o].op == Op::state)
      return turns<program.operation[o].index>;
    else
      return plan.runs[o];
  }();

  /// True if this pass stores the output, and the output is not a state after the step.
  static constexpr bool writes_output = program.output_state < 0 && collects<program.output>;

  /// The output may be a state before the step that no pass reads.
  template <class Count>
  EIGEN_ALWAYS_INLINE static void store_output(const Frame<Scalar, D>& frame, const Values& values, Index row,
                                               Index column, Count count) {
    constexpr int o = program.output;
    if constexpr (program.operation[o].op == Op::state)
      Rows::store(frame.output, row, column, PassValues::template obtain<o>(frame, values, row, column, count), count);
    else
      Rows::store(frame.output, row, column, values.v[o], count);
  }

  /// Loads or recomputes the values that the backward pass reads.
  template <class Count>
  EIGEN_ALWAYS_INLINE static void obtain_values(const Frame<Scalar, D>& frame, Values& values, Index row, Index column,
                                                Count count) {
    each_operation<operations>([&]<class O>(O) __attribute__((always_inline)) {
      if constexpr (plan.brought_back[O::value])
        values.v[O::value] = PassValues::template obtain<O::value>(frame, values, row, column, count);
    });
  }

  // ---- backward

  /// Sum that starts with its first term instead of 0: most operations have one reader.
  struct Gradient {
    V v;
    bool any;
    EIGEN_ALWAYS_INLINE void add(V g) {
      v = any ? v + g : g;
      any = true;
    }
    EIGEN_ALWAYS_INLINE V value() const { return any ? v : V::constant(Scalar(0)); }
  };
  struct Gradients {
    Gradient of[std::size_t(operations)];
  };

  template <class Count>
  EIGEN_ALWAYS_INLINE static void backward_rows(const Frame<Scalar, D>& frame, Index row, Index column, Count count) {
    Values values;
    Gradients gradients;  // a loop over its elements, such as that of an initializer, would keep it in memory
    each_operation<operations>([&]<class O>(O) __attribute__((always_inline)) { gradients.of[O::value].any = false; });
    obtain_values(frame, values, row, column, count);
    begin_gradients(frame, gradients, row, column, count);
    each_operation<operations>([&]<class O>(O) __attribute__((always_inline)) {
      constexpr int o = operations - 1 - O::value;
      if constexpr (plan.runs[o]) add_operand_gradients<o>(frame, values, gradients, row, column, count);
    });
    each_operation<operations>([&]<class O>(O) __attribute__((always_inline)) {
      if constexpr (plan.read[O::value] && !plan.runs[O::value])
        store_gradient<O::value>(frame, gradients.of[O::value], row, column, count);
    });
    each_operation<program.states>([&]<class State>(State) __attribute__((always_inline)) {
      constexpr int s = State::value;  // no operation of this pass reads the state: its gradient comes only from
                                       // products and later passes
      if constexpr (turns<s> && !plan.read[s])
        Rows::store(frame.d_state[s], row, column, gradients.of[s].value(), count);
    });
  }

  template <class Count>
  EIGEN_ALWAYS_INLINE static void begin_gradients(const Frame<Scalar, D>& frame, Gradients& gradients, Index row,
                                                  Index column, Count count) {
    if constexpr (takes_output_gradient)
      if (frame.d_output.data != nullptr)
        gradients.of[program.output].add(Rows::load(frame.d_output, row, column, count));
    each_operation<program.states>([&]<class State>(State) __attribute__((always_inline)) {
      constexpr int s = State::value;
      if constexpr (turns<s>) gradients.of[program.state[s].next].add(Rows::load(frame.d_state[s], row, column, count));
    });
    each_operation<operations>([&]<class O>(O) __attribute__((always_inline)) {
      constexpr int o = O::value;
      if constexpr (schedule.incoming[o] >= 0 && collects<o>)
        gradients.of[o].add(Rows::load(frame.incoming[schedule.incoming[o]], row, column, count));
      if constexpr (schedule.storage[o] == Storage::function && collects<o>)
        gradients.of[o].add(Rows::load(Strided<Scalar>{frame.d_weight[D::vector_of(o)], 0}, row, column, count));
    });
  }

  /// True if this pass adds the gradient of the output. No pass runs a column operation; if a state renames one, the
  /// pass of the state adds the gradient.
  static constexpr bool takes_output_gradient = [] {
    if constexpr (program.operation[program.output].op == Op::column)
      return turns<program.output_state>;
    else
      return collects<program.output>;
  }();

  template <int o, class Count>
  EIGEN_ALWAYS_INLINE static void add_operand_gradients(const Frame<Scalar, D>& frame, const Values& values,
                                                        Gradients& gradients, Index row, Index column, Count count) {
    constexpr Operation operation = program.operation[o];
    if constexpr (program.is_fixed(o)) return;
    const V g = gradients.of[o].value();
    if constexpr (operation.op == Op::linear)
      Rows::store(frame.terms, frame.term_row[operation.index] + row, column, g, count);
    else if constexpr (program.is_weight(o)) {
      add_to_weight<o>(frame, gradients.of[o], row, count);
    } else if constexpr (operation.op == Op::apply) {
      pull_operands<o>(values, gradients, g);
    }
  }

  /// Nothing is added for a weight that only functions of weights read.
  template <int o, class Count>
  EIGEN_ALWAYS_INLINE static void add_to_weight(const Frame<Scalar, D>& frame, const Gradient& gradient, Index row,
                                                Count count) {
    if (!gradient.any || program.is_fixed(o)) return;
    const Strided<Scalar> sum{frame.d_weight[D::vector_of(o)], 0};
    if constexpr (!std::is_same_v<Count, typename Rows::Whole>)
      if (count.many) return add_columns(gradient.v, sum.data + row, count.rows);
    Rows::store(sum, row, 0, Rows::load(sum, row, 0, count) + gradient.v, count);
  }

  /// Adds one column after another, so that the result is that of one register per column.
  static void add_columns(V g, Scalar* sum, int rows) {
    Scalar values[V::size];
    g.store(values);
    for (int column = 0; column < V::ends; ++column)
      for (int row = 0; row < rows; ++row) sum[row] += values[column * V::end_rows + row];
  }

  template <int o>
  EIGEN_ALWAYS_INLINE static void pull_operands(const Values& values, Gradients& gradients, V g) {
    constexpr Operation operation = program.operation[o];
    constexpr int l = operation.left, r = operation.right >= 0 ? operation.right : 0;
    constexpr bool to_left = !program.is_fixed(l);
    constexpr bool to_right = operation.right >= 0 && !program.is_fixed(r);
    constexpr const auto& element = D::applied.template get<operation.index>();
    if constexpr (to_left) {
      const GradientOperands<D::traits[operation.index].left_reads, V> operands{values.v[l], values.v[r], values.v[o]};
      gradients.of[l].add(element.left_gradient(g, operands));
    }
    if constexpr (to_right) {
      const GradientOperands<D::traits[operation.index].right_reads, V> operands{values.v[l], values.v[r], values.v[o]};
      gradients.of[r].add(element.right_gradient(g, operands));
    }
  }

  /// Stores the gradient of a value that another pass computes, or of a state before the step.
  template <int o, class Count>
  EIGEN_ALWAYS_INLINE static void store_gradient(const Frame<Scalar, D>& frame, const Gradient& gradient, Index row,
                                                 Index column, Count count) {
    constexpr Operation operation = program.operation[o];
    if constexpr (operation.op == Op::state) {
      constexpr int s = operation.index;
      if constexpr (turns<s>) return Rows::store(frame.d_state[s], row, column, gradient.value(), count);
      constexpr bool turned = stage < turning_stage<s>;  // passes run from the last stage to the first
      if constexpr (turned) return add_to(frame.d_state[s], gradient, row, column, count);
    }
    if constexpr (D::vector_of(o) >= 0) return add_to_weight<o>(frame, gradient, row, count);
    if constexpr (schedule.incoming[o] >= 0 && !collects<o>) {
      const auto& waiting = frame.incoming[schedule.incoming[o]];
      if constexpr (schedule.last_reader[o] == stage)
        Rows::store(waiting, row, column, gradient.value(), count);
      else
        add_to(waiting, gradient, row, column, count);
    }
  }

  template <class Count>
  EIGEN_ALWAYS_INLINE static void add_to(const Strided<Scalar>& sum, const Gradient& gradient, Index row, Index column,
                                         Count count) {
    Rows::store(sum, row, column, Rows::load(sum, row, column, count) + gradient.value(), count);
  }
};

}  // namespace unroll::detail
