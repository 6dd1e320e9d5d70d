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
  template <class Operation, class... E>
  static constexpr auto of(const Apply<Operation, E...>& e) {
    return join(all(e.operands), list(e.operation));
  }
  template <class N, class P>
  static constexpr auto of(const Zoneout<N, P>& e) {
    return join(all(list(e.next, e.previous)), list(Subtract{}, Multiply{}, Add{}));
  }
  template <class Target, class E>
  static constexpr auto of(const Equation<Target, E>& e) {
    return of(e.expression);
  }
  static constexpr List<> all(const List<>&) { return {}; }
  template <class First, class... Rest>
  static constexpr auto all(const List<First, Rest...>& expressions) {
    return join(of(expressions.first), all(expressions.rest));
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
  static constexpr List<> all(const List<>&) { return {}; }
  template <class First, class... Rest>
  static constexpr auto all(const List<First, Rest...>& lines) {
    return join(of(lines.first), all(lines.rest));
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
