#pragma once
// Values in equations: numbers, symbols, inputs and constants.

#include <algorithm>
#include <string_view>
#include <type_traits>

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
};

template <Expression E>
constexpr E as_expression(E e) {
  return e;
}
template <class N>
requires std::is_arithmetic_v<N>
constexpr Number as_expression(N number) { return {static_cast<double>(number)}; }

/// `target = expression`
template <class Target, class E>
struct Equation {
  static constexpr int operations = E::operations;
  E expression;
};

/// State or intermediate value. Its rows are the cell's units, or the named `size`.
template <Name name, Name size = "units">
struct Symbol {
  static constexpr int operations = 0;  // refers to the result of another equation
  template <Operand E>
  constexpr auto operator=(E e) const {  // NOLINT: an equation, not an assignment
    return Equation<Symbol, decltype(as_expression(e))>{as_expression(e)};
  }
};

/// Input of every step. Its rows are independent of the units; only `linear` reads it.
template <Name name>
struct Input {
  static constexpr int operations = 0;
};

/// Input given once per sequence, such as a condition or an encoder's last state. Its products are computed once, not
/// per step.
template <Name name>
struct Constant {
  static constexpr int operations = 0;
};

template <Name name>
inline constexpr Input<name> input{};
template <Name name>
inline constexpr Constant<name> constant{};
template <Name name, Name size = "units">
inline constexpr Symbol<name, size> symbol{};

/// State after the step.
template <class State>
struct Next {
  static constexpr int operations = 0;
  template <Operand E>
  constexpr auto operator=(E e) const {  // NOLINT: an equation, not an assignment
    return Equation<Next, decltype(as_expression(e))>{as_expression(e)};
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
template <Name name>
inline constexpr bool is_named<Input<name>> = true;
template <Name name>
inline constexpr bool is_named<Constant<name>> = true;
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
template <Name name>
constexpr std::string_view name_of(Input<name>) {
  return name.view();
}
template <Name name>
constexpr std::string_view name_of(Constant<name>) {
  return name.view();
}

}  // namespace unroll::language
