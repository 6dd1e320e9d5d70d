#pragma once
// All compile-time results for a cell's equations, and the error messages for mistakes in them.

#include "unroll/recurrence/compile/lowering.hpp"
#include "unroll/recurrence/compile/operations_in.hpp"
#include "unroll/recurrence/compile/schedule.hpp"

namespace unroll::detail {

template <class F>
constexpr OperationTraits traits_of() {
  if constexpr (requires { F::right_reads; })
    return {F::left_reads, F::right_reads, F::kept};
  else
    return {F::left_reads, {}, F::kept};
}
template <class... F>
constexpr auto traits_of(const language::List<F...>&) {
  return Table<OperationTraits, int(sizeof...(F))>{{traits_of<F>()...}};
}

/// Fails to compile with one message per mistake, phrased in terms of the equations.
template <Misuse misuse>
constexpr bool check_equations() {
  static_assert(misuse != Misuse::no_state, "unroll: a cell must have at least one state; write cell(state(h), ...)");
  static_assert(misuse != Misuse::undefined,
                "unroll: an equation uses a symbol that is neither a state nor defined by an earlier equation");
  static_assert(misuse != Misuse::used_before_defined,
                "unroll: an equation uses a value before the equation that defines it; change their order");
  static_assert(misuse != Misuse::defined_twice,
                "unroll: two equations define the same name, or an equation has a state's name");
  static_assert(misuse != Misuse::next_of_no_state, "unroll: next(...) must name one of the states in state(...)");
  static_assert(misuse != Misuse::state_without_next, "unroll: a state has no equation next(...) = ...");
  static_assert(misuse != Misuse::dead_equation,
                "unroll: neither a state nor the output depends on one of the equations; use its value or remove it");
  static_assert(misuse != Misuse::input_as_output, "unroll: output(...) must not be an input or a constant");
  static_assert(misuse != Misuse::input_of_two_sizes,
                "unroll: an input or a constant is written with two different sizes; declare it once");
  static_assert(misuse != Misuse::mixed_sizes,
                "unroll: values must have equal sizes element by element, or the size \"one\"; change the size through "
                "linear(...) or part<k>(...)");
  static_assert(misuse != Misuse::two_outputs, "unroll: a cell must have one output(...)");
  static_assert(
      misuse != Misuse::column_within,
      "unroll: attend(...), layer_norm(...) and other operations on all rows must be a separate equation; read "
      "it by name");
  static_assert(
      misuse != Misuse::next_of_column,
      "unroll: next(...) must not be attend(...), layer_norm(...) or another operation on all rows itself; give "
      "it a separate equation");
  static_assert(misuse != Misuse::attend_of_another_size,
                "unroll: the result of attend(...) has the rows of the memory; leave out the size of its symbol");
  static_assert(misuse != Misuse::more_than_one_row,
                "unroll: mean(...), sum(...) and max_of(...) have one row; declare symbol<\"m\", \"one\">");
  static_assert(misuse != Misuse::no_matrix,
                "unroll: by_row(...), by_column(...) and outer(...) must be of a matrix; its size is a product such as "
                "symbol<\"C\", \"units*keys\">");
  static_assert(
      misuse != Misuse::output_of_column,
      "unroll: output(...) must not be attend(...), layer_norm(...) or another operation on all rows itself; add "
      "an equation such as y = 1 * ctx");
  static_assert(misuse != Misuse::copy_of_constant,
                "unroll: attend(dot, ...), layer_norm(...) and other operations on all rows must not read a constant; "
                "project it first, q = linear(constant)");
  static_assert(
      misuse != Misuse::copy_of_weight,
      "unroll: equations of another size, part<k>(...), by_head(...), by_row(...), by_column(...) and operations "
      "on all rows must not read an equation that is only a number or a single weight; write it where it is used, or "
      "as a product such as 1 * weight(p)");
  static_assert(misuse != Misuse::rows_of_unsized,
                "unroll: an operation on all rows must read an input whose size has a name: input<\"x\", "
                "\"features\">");
  static_assert(
      misuse != Misuse::square_of_two_sizes,
      "unroll: linear(h, antisymmetric(damping)) and linear(h, cayley) must read a value of the size of their "
      "equation");
  static_assert(
      misuse != Misuse::matrix_of_two_sizes,
      "unroll: a shared_matrix<\"A\"> that several linear(...) share must have the same sizes in all of them");
  static_assert(misuse != Misuse::undefined_output, "unroll: output(...) must name a value that an equation defines");
  static_assert(misuse != Misuse::source_twice,
                "unroll: a linear(...) must not read the same value twice; one weight matrix is enough");
  static_assert(misuse != Misuse::linear_of_weight,
                "unroll: linear(...) must not read a number or a single weight; use the bias of linear(...)");
  static_assert(misuse != Misuse::weight_of_two_kinds,
                "unroll: one name is used for two kinds of weights, or for values of different sizes; use different "
                "names");
  static_assert(misuse != Misuse::too_many,
                "unroll: a cell must have at most 12 inputs, 12 constants, 12 states and 12 sizes");
  return misuse == Misuse::none;
}

/// Compile-time results for `equations`, a constexpr variable with static storage, since its numbers are read.
template <const auto& equations>
struct Derived {
  static constexpr auto applied = operations_of(equations);         ///< element-wise operations, by Operation::index
  static constexpr auto over_columns = column_words_of(equations);  ///< words of the column operations, by index
  static constexpr auto traits = traits_of(applied);                ///< of each element-wise operation
  static constexpr auto program = lower(equations);
  static_assert(check_equations<program.misuse>());
  static_assert(program.applied == applied.size && program.column_operations == over_columns.size,
                "unroll: lowering and operations_in.hpp walk over different expressions");
  static constexpr auto schedule = make_schedule(program, traits);

  /// Vectors of weights: the single weights, then the functions of them alone.
  static constexpr int vectors = program.weights + schedule.functions;
  /// Vector with the value of an operation; -1 if it has none.
  static constexpr int vector_of(int o) {
    if (program.is_weight(o)) return program.operation[o].index;
    return schedule.storage[o] == Storage::function ? program.weights + schedule.stored_at[o] : -1;
  }

  /// True if the equation is a column operation, which no pass runs.
  static constexpr bool is_over_column(int equation) {
    const int root = program.equation[equation].root;
    return program.operation[root].op == Op::column && program.operation[root].equation == equation;
  }

  /// True if a stage has a pass of this size: all its equations of the size form one pass.
  static constexpr bool has_pass(int stage, int dimension) {
    if (stage == before_steps)
      for (int k = 0; k < schedule.functions; ++k)
        if (program.dimension_of(schedule.function[k]) == dimension) return true;
    for (int e = 0; e < program.equations; ++e)
      if (schedule.stage[e] == stage && program.equation[e].dimension == dimension && !is_over_column(e)) return true;
    return false;
  }
};

}  // namespace unroll::detail
