#pragma once
// Names of states, inputs, equations and weights while a Program is built, at compile time.

#include <algorithm>
#include <string_view>

#include "unroll/recurrence/compile/program.hpp"
#include "unroll/recurrence/language.hpp"

namespace unroll::language {

/// Names in the equations that have been lowered so far.
template <int capacity>
struct NamedValues {
  detail::Program<capacity> program{};
  Table<bool, capacity> read_by_name{};                   // for each equation
  Table<std::string_view, capacity> defined_somewhere{};  // names of all equations, to distinguish "later" from "never"
  int names = 0;
  int equation = 0;  // the current one

  constexpr int state_named(std::string_view name) const {
    for (int s = 0; s < program.states; ++s)
      if (program.state[s].name == name) return s;
    return -1;
  }

  /// Appends the sizes that must be given because others follow from them: "keys" for "units*keys".
  constexpr void add_sizes_of_others() {
    for (int k = 0, count = program.size_count; k < count; ++k) add_size_of_other(program.sizes[k]);
    for (int k = 0; k < program.inputs; ++k) add_size_of_other(program.input_size[k]);
    for (int k = 0; k < program.constants; ++k) add_size_of_other(program.constant_size[k]);
  }
  constexpr void add_size_of_other(std::string_view name) {
    if (follows_from_others(name)) add_given_size(name);
  }
  constexpr void add_given_size(std::string_view name) {
    if (const auto times = position(name, '*'); times < name.size())
      add_given_size(name.substr(0, times)), add_given_size(name.substr(times + 1));
    else if (is_multiple(name))
      add_given_size(name.substr(std::min(position(name, ' '), name.size() - 1) + 1));
    else if (name != one_row && !name.empty() && !is_size_of_input(name))
      program.intern(program.sizes, program.size_count, name);
  }
  constexpr bool is_size_of_input(std::string_view name) const {
    for (int k = 0; k < detail::max_names; ++k)
      if (program.input_size[k] == name || program.constant_size[k] == name) return true;
    return false;
  }

  // -- states and targets

  template <Name name, Name size>
  constexpr void declare_state(Symbol<name, size>) {
    if (state_named(name.view()) >= 0) program.report(detail::Misuse::defined_twice);
    if (program.states == detail::max_names) return program.report(detail::Misuse::too_many);
    const int rows = program.intern(program.sizes, program.size_count, size.view());
    program.state[program.states] = {name.view(), rows, -1};
    program.add({.op = detail::Op::state, .index = program.states++});
  }

  template <Name name, Name size, class E>
  constexpr void note_name(const Equation<Symbol<name, size>, E>&) {
    defined_somewhere[names++] = name.view();
  }
  template <class Line>
  constexpr void note_name(const Line&) {}

  template <Name name, Name size>
  constexpr detail::EquationInfo target(Symbol<name, size>) {
    if (state_named(name.view()) >= 0) program.report(detail::Misuse::defined_twice);
    for (int e = 0; e < equation; ++e)
      if (program.equation[e].state < 0 && program.equation[e].name == name.view())
        program.report(detail::Misuse::defined_twice);
    return {name.view(), -1, -1, program.intern(program.sizes, program.size_count, size.view())};
  }
  template <Name name, Name size>
  constexpr detail::EquationInfo target(Next<Symbol<name, size>>) {
    const int s = state_named(name.view());
    if (s < 0) {
      program.report(detail::Misuse::next_of_no_state);
      return {name.view(), -1, -1, 0};
    }
    if (program.state[s].next >= 0) program.report(detail::Misuse::defined_twice);
    return {name.view(), -1, s, program.state[s].dimension};
  }

  // -- named values: the operation that computes them, or -1

  template <Name name, Name size>
  constexpr int find(Symbol<name, size>) {
    for (int e = 0; e < program.equations; ++e)
      if (program.equation[e].state < 0 && program.equation[e].name == name.view())
        return read_by_name[e] = true, program.equation[e].root;
    return state_named(name.view());  // states are the first operations, in order
  }
  template <Name name, Name size>
  constexpr int find(Next<Symbol<name, size>>) const {
    const int s = state_named(name.view());
    return s < 0 ? -1 : program.state[s].next;
  }
  template <Name name, Name size>
  constexpr int find(Input<name, size>) {
    const int before = program.inputs, k = program.intern(program.input, program.inputs, name.view());
    if (k == before) {
      program.input_operation[k] = program.add({.op = detail::Op::input, .index = k});
      program.input_size[k] = size.view();
    }
    if (program.input_size[k] != size.view()) program.report(detail::Misuse::input_of_two_sizes);
    return program.input_operation[k];
  }
  template <Name name, Name size>
  constexpr int find(Constant<name, size>) {
    const int before = program.constants, k = program.intern(program.constant, program.constants, name.view());
    if (k == before) {
      program.constant_operation[k] = program.add({.op = detail::Op::constant, .index = k});
      program.constant_size[k] = size.view();
    }
    if (program.constant_size[k] != size.view()) program.report(detail::Misuse::input_of_two_sizes);
    return program.constant_operation[k];
  }

  template <Name name, Name size>
  constexpr detail::Misuse why_missing(Symbol<name, size>) const {
    for (int k = 0; k < names; ++k)
      if (defined_somewhere[k] == name.view()) return detail::Misuse::used_before_defined;
    return detail::Misuse::undefined;
  }
  template <Name name, Name size>
  constexpr detail::Misuse why_missing(Next<Symbol<name, size>>) const {
    return state_named(name.view()) < 0 ? detail::Misuse::next_of_no_state : detail::Misuse::used_before_defined;
  }
  template <class Named>
  constexpr detail::Misuse why_missing(Named) const {
    return detail::Misuse::undefined;
  }

  template <class Named>
  constexpr int read(Named named) {
    const int o = find(named);
    if (o < 0) return program.report(why_missing(named)), 0;
    return o;
  }

  // -- weights

  /// Index of a weight; one name is one weight.
  constexpr int weight(detail::WeightInfo w) {
    for (int k = 0; k < program.weights; ++k)
      if (program.weight[k].name == w.name) return check_same_kind(program.weight[k], w), k;
    program.weight[program.weights] = w;
    return program.weights++;
  }

  constexpr void check_same_kind(const detail::WeightInfo& a, const detail::WeightInfo& b) {
    if (a.per_unit != b.per_unit || a.added != b.added || a.dimension != b.dimension || a.frozen != b.frozen ||
        a.values != b.values)
      program.report(detail::Misuse::weight_of_two_kinds);
  }

  /// Reports a shared matrix whose earlier terms have other sizes than this one.
  constexpr void check_same_sizes(const detail::LinearTerm& term) {
    const int read = program.dimension_of(term.source[0]);
    for (int k = 0; k < program.terms; ++k) {
      const detail::LinearTerm& other = program.term[k];
      if (other.rule.matrix != term.rule.matrix) continue;
      // The source of an input has the size -1: its rows are known at run time.
      const int also = program.dimension_of(other.source[0]);
      const bool turned = other.rule.transposed != term.rule.transposed;
      const auto differ = [](int a, int b) { return a >= 0 && b >= 0 && a != b; };
      if (differ(turned ? also : other.dimension, term.dimension) || differ(turned ? other.dimension : also, read))
        program.report(detail::Misuse::matrix_of_two_sizes);
    }
  }
  constexpr void check_names_of_matrices() {
    for (int k = 0; k < program.terms; ++k)
      for (int w = 0; w < program.weights; ++w)
        if (program.term[k].rule.matrix == program.weight[w].name) program.report(detail::Misuse::weight_of_two_kinds);
  }
};

}  // namespace unroll::language
