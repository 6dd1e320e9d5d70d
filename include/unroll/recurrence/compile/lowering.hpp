#pragma once
// Lowering of equations to a Program at compile time. It detects all mistakes in equations.

#include <string_view>

#include "unroll/recurrence/compile/program.hpp"
#include "unroll/recurrence/language.hpp"

namespace unroll::language {

/// Visits the expressions in the order in which they are written and appends their operations.
template <int capacity>
struct Lowering {
  detail::Program<capacity> program{};
  Table<bool, capacity> read_by_name{};                   // for each equation
  Table<std::string_view, capacity> defined_somewhere{};  // names of all equations, to distinguish "later" from "never"
  int names = 0;
  int equation = 0, linear_terms = 0;  // of the current equation

  constexpr int state_named(std::string_view name) const {
    for (int s = 0; s < program.states; ++s)
      if (program.state[s].name == name) return s;
    return -1;
  }

  // -- states and targets

  template <Name name, Name size>
  constexpr void declare_state(Symbol<name, size>) {
    if (state_named(name.view()) >= 0) program.report(detail::Misuse::defined_twice);
    if (program.states == program.max_names) return program.report(detail::Misuse::too_many);
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

  // -- lines

  template <class Target, class E>
  constexpr void line(const Equation<Target, E>& e) {
    linear_terms = 0;
    equation = program.equations;
    program.equation[equation] = target(Target{});
    program.equations++;
    const int root = lower(e.expression);
    program.equation[equation].root = root;
    if (const int s = program.equation[equation].state; s >= 0) program.state[s].next = root;
  }
  template <Name name, Name size, class Word, class Named>
  constexpr void line(const Equation<Symbol<name, size>, OverColumn<Word, Named>>& e) {
    constexpr std::string_view given = size.view(), result = Word::result_size;
    if (!result.empty() && given != "units" && given != result) program.report(detail::Misuse::attend_of_another_size);
    linear_terms = 0;
    equation = program.equations;
    program.equation[equation] = target(Symbol<name, size>{});
    if (!result.empty()) program.equation[equation].dimension = size_named(result);
    program.equations++;
    program.equation[equation].root = over_column(e.expression.word, Named{});
  }
  template <class State, class Word, class Named>
  constexpr void line(const Equation<Next<State>, OverColumn<Word, Named>>&) {
    program.report(detail::Misuse::next_of_attend);
  }
  template <class Named>
  constexpr void line(const Output<Named>&) {
    if (program.output >= 0) program.report(detail::Misuse::two_outputs);
    program.output = find(Named{});
    if (program.output < 0) return program.report(detail::Misuse::undefined_output);
    if (program.operation[program.output].op == detail::Op::column) program.report(detail::Misuse::output_of_attend);
    if (program.dimension_of(program.output) < 0) program.report(detail::Misuse::input_element_by_element);
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
  template <Name name>
  constexpr int find(Input<name>) {
    const int before = program.inputs, k = program.intern(program.input, program.inputs, name.view());
    if (k == before) program.input_operation[k] = program.add({.op = detail::Op::input, .index = k});
    return program.input_operation[k];
  }
  template <Name name>
  constexpr int find(Constant<name>) {
    const int before = program.constants, k = program.intern(program.constant, program.constants, name.view());
    if (k == before) program.constant_operation[k] = program.add({.op = detail::Op::constant, .index = k});
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

  // -- expressions

  template <class Named>
  requires is_named<Named>
  constexpr int lower(Named named) {
    const int o = read(named);
    const int dimension = program.dimension_of(o);
    if (dimension < 0) program.report(detail::Misuse::input_element_by_element);
    if (dimension != program.equation[equation].dimension) program.report(detail::Misuse::mixed_sizes);
    return o;
  }

  constexpr int lower(Number n) { return add({.op = detail::Op::number, .number = n.value}); }

  template <Name name, bool added>
  constexpr int lower(UnitWeight<name, added>) {
    return add({.op = detail::Op::unit_weight,
                .index = weight({name.view(), true, added, program.equation[equation].dimension})});
  }
  template <Name name>
  constexpr int lower(ScalarWeight<name>) {
    return add({.op = detail::Op::scalar_weight, .index = weight({name.view(), false, false, 0})});
  }

  template <bool biased, class... Sources>
  constexpr int lower(const Linear<biased, Sources...>&) {
    static_assert(sizeof...(Sources) <= detail::LinearTerm::max_sources, "unroll: linear() must read at most 8 values");
    detail::LinearTerm term{.equation = equation,
                            .ordinal = ++linear_terms,
                            .biased = biased,
                            .dimension = program.equation[equation].dimension};
    (add_source(term, read(Sources{}), name_of(Sources{})), ...);
    return add(term);
  }
  template <class Word, class Named>
  constexpr int lower(const OverColumn<Word, Named>&) {
    return program.report(detail::Misuse::attend_within), 0;
  }

  /// The operand is a linear term: its rows are among the stacked pre-activations.
  template <class Word, class Named>
  constexpr int over_column(const Word& word, Named operand) {
    detail::LinearTerm term{.equation = equation, .ordinal = ++linear_terms, .biased = false};
    term.of_column = true;
    term.is_copy = word.copies_operand();
    const bool same_size = word.operand_size().empty();
    term.dimension = same_size ? program.equation[equation].dimension : size_named(word.operand_size());
    add_source(term, same_size ? lower(operand) : read(operand), name_of(operand));
    if (term.is_copy && program.operation[term.source[0]].op == detail::Op::constant)
      program.report(detail::Misuse::attend_asked_by_constant);
    const int number = program.terms, index = program.column_operations++;
    const int left = add(term), operation = add({.op = detail::Op::column, .left = left, .index = index});
    program.column_operation[index] = {operation, number};
    return operation;
  }
  constexpr int size_named(std::string_view name) { return program.intern(program.sizes, program.size_count, name); }

  constexpr void add_source(detail::LinearTerm& term, int source, std::string_view name) {
    const detail::Op op = program.operation[source].op;
    if (op == detail::Op::number || op == detail::Op::unit_weight || op == detail::Op::scalar_weight)
      program.report(detail::Misuse::linear_of_weight);
    if (term.reads(source)) program.report(detail::Misuse::source_twice);
    term.source[term.sources] = source;
    term.source_name[term.sources++] = name;
  }

  template <class Element, class Left>
  constexpr int lower(const Apply<Element, Left>& e) {
    const int left = lower(e.operands.first);
    return add({.op = detail::Op::apply, .left = left, .index = program.applied++});
  }
  template <class Element, class Left, class Right>
  constexpr int lower(const Apply<Element, Left, Right>& e) {
    const int left = lower(e.operands.first), right = lower(e.operands.rest.first);
    return add({.op = detail::Op::apply, .left = left, .right = right, .index = program.applied++});
  }

  constexpr int add(detail::Operation o) {
    o.equation = equation;
    return program.add(o);
  }
  constexpr int add(detail::LinearTerm term) {
    term.operation = add({.op = detail::Op::linear, .index = program.terms});
    program.term[program.terms++] = term;
    return term.operation;
  }

  /// Index of a weight; one name is one weight.
  constexpr int weight(detail::WeightInfo w) {
    for (int k = 0; k < program.weights; ++k)
      if (program.weight[k].name == w.name) return check_same_kind(program.weight[k], w), k;
    program.weight[program.weights] = w;
    return program.weights++;
  }

  constexpr void check_same_kind(const detail::WeightInfo& a, const detail::WeightInfo& b) {
    if (a.per_unit != b.per_unit || a.added != b.added || a.dimension != b.dimension)
      program.report(detail::Misuse::weight_of_two_kinds);
  }

  /// Reports equations on which neither a state nor the output depends.
  constexpr void find_dead_equations() {
    Table<bool, capacity> used{};
    used[program.output] = true;
    for (int s = 0; s < program.states; ++s) used[program.state[s].next] = true;
    for (int o = program.operations - 1; o >= 0; --o) {
      if (!used[o]) continue;
      const detail::Operation& operation = program.operation[o];
      if (operation.left >= 0) used[operation.left] = true;
      if (operation.right >= 0) used[operation.right] = true;
      if (operation.op == detail::Op::linear)
        for (int k = 0; k < program.term[operation.index].sources; ++k)
          used[program.term[operation.index].source[k]] = true;
    }
    for (int e = 0; e < program.equations; ++e)
      if (!used[program.equation[e].root] || (program.equation[e].state < 0 && !read_by_name[e]))
        program.report(detail::Misuse::dead_equation);
  }

  constexpr void finish() {
    if (program.states == 0) return program.report(detail::Misuse::no_state);
    for (int s = 0; s < program.states; ++s)
      if (program.state[s].next < 0) program.report(detail::Misuse::state_without_next);
    if (program.misuse != detail::Misuse::none) return;
    if (program.output < 0) program.output = program.state[0].next;
    for (int s = program.states - 1; s >= 0; --s)
      if (program.state[s].next == program.output) program.output_state = s;
    find_dead_equations();
  }
};

}  // namespace unroll::language

namespace unroll::detail {

/// Operations of all equations, operands first. Mistakes are reported in `misuse`.
template <class... Symbols, class... Lines>
constexpr auto lower(const Equations<language::States<Symbols...>, Lines...>& equations) {
  language::Lowering<Equations<language::States<Symbols...>, Lines...>::operations + sizeof...(Lines) + 3 * 8> lowering;
  (lowering.declare_state(Symbols{}), ...);
  equations.lines.each([&](const auto& line) { lowering.note_name(line); });
  equations.lines.each([&](const auto& line) { lowering.line(line); });
  lowering.finish();
  return lowering.program;
}

}  // namespace unroll::detail
