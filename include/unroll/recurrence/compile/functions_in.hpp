#pragma once
// The functions that equations apply, as objects: an activation may carry numbers.

#include "unroll/recurrence/language.hpp"

namespace unroll {
namespace language {

/// Collects the functions in the order in which Lowering numbers them: operands first, left before right.
struct FunctionsIn {
  template <class E>
  static constexpr List<> of(const E&) {
    return {};
  }
  template <class E>
  static constexpr auto of(const Negate<E>& e) {
    return of(e.argument);
  }
  template <class E>
  static constexpr auto of(const Clip<E>& e) {
    return of(e.argument);
  }
  template <class F, class E>
  static constexpr auto of(const Apply<F, E>& e) {
    return join(of(e.argument), list(e.function));
  }
  template <class Operator, class L, class R>
  static constexpr auto of(const Binary<Operator, L, R>& e) {
    return join(of(e.left), of(e.right));
  }
  template <class Target, class E>
  static constexpr auto of(const Equation<Target, E>& e) {
    return of(e.expression);
  }
  static constexpr List<> all(const List<>&) { return {}; }
  template <class Line, class... Lines>
  static constexpr auto all(const List<Line, Lines...>& lines) {
    return join(of(lines.first), all(lines.rest));
  }
};

}  // namespace language

/// The functions that the equations apply, in the order of their numbers.
template <class StateList, class... Lines>
constexpr auto functions_of(const Equations<StateList, Lines...>& equations) {
  return language::FunctionsIn::all(equations.lines);
}

}  // namespace unroll
