#pragma once
// Lowering of equations to a Program at compile time. It detects all mistakes in equations.

#include <string_view>

#include "unroll/recurrence/compile/named_values.hpp"

namespace unroll::language {

/// Visits the expressions in the order in which they are written and appends their operations.
template <int capacity>
struct Lowering : NamedValues<capacity> {
  using Names = NamedValues<capacity>;
  using Names::equation, Names::find, Names::note_name, Names::program, Names::read, Names::read_by_name, Names::target;
  int linear_terms = 0;  // of the current equation

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
  template <Name name, Name size, class Word, class Operand>
  constexpr void line(const Equation<Symbol<name, size>, OverColumn<Word, Operand>>& e) {
    const std::string_view given = size.view(), result = e.expression.word.result_size();
    if (result == one_row && given != one_row) program.report(detail::Misuse::more_than_one_row);
    if (!result.empty() && given != "units" && given != result) program.report(detail::Misuse::attend_of_another_size);
    linear_terms = 0;
    equation = program.equations;
    program.equation[equation] = target(Symbol<name, size>{});
    if (!result.empty()) program.equation[equation].dimension = size_named(result);
    program.equations++;
    program.equation[equation].root = over_column(e.expression.word, e.expression.operand);
  }
  template <class State, class Word, class Operand>
  constexpr void line(const Equation<Next<State>, OverColumn<Word, Operand>>&) {
    program.report(detail::Misuse::next_of_column);
  }
  template <class Named>
  constexpr void line(const Output<Named>&) {
    if (program.output >= 0) program.report(detail::Misuse::two_outputs);
    program.output = find(Named{});
    if (program.output < 0) return program.report(detail::Misuse::undefined_output);
    if (program.operation[program.output].op == detail::Op::column) program.report(detail::Misuse::output_of_column);
    if (program.dimension_of(program.output) < 0) program.report(detail::Misuse::input_as_output);
  }

  // -- expressions

  template <class Named>
  requires is_named<Named>
  constexpr int lower(Named named) {
    const int o = read(named);
    const int dimension = program.dimension_of(o), needed = program.equation[equation].dimension;
    if (dimension == needed) return o;
    const std::string_view size = size_of(named);
    const bool spread = size == one_row || (dimension >= 0 && program.sizes[dimension] == one_row);
    if (!spread && dimension >= 0) program.report(detail::Misuse::mixed_sizes);
    if (!spread && !size.empty() && program.sizes[needed] != size) program.report(detail::Misuse::mixed_sizes);
    const bool same = !spread || program.sizes[needed] == one_row;
    return copy(o, name_of(named), same ? detail::Copy::whole : detail::Copy::spread, 0);
  }

  template <class Named, Copy kind, int number>
  constexpr int lower(Copied<Named, kind, number>) {
    if (kind != Copy::part && kind != Copy::by_head && !is_matrix(program.sizes[program.equation[equation].dimension]))
      program.report(detail::Misuse::no_matrix);
    return copy(read(Named{}), name_of(Named{}), kind, number);
  }

  template <Copy kind, Masks masks>
  constexpr int lower(const Mask<kind, masks>& mask) {
    return add(detail::LinearTerm{.equation = equation,
                                  .ordinal = 1,
                                  .biased = false,
                                  .dimension = program.equation[equation].dimension,
                                  .copy = kind,
                                  .rate = mask.rate,
                                  .per_sequence = masks == Masks::per_sequence});
  }

  template <class N, class P>
  constexpr int lower(const Zoneout<N, P>& e) {
    const int next = lower(e.next), previous = lower(e.previous);
    const int mask = lower(Mask<Copy::zoned, Masks::per_step>{e.rate});
    const int change = add({.op = detail::Op::apply, .left = previous, .right = next, .index = program.applied++});
    const int kept = add({.op = detail::Op::apply, .left = mask, .right = change, .index = program.applied++});
    return add({.op = detail::Op::apply, .left = next, .right = kept, .index = program.applied++});
  }

  /// Size of an input or a constant, if its name was given.
  template <Name name, Name size>
  static constexpr std::string_view size_of(Input<name, size>) {
    return size.view();
  }
  template <Name name, Name size>
  static constexpr std::string_view size_of(Constant<name, size>) {
    return size.view();
  }
  template <class Named>
  static constexpr std::string_view size_of(Named) {
    return {};
  }

  /// Copy of a value for the elements of the current equation. An equation has one of each.
  constexpr int copy(int source, std::string_view name, detail::Copy kind, int part) {
    for (int k = 0; k < program.terms; ++k)
      if (const detail::LinearTerm& term = program.term[k]; term.equation == equation && term.copy == kind &&
                                                            !term.of_column && term.source[0] == source &&
                                                            term.part == part)
        return term.operation;
    detail::LinearTerm term{.equation = equation,
                            .ordinal = 1,
                            .biased = false,
                            .dimension = program.equation[equation].dimension,
                            .copy = kind,
                            .part = part};
    add_source(term, source, name);
    return add(term);
  }

  constexpr int lower(Number n) { return add({.op = detail::Op::number, .number = n.value}); }

  template <Name name, bool added>
  constexpr int lower(UnitWeight<name, added>) {
    return add({.op = detail::Op::unit_weight,
                .index = this->weight({name.view(), true, added, program.equation[equation].dimension})});
  }
  template <Name name>
  constexpr int lower(const FrozenUnitWeight<name>& e) {
    return add({.op = detail::Op::unit_weight,
                .index = this->weight({.name = name.view(),
                                       .dimension = program.equation[equation].dimension,
                                       .frozen = e.rule.frozen,
                                       .values = e.rule.values})});
  }
  template <Name name>
  constexpr int lower(ScalarWeight<name>) {
    return add({.op = detail::Op::scalar_weight, .index = this->weight({name.view(), false, false, 0})});
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
  template <int products, bool biased, class Source>
  constexpr int lower(const RuledLinear<products, biased, Source>& e) {
    detail::LinearTerm term{.equation = equation,
                            .ordinal = ++linear_terms,
                            .biased = biased,
                            .dimension = program.equation[equation].dimension};
    add_ruled(term, e);
    return add(term);
  }
  template <int products, bool biased, class Source>
  constexpr void add_ruled(detail::LinearTerm& term, const RuledLinear<products, biased, Source>& e) {
    term.biased = biased;
    term.rule = e.rule;
    add_source(term, read(Source{}), name_of(Source{}));
    const int dimension = program.dimension_of(term.source[0]);
    if (e.rule.is_square() && dimension != term.dimension) program.report(detail::Misuse::square_of_two_sizes);
    if (!e.rule.matrix.empty()) this->check_same_sizes(term);
  }
  template <class Word, class Operand>
  constexpr int lower(const OverColumn<Word, Operand>&) {
    return program.report(detail::Misuse::column_within), 0;
  }

  /// The operand is a linear term: its rows are among the stacked pre-activations.
  template <class Word, class Operand>
  constexpr int over_column(const Word& word, Operand operand) {
    detail::LinearTerm term{.equation = equation, .ordinal = ++linear_terms, .biased = false};
    term.of_column = true;
    term.dimension =
        word.operand_size().empty() ? program.equation[equation].dimension : size_named(word.operand_size());
    if (!word.heads_size.empty()) size_named(word.heads_size);
    add_operand(term, word, operand);
    if (term.copy != detail::Copy::none && program.operation[term.source[0]].op == detail::Op::constant)
      program.report(detail::Misuse::copy_of_constant);
    const int number = program.terms, index = program.column_operations++;
    const int left = add(term), operation = add({.op = detail::Op::column, .left = left, .index = index});
    program.column_operation[index] = {operation, number, word.replaces_operand()};
    return operation;
  }
  template <int products, bool biased, class Source, class Word>
  constexpr void add_operand(detail::LinearTerm& term, const Word&, const RuledLinear<products, biased, Source>& e) {
    add_ruled(term, e);
  }
  template <bool biased, class... Sources, class Word>
  constexpr void add_operand(detail::LinearTerm& term, const Word&, Linear<biased, Sources...>) {
    term.biased = biased;
    (add_source(term, read(Sources{}), name_of(Sources{})), ...);
  }
  template <class Named, class Word>
  constexpr void add_operand(detail::LinearTerm& term, const Word& word, Named operand) {
    const int source = read(operand), dimension = program.dimension_of(source);
    term.named = true;
    term.copy = word.copies_operand() ? detail::Copy::whole : detail::Copy::none;
    if (word.operand_size().empty()) {
      const int own = dimension >= 0 ? dimension : size_named(size_of(operand));
      if (program.sizes[own].empty()) program.report(detail::Misuse::rows_of_unsized);
      if (word.of_any_size()) term.dimension = own;
      if (own != term.dimension) program.report(detail::Misuse::mixed_sizes);
    }
    add_source(term, source, name_of(operand));
  }
  constexpr int size_named(std::string_view name) { return program.intern(program.sizes, program.size_count, name); }

  constexpr void add_source(detail::LinearTerm& term, int source, std::string_view name) {
    const detail::Op op = program.operation[source].op;
    if (op == detail::Op::number || op == detail::Op::unit_weight || op == detail::Op::scalar_weight)
      program.report(term.copy == Copy::none ? detail::Misuse::linear_of_weight : detail::Misuse::copy_of_weight);
    if (term.reads(source)) program.report(detail::Misuse::source_twice);
    term.source[term.sources] = source;
    term.source_name[term.sources++] = name;
  }

  template <class Element, class Left>
  constexpr int lower(const Apply<Element, Left>& e) {
    const int left = lower(e.left);
    return add({.op = detail::Op::apply, .left = left, .index = program.applied++});
  }
  template <class Element, class Left, class Right>
  constexpr int lower(const Apply<Element, Left, Right>& e) {
    const int left = lower(e.left), right = lower(e.right);
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
    this->add_sizes_of_others();
    if (program.misuse != detail::Misuse::none) return;
    if (program.output < 0) program.output = program.state[0].next;
    for (int s = program.states - 1; s >= 0; --s)
      if (program.state[s].next == program.output) program.output_state = s;
    find_dead_equations();
    this->check_names_of_matrices();
  }
};

}  // namespace unroll::language

namespace unroll::detail {

/// Operations of all equations, operands first. Mistakes are reported in `misuse`.
template <class... Symbols, class... Lines>
constexpr auto lower(const Equations<language::States<Symbols...>, Lines...>& equations) {
  language::Lowering<Equations<language::States<Symbols...>, Lines...>::operations + sizeof...(Lines) + 3 * max_names>
      lowering;
  (lowering.declare_state(Symbols{}), ...);
  equations.lines.each([&](const auto& line) { lowering.note_name(line); });
  equations.lines.each([&](const auto& line) { lowering.line(line); });
  lowering.finish();
  return lowering.program;
}

}  // namespace unroll::detail
