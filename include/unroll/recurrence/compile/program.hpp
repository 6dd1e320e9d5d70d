#pragma once
// The equations of a cell as a flat list of operations, made at compile time.
//
// Every operand stands before what uses it, so running down the list computes a step and running up it pulls gradients
// back. A name is not an operation: whatever reads `r` reads the last operation of the equation that defines r. All
// that is derived from a cell (schedule, kernels, parameters, text) reads this list and nothing else.

#include <string_view>

#include "unroll/core/types.hpp"

namespace unroll::detail {

enum class Op : unsigned char {
  state,          ///< a state before the step; index = state
  input,          ///< index = input; only `linear` reads it
  constant,       ///< index = constant; only `linear` reads it
  number,         ///< a number that stands in the equations
  unit_weight,    ///< one parameter per unit; index = weight
  scalar_weight,  ///< one parameter for all units; index = weight
  linear,         ///< index = term
  column,         ///< an operation over all rows of a column; left = the linear term of its operand; index = its number
  apply,  ///< an element-wise operation on `left`, or on `left` and `right`; index = its place in Derived::applied
};

struct Operation {
  Op op = Op::number;
  int left = -1, right = -1;  ///< operands: places in the list
  int index = 0;
  double number = 0;
  int equation = -1;  ///< where it stands; -1 for states, inputs and constants
};

/// One `linear(...)`: what it reads, and where it stands; or the operand of an operation over columns, which reads its
/// rows between passes.
struct LinearTerm {
  static constexpr int max_sources = 8;
  int equation = 0;
  int ordinal = 0;  ///< it is the ordinal-th linear of its equation, from 1
  int operation = 0;
  bool biased = true;
  int dimension = 0;       ///< its rows, as an index into Program::sizes
  bool of_column = false;  ///< the operand of an operation over columns
  bool is_copy = false;    ///< the value of its one source, without weights
  int sources = 0;
  Table<int, max_sources> source{};  ///< operations
  Table<std::string_view, max_sources> source_name{};

  constexpr bool reads(int operation_number) const {
    for (int k = 0; k < sources; ++k)
      if (source[k] == operation_number) return true;
    return false;
  }
};

/// One operation over all rows of a column; its word, which says more, is in Derived::over_columns.
struct ColumnOperation {
  int operation = 0;
  int term = 0;  ///< of its operand
};

struct EquationInfo {
  std::string_view name;
  int root = -1;      ///< the operation that gives its value
  int state = -1;     ///< which state it advances; -1 for an intermediate value
  int dimension = 0;  ///< index into Program::sizes
};

struct StateInfo {
  std::string_view name;
  int dimension = 0;  ///< likewise
  int next = -1;      ///< the operation that gives the state after the step
};

struct WeightInfo {
  std::string_view name;
  bool per_unit = true;
  bool added = false;  ///< a bias; otherwise it multiplies
  int dimension = 0;   ///< likewise
};

/// What can be wrong with equations; each has its sentence in check_equations (derived.hpp).
enum class Misuse {
  none,
  no_state,
  undefined,
  used_before_defined,
  defined_twice,
  next_of_no_state,
  state_without_next,
  dead_equation,
  input_element_by_element,
  mixed_sizes,
  undefined_output,
  two_outputs,
  attend_within,
  next_of_attend,
  attend_of_another_size,
  output_of_attend,
  attend_asked_by_constant,
  source_twice,
  linear_of_weight,
  weight_of_two_kinds,
  too_many,
};

/// A list of operations with at most `capacity` entries.
template <int capacity>
struct Program {
  static constexpr int max_names = 8;  ///< of inputs, constants, states and sizes each

  Table<Operation, capacity> operation{};
  int operations = 0;
  Table<EquationInfo, capacity> equation{};
  int equations = 0;
  Table<LinearTerm, capacity> term{};
  int terms = 0;
  Table<ColumnOperation, capacity> column_operation{};
  int column_operations = 0;
  Table<WeightInfo, capacity> weight{};
  int weights = 0;
  int applied = 0;  ///< element-wise operations
  Table<StateInfo, max_names> state{};
  int states = 0;
  Table<std::string_view, max_names> input{}, constant{}, sizes{{"units"}};
  Table<int, max_names> input_operation{}, constant_operation{};
  int inputs = 0, constants = 0, size_count = 1;
  int output = -1;        ///< the operation whose value is handed on
  int output_state = -1;  ///< the state whose next value that is; -1 when it is an intermediate value
  Misuse misuse = Misuse::none;

  constexpr int add(Operation o) {
    if (operations == capacity) return report(Misuse::too_many), 0;
    operation[operations] = o;
    return operations++;
  }

  /// The first mistake is the one that is told.
  constexpr void report(Misuse found) {
    if (misuse == Misuse::none) misuse = found;
  }

  /// Rows of what an operation gives, as an index into `sizes`; -1 for inputs and constants, which have rows of their
  /// own.
  constexpr int dimension_of(int o) const {
    if (operation[o].op == Op::state) return state[operation[o].index].dimension;
    return operation[o].equation >= 0 ? equation[operation[o].equation].dimension : -1;
  }

  /// It concerns all rows of a column together, so it runs between passes.
  constexpr bool between_passes(int o) const {
    return operation[o].op == Op::column || (operation[o].op == Op::linear && term[operation[o].index].of_column);
  }

  /// The equation next(state) = ..., or -1.
  constexpr int equation_of(int advanced) const {
    for (int e = 0; e < equations; ++e)
      if (equation[e].state == advanced) return e;
    return -1;
  }

  /// The equation whose value this operation is, or -1.
  constexpr int root_of(int o) const {
    for (int e = 0; e < equations; ++e)
      if (equation[e].root == o) return e;
    return -1;
  }

  /// The place of a name in a list of names, appended when it is new.
  constexpr int intern(Table<std::string_view, max_names>& names, int& count, std::string_view name) {
    for (int k = 0; k < count; ++k)
      if (names[k] == name) return k;
    if (count == max_names) return report(Misuse::too_many), 0;
    names[count] = name;
    return count++;
  }
};

}  // namespace unroll::detail
