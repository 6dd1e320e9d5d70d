#pragma once
// Views of a cell's program and schedule without their capacities, so that one function serves all cells.

#include "unroll/recurrence/compile/written_operations.hpp"

namespace unroll::detail {

struct ProgramView {
  const Operation* operation;
  const EquationInfo* equation;
  int equations;
  const LinearTerm* term;
  int terms;
  const ColumnOperation* column_operation;
  const WeightInfo* weight;
  int weights;
  const StateInfo* state;
  int states;
  const std::string_view *input, *input_size;
  int inputs;
  const std::string_view *constant, *constant_size;
  int constants;
  const std::string_view* sizes;
  int size_count;
  int output, output_state;
  WrittenOperation (*applied)(int index, bool latex);      ///< notation of an element-wise operation
  WrittenOperation (*over_column)(int index, bool latex);  ///< notation of a column operation
  const Source* source;                                    ///< from the schedule, as the following
  int sources;
  const Product* product;
  int products;
  const int* term_at;
};

template <class D>
constexpr ProgramView view_of() {
  constexpr const auto& p = D::program;
  constexpr const auto& s = D::schedule;
  return {.operation = p.operation.items,
          .equation = p.equation.items,
          .equations = p.equations,
          .term = p.term.items,
          .terms = p.terms,
          .column_operation = p.column_operation.items,
          .weight = p.weight.items,
          .weights = p.weights,
          .state = p.state.items,
          .states = p.states,
          .input = p.input.items,
          .input_size = p.input_size.items,
          .inputs = p.inputs,
          .constant = p.constant.items,
          .constant_size = p.constant_size.items,
          .constants = p.constants,
          .sizes = p.sizes.items,
          .size_count = p.size_count,
          .output = p.output,
          .output_state = p.output_state,
          .applied = written_operation<D>,
          .over_column = written_over_column<D>,
          .source = s.source.items,
          .sources = s.sources,
          .product = s.product.items,
          .products = s.products,
          .term_at = s.term_at.items};
}

template <class D>
inline constexpr ProgramView program_view = view_of<D>();

}  // namespace unroll::detail
