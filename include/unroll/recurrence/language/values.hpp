#pragma once
// Values in equations: numbers, symbols, inputs and constants.

#include <algorithm>
#include <string_view>
#include <type_traits>

#include "unroll/core/error.hpp"
#include "unroll/core/requirements.hpp"

namespace unroll::language {

/// String as a template argument.
template <std::size_t N>
struct Name {
  char text[N]{};
  constexpr Name(const char (&letters)[N]) { std::copy_n(letters, N, text); }  // NOLINT: a literal is a name
  constexpr std::string_view view() const { return {text, N - 1}; }
};

/// Part of an equation; `E::operations` is the number of operations in it.
template <class E>
concept Expression = requires {
  E::operations;
};

/// Expression or number.
template <class E>
concept Operand = Expression<E> || std::is_arithmetic_v<E>;

struct Number {
  static constexpr int operations = 1;
  double value;
  constexpr Number(double number) : value(number) {}  // NOLINT: implicit, for operands that are numbers
};

/// Type of an operand in an expression.
template <Operand E>
using AsExpression = std::conditional_t<Expression<E>, E, Number>;

/// `target = expression`
template <class Target, class E>
struct Equation {
  static constexpr int operations = E::operations;
  E expression;
};

/// Size of one row. An equation of another size that reads such a value element by element reads the same number in all
/// of its rows.
inline constexpr std::string_view one_row = "one";

/// Position of a letter in a name, or the length of the name. std::string_view::find is no constant expression for
/// names that are template arguments if g++ compiles with -fsanitize=undefined.
constexpr std::size_t position(std::string_view name, char letter) {
  std::size_t k = 0;
  while (k < name.size() && name[k] != letter) ++k;
  return k;
}

/// True for a matrix, whose size is a product: "units*keys".
constexpr bool is_matrix(std::string_view size) { return position(size, '*') < size.size(); }

/// True for a multiple of another size, "4 units", or a number of rows, "8".
constexpr bool is_multiple(std::string_view size) { return !size.empty() && size[0] >= '0' && size[0] <= '9'; }

/// True for a size that is not given: "one", "4 units", "8", "units*keys".
constexpr bool follows_from_others(std::string_view size) {
  return size == one_row || is_multiple(size) || is_matrix(size);
}

/// State or intermediate value. Its rows are the cell's units, or the named `size`: "one" is one row, "4 units" four
/// times as many as the units, "8" eight rows.
template <Name name, Name size = "units">
struct Symbol {
  static constexpr int operations = size.view() == one_row ? 1 : 0;  // a copy to other rows, or a reference
  template <Operand E>
  constexpr Equation<Symbol, AsExpression<E>> operator=(E e) const {  // NOLINT: an equation, not an assignment
    return {e};
  }
};

/// Input of every step. `size` names its rows; "": they are independent of all sizes. Equations of as many rows read it
/// element by element, those of another size through `linear`.
template <Name name, Name size = "">
struct Input {
  static constexpr int operations = 1;  // a copy, if it is read element by element
};

/// Input given once per sequence, such as a condition or an encoder's last state. Its products are computed once, not
/// per step.
template <Name name, Name size = "">
struct Constant {
  static constexpr int operations = 1;
};

template <Name name, Name size = "">
inline constexpr Input<name, size> input{};
template <Name name, Name size = "">
inline constexpr Constant<name, size> constant{};
template <Name name, Name size = "units">
inline constexpr Symbol<name, size> symbol{};

/// State after the step.
template <class State>
struct Next {
  static constexpr int operations = State::operations;
  template <Operand E>
  constexpr Equation<Next, AsExpression<E>> operator=(E e) const {  // NOLINT: an equation, not an assignment
    return {e};
  }
};
template <Name name, Name size>
constexpr Next<Symbol<name, size>> next(Symbol<name, size>) {
  return {};
}

template <class E>
inline constexpr bool is_named = false;
template <Name name, Name size>
inline constexpr bool is_named<Symbol<name, size>> = true;
template <Name name, Name size>
inline constexpr bool is_named<Input<name, size>> = true;
template <Name name, Name size>
inline constexpr bool is_named<Constant<name, size>> = true;
template <class State>
inline constexpr bool is_named<Next<State>> = true;

template <Name name, Name size>
constexpr std::string_view name_of(Symbol<name, size>) {
  return name.view();
}
template <Name name, Name size>
constexpr std::string_view name_of(Next<Symbol<name, size>>) {
  return name.view();
}
template <Name name, Name size>
constexpr std::string_view name_of(Input<name, size>) {
  return name.view();
}
template <Name name, Name size>
constexpr std::string_view name_of(Constant<name, size>) {
  return name.view();
}

/// Rows of a value that an equation of another size reads element by element, as a copy.
enum class Copy : unsigned char {
  none,       ///< not a copy: multiplied by weights
  whole,      ///< all rows
  spread,     ///< the only row, for all rows of the equation
  part,       ///< a block of as many rows as the equation has
  by_head,    ///< one number for the rows of each head
  by_row,     ///< for a matrix, one number for each of its rows
  by_column,  ///< for a matrix, one number for each of its columns, or for each column of each head
  dropped,    ///< no value: the mask of dropout(...)
  zoned,      ///< no value: the mask of zoneout(...)
};

/// Rate of dropout(...), zoneout(...) or drop_weights(...). Throws ValueError outside of [0, 1), in equations at
/// compile time.
struct MaskRate {
  double rate;
  constexpr MaskRate(double number) : rate(number) {  // NOLINT: implicit conversion from a number
    if (!(number >= 0 && number < 1))
      throw ValueError(
          text("the rate of dropout, zoneout or drop_weights must be at least 0 and below 1, got ", number));
  }
};

/// Masks of dropout(...): a new one at every step, or one per sequence for all of its steps.
enum class Masks : unsigned char { per_step, per_sequence };

/// Random mask for the elements of an equation.
template <Copy kind, Masks masks>
struct Mask {
  static constexpr int operations = 1;
  double rate;
};

template <class Named, Copy kind, int number = 0>
struct Copied {
  static constexpr int operations = 1;
};

namespace parts {
template <class Named, Copy kind, int number = 0>
constexpr Copied<Named, kind, number> copied(Named) {
  static_assert(
      is_named<Named>,
      "unroll: part<k>(...), by_head(...), by_row(...), by_column(...) and outer(...) must read named values; give "
      "the expression a separate equation");
  return {};
}
}  // namespace parts

/// Rows [k n, (k + 1) n) of a value, where n is the size of the equation that reads them.
template <int k, class Named>
constexpr auto part(Named value) {
  static_assert(k >= 0, "unroll: k of part<k>(...) must be at least 0");
  return parts::copied<Named, Copy::part, k>(value);
}
/// Matrix with the element v_r in all columns of row r, in an equation whose size is a product such as "units*keys".
/// Matrices are stored row by row: the element of row r and column c of [R x C] is at r C + c.
template <class Named>
constexpr auto by_row(Named v) {
  return parts::copied<Named, Copy::by_row>(v);
}
/// One number of each head for all of its rows: the rows of the equation, or of its matrix, are divided into as many
/// equal blocks as v has rows.
template <class Named>
constexpr auto by_head(Named v) {
  return parts::copied<Named, Copy::by_head>(v);
}
/// Matrix with the element v_c in all rows of column c. A value of the size "heads*keys" in a matrix of the size
/// "units*keys" has separate elements for each head, whose rows are a block of the matrix.
template <class Named>
constexpr auto by_column(Named v) {
  return parts::copied<Named, Copy::by_column>(v);
}

/// Name with a number: numbered<"v", 2> is "v2", for the equations of repeat<n>(...).
template <Name base, int k>
inline constexpr auto numbered = [] {
  static_assert(k >= 0, "unroll: a number in a name must be at least 0");
  constexpr int digits = k < 10 ? 1 : k < 100 ? 2 : 3;
  static_assert(k < 1000, "unroll: a number in a name must be at most 999");
  char letters[sizeof(base.text) + std::size_t(digits)]{};
  std::copy_n(base.text, sizeof(base.text) - 1, letters);
  for (int d = 0, rest = k; d < digits; ++d, rest /= 10)
    letters[sizeof(base.text) - 1 + std::size_t(digits - 1 - d)] = char('0' + rest % 10);
  return Name(letters);
}();

}  // namespace unroll::language
