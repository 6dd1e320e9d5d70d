#pragma once
// Operations of equations as objects, since an operation may have numeric options.

#include "unroll/recurrence/language.hpp"

namespace unroll::language {

/// Collects the element-wise operations in the order in which Lowering numbers them: operands first, left before right.
struct OperationsIn {
  template <class E>
  static constexpr List<> of(const E&) {
    return {};
  }
  template <class Operation, class E>
  static constexpr auto of(const Apply<Operation, E>& e) {
    return join(of(e.left), list(e.operation));
  }
  template <class Operation, class Left, class Right>
  static constexpr auto of(const Apply<Operation, Left, Right>& e) {
    return join(of(e.left), of(e.right), list(e.operation));
  }
  template <class N, class P>
  static constexpr auto of(const Zoneout<N, P>& e) {
    return join(of(e.next), of(e.previous), list(Subtract{}, Multiply{}, Add{}));
  }
  template <class Target, class E>
  static constexpr auto of(const Equation<Target, E>& e) {
    return of(e.expression);
  }
  template <int... k, class... Lines>
  static constexpr auto all(const parts::ListItems<std::integer_sequence<int, k...>, Lines...>& lines) {
    return join(of(parts::item_of<k>(lines))...);
  }
};

/// Collects the words of the column operations.
struct ColumnWordsIn {
  template <class Line>
  static constexpr List<> of(const Line&) {
    return {};
  }
  template <class Target, class Word, class Named>
  static constexpr List<Word> of(const Equation<Target, OverColumn<Word, Named>>& e) {
    return list(e.expression.word);
  }
  template <int... k, class... Lines>
  static constexpr auto all(const parts::ListItems<std::integer_sequence<int, k...>, Lines...>& lines) {
    return join(of(parts::item_of<k>(lines))...);
  }
};

}  // namespace unroll::language

namespace unroll::detail {

template <class StateList, class... Lines>
constexpr auto operations_of(const Equations<StateList, Lines...>& equations) {
  return language::OperationsIn::all(equations.lines);
}

template <class StateList, class... Lines>
constexpr auto column_words_of(const Equations<StateList, Lines...>& equations) {
  return language::ColumnWordsIn::all(equations.lines);
}

}  // namespace unroll::detail
