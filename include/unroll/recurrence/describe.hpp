#pragma once
// Text and LaTeX of a cell's equations, and its cost, from the list of operations that the kernels run.

#include <string>

#include "unroll/recurrence/compile/equation_text.hpp"
#include "unroll/recurrence/equation_cell.hpp"

namespace unroll {

using detail::Notation;

/// Equations of a cell, one per line: `h` is the state before the step, `h'` after it, weights are W_EQUATION_SOURCE,
/// biases b_EQUATION, which a cell without biases omits. `notation` selects another format.
template <class S, const auto& equations, int units>
std::string describe(const EquationCell<S, equations, units>& cell, Notation notation = Notation::text) {
  return detail::equation_lines(detail::program_view<detail::Derived<equations>>, notation, cell.biased());
}

/// Cost of one column (one sequence at one step).
struct CellCounts {
  Index parameters = 0;
  Index product_flops = 0;   ///< of a forward step: 2 per matrix weight; a backward step takes twice as many
  Index operations = 0;      ///< element-wise operations of a forward step
  Index transcendental = 0;  ///< of these, functions such as tanh
  Index kept_bytes = 0;      ///< stored by a training step, including states and output
};

template <class S, const auto& equations, int units>
CellCounts count(const EquationCell<S, equations, units>& cell) {
  constexpr const auto& program = detail::Derived<equations>::program;
  CellCounts counts;
  counts.parameters = cell.parameters().size();
  for (const ParameterBlock& block : cell.parameters().blocks())
    if (block.role == Role::input_weight || block.role == Role::recurrent_weight)
      counts.product_flops += 2 * block.size();
  for (int o = 0; o < program.operations; ++o) {
    const detail::Operation& operation = program.operation[o];
    if (operation.op != detail::Op::apply) continue;
    counts.operations += cell.layout().rows(o);
    if (detail::Derived<equations>::traits[operation.index].kept) counts.transcendental += cell.layout().rows(o);
  }
  Index kept = cell.kept_rows() + (EquationCell<S, equations, units>::output_state < 0 ? cell.output_rows() : 0);
  for (int s = 0; s < program.states; ++s) kept += cell.state_rows(s);
  counts.kept_bytes = kept * Index(sizeof(S));
  return counts;
}

}  // namespace unroll
