#pragma once
// Expected content of docs/cells.md, computed from the cells.

#include <map>
#include <unroll/recurrence/describe.hpp>

#include "cells/all_cells.hpp"

namespace cell_run {

/// Number of parameters as a sum of products of I inputs, H units and P and Q rows of other sizes: "4 HI + 4 HH + 4 H".
template <class C>
std::string parameter_formula() {
  CellSizes sizes{.inputs = {11}, .units = 17};
  for (int k = 1; k < C::program.size_count; ++k)
    if (is_given_size<C>(k)) sizes.sizes.emplace_back(std::string(C::program.sizes[k]), sizes.sizes.empty() ? 23 : 29);
  const C cell(sizes);
  const auto letter = [](Index rows) -> std::string {
    return rows == 17 ? "H" : rows == 11 ? "I" : rows == 23 ? "P" : rows == 29 ? "Q" : "";
  };
  std::vector<std::pair<std::string, int>> counts;
  for (const char* product : {"HI", "PI", "HH", "HP", "PH", "PP", "QH", "QP", "I", "H", "P", ""})
    counts.emplace_back(product, 0);
  for (const ParameterBlock& block : cell.parameters().blocks())
    for (auto& [product, count] : counts)
      if (const Index times = block.rows % 17 == 0 ? block.rows / 17 : 1;  // "4 units"
          product == letter(block.rows / times) + letter(block.cols) ||
          (letter(block.rows) == "I" && product == letter(block.cols) + "I"))  // [inputs x units]
        count += int(times);
  std::string formula;
  for (const auto& [product, count] : counts)
    if (count > 0)
      formula += (formula.empty() ? "" : " + ") +
                 (count > 1 || product.empty() ? text(count, product.empty() ? "" : " ") : "") + product;
  return formula;
}

/// End of the cell's row in the table, "| h, c | 1 | 4 HI + 4 HH + 4 H |": states, stages, parameters.
template <class C>
std::string table_row_end() {
  std::string states;
  for (int s = 0; s < C::program.states; ++s) states += (s > 0 ? ", " : "") + std::string(C::program.state[s].name);
  return text("| ", states, " | ", C::schedule.stages, " | ", parameter_formula<C>(), " |");
}

template <class C>
std::string equation_block() {
  CellSizes sizes{.inputs = {1}, .units = 1};
  for (int k = 1; k < C::program.size_count; ++k)
    if (is_given_size<C>(k)) sizes.sizes.emplace_back(std::string(C::program.sizes[k]), 1);
  return text("### ", C::name, "\n\n```text\n", describe(C(sizes)), "```\n");
}

/// Calls f.operator()<C>() once per name, for every cell that is derived from equations.
template <class F>
void each_documented_cell(F&& f) {
  std::map<std::string_view, bool> seen;
  each_cell<0, 1>(AllCells<double>{}, [&]<class C>() {
    if constexpr (requires { typename C::Derivation; })
      if (!std::exchange(seen[C::name], true)) f.template operator()<C>();
  });
}

}  // namespace cell_run
