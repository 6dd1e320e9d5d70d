#pragma once
// Equations of a cell as a flat list of operations, built at compile time.
//
// Operands precede the operations that read them: iterating forwards computes a step, iterating backwards computes
// gradients. A name is not an operation: an operation that reads `r` reads the last operation of the equation that
// defines r. Schedule, kernels, parameters and text are derived from this list alone.

#include <string_view>

#include "unroll/core/types.hpp"
#include "unroll/recurrence/language/values.hpp"
#include "unroll/recurrence/language/weights.hpp"

namespace unroll::detail {

enum class Op : unsigned char {
  state,          ///< a state before the step; index = state
  input,          ///< index = input; only `linear` reads it
  constant,       ///< index = constant; only `linear` reads it
  number,         ///< numeric constant
  unit_weight,    ///< one parameter per unit; index = weight
  scalar_weight,  ///< one parameter for all units; index = weight
  linear,         ///< index = term
  column,         ///< a column operation (over all rows); left = linear term of its operand; index = its number
  apply,  ///< an element-wise operation on `left`, or on `left` and `right`; index = position in Derived::applied
};

struct Operation {
  Op op = Op::number;
  int left = -1, right = -1;  ///< operands: indices into the list
  int index = 0;
  double number = 0;
  int equation = -1;  ///< its equation; -1 for states, inputs and constants
};

using language::Copy;

/// One `linear(...)`, a value that is read element by element as a copy, or the operand of a column operation, which
/// reads its rows between passes.
struct LinearTerm {
  static constexpr int max_sources = 8;
  int equation = 0;
  int ordinal = 0;  ///< ordinal-th linear of its equation, from 1
  int operation = 0;
  bool biased = true;
  int dimension = 0;       ///< size of its rows: index into Program::sizes
  bool of_column = false;  ///< true for the operand of a column operation
  bool named = false;      ///< an operand that is written as a name, even if it has weights
  Copy copy = Copy::none;
  int part = 0;                    ///< number of the block, for Copy::part
  language::WeightRule rule = {};  ///< of its weights; if it has an option, it has one source
  double rate = 0;                 ///< of a mask
  bool per_sequence = false;       ///< one mask for all steps
  int sources = 0;
  Table<int, max_sources> source{};  ///< indices of operations
  Table<std::string_view, max_sources> source_name{};

  constexpr bool is_mask() const { return copy == Copy::dropped || copy == Copy::zoned; }
  constexpr bool reads(int operation_number) const {
    for (int k = 0; k < sources; ++k)
      if (source[k] == operation_number) return true;
    return false;
  }
};

/// One column operation; its word is in Derived::over_columns.
struct ColumnOperation {
  int operation = 0;
  int term = 0;                   ///< term of its operand
  bool replaces_operand = false;  ///< its gradient does not read the operand, so the result is stored in its place
};

struct EquationInfo {
  std::string_view name;
  int root = -1;      ///< operation that computes its value
  int state = -1;     ///< state that it advances; -1 for an intermediate value
  int dimension = 0;  ///< index into Program::sizes
};

struct StateInfo {
  std::string_view name;
  int dimension = 0;  ///< index into Program::sizes
  int next = -1;      ///< operation that computes the state after the step
};

struct WeightInfo {
  std::string_view name;
  bool per_unit = true;
  bool added = false;                       ///< true: a bias; false: a factor
  int dimension = 0;                        ///< index into Program::sizes
  std::string_view frozen = {};             ///< name of its values if it is not trained; see language::WeightRule
  language::MatrixValues values = nullptr;  ///< the values; null: initialised like trained ones
};

/// Mistakes in equations; check_equations (derived.hpp) has a message for each.
enum class Misuse {
  none,
  no_state,
  undefined,
  used_before_defined,
  defined_twice,
  next_of_no_state,
  state_without_next,
  dead_equation,
  input_as_output,
  input_of_two_sizes,
  mixed_sizes,
  undefined_output,
  two_outputs,
  column_within,
  next_of_column,
  attend_of_another_size,
  more_than_one_row,
  no_matrix,
  output_of_column,
  copy_of_constant,
  copy_of_weight,
  rows_of_unsized,
  square_of_two_sizes,
  matrix_of_two_sizes,
  source_twice,
  linear_of_weight,
  weight_of_two_kinds,
  too_many,
};

/// Largest number of inputs, constants, states and sizes each.
inline constexpr int max_names = 12;

/// Size of an operation's result, as an index into `sizes` of a Program or a ProgramView; -1 for inputs and constants,
/// whose rows are independent.
template <class Program>
constexpr int dimension_of(const Program& program, int o) {
  const Operation& operation = program.operation[o];
  if (operation.op == Op::state) return program.state[operation.index].dimension;
  return operation.equation >= 0 ? program.equation[operation.equation].dimension : -1;
}

template <int capacity>
struct Program {
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
  int applied = 0;  ///< number of element-wise operations
  Table<StateInfo, max_names> state{};
  int states = 0;
  Table<std::string_view, max_names> input{}, constant{}, sizes{{"units"}};
  Table<std::string_view, max_names> input_size{}, constant_size{};  ///< names of the sizes of their rows; empty: none
  Table<int, max_names> input_operation{}, constant_operation{};
  int inputs = 0, constants = 0, size_count = 1;
  int output = -1;        ///< operation that computes the cell's output
  int output_state = -1;  ///< state whose next value is the output; -1 if it is an intermediate value
  Misuse misuse = Misuse::none;

  constexpr int add(Operation o) {
    if (operations == capacity) return report(Misuse::too_many), 0;
    operation[operations] = o;
    return operations++;
  }

  /// Records a mistake; only the first is reported.
  constexpr void report(Misuse found) {
    if (misuse == Misuse::none) misuse = found;
  }

  constexpr int dimension_of(int o) const { return detail::dimension_of(*this, o); }

  /// True for a parameter that is one number per unit or one in all.
  constexpr bool is_weight(int o) const {
    return operation[o].op == Op::unit_weight || operation[o].op == Op::scalar_weight;
  }

  /// True for a value without a gradient: a number, a weight that is not trained, a mask, or a copy or function of
  /// these alone.
  constexpr bool is_fixed(int o) const {
    const Operation& v = operation[o];
    if (is_weight(o)) return !weight[v.index].frozen.empty();
    if (v.op == Op::linear)
      return term[v.index].is_mask() ||
             (term[v.index].copy != Copy::none && !term[v.index].of_column && is_fixed(term[v.index].source[0]));
    return v.op == Op::number || (v.op == Op::apply && is_fixed(v.left) && (v.right < 0 || is_fixed(v.right)));
  }

  /// True if the operation needs all rows of a column, so that it runs between passes.
  constexpr bool between_passes(int o) const {
    return operation[o].op == Op::column || (operation[o].op == Op::linear && term[operation[o].index].of_column);
  }

  /// The equation next(state) = ..., or -1.
  constexpr int equation_of(int advanced) const {
    for (int e = 0; e < equations; ++e)
      if (equation[e].state == advanced) return e;
    return -1;
  }

  /// The equation whose value is operation `o`, or -1.
  constexpr int root_of(int o) const {
    for (int e = 0; e < equations; ++e)
      if (equation[e].root == o) return e;
    return -1;
  }

  /// Index of a name in a list of names; appends a new name.
  constexpr int intern(Table<std::string_view, max_names>& names, int& count, std::string_view name) {
    for (int k = 0; k < count; ++k)
      if (names[k] == name) return k;
    if (count == max_names) return report(Misuse::too_many), 0;
    names[count] = name;
    return count++;
  }
};

}  // namespace unroll::detail
