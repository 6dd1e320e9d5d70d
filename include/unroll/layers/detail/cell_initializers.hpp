#pragma once
// Cells of a layer or decoder, and the initializers that they name for their blocks.

#include "unroll/cell/step.hpp"
#include "unroll/core/option_checks.hpp"
#include "unroll/layers/layer.hpp"

namespace unroll::detail {

/// Initializers by name of a block, of a cell with biases; empty if the cell has none.
template <class C>
std::vector<NamedInitializer> cell_initializers() {
  if constexpr (requires { C::named_initializers(); })
    return C::named_initializers();
  else
    return {};
}

/// The same for this cell, which may have no biases.
template <class C>
std::vector<NamedInitializer> cell_initializers(const C& cell) {
  std::vector<NamedInitializer> all = cell_initializers<C>();
  std::erase_if(all, [&](const NamedInitializer& one) { return cell.parameters().find(one.first) == nullptr; });
  return all;
}

/// Writes the given values of frozen weights of a cell to its parameters.
template <class C, class S>
void set_given(const C& cell, S* theta) {
  if constexpr (requires { cell.set_given(theta); }) cell.set_given(theta);
}

/// Throws ValueError for biases of a cell that was made without them.
template <class = Once>
[[gnu::cold]] void check_no_biases(std::string_view owner, const ParameterTable& table) {
  for (const ParameterBlock& block : table.blocks())
    require<ValueError>(block.role != Role::bias, owner, behind(owner), "biased must be true, because the cell has '",
                        block.name, "' without regard to CellSizes::biased, got false");
}

/// Throws ValueError for an initializer of a block that is not in the table, because it would have no effect.
template <class = Once>
[[gnu::cold]] void check_names(std::string_view owner, const std::vector<NamedInitializer>& initializers,
                               const ParameterTable& table) {
  for (const auto& [name, initializer] : initializers)
    require<ValueError>(
        table.find(name) != nullptr, owner, behind(owner), "name in named_initializers() must be one of ",
        [&] { return table.names(); }, ", got '", name, "'");
}

/// Cell of these sizes. Throws ValueError for a name in named_initializers() that is not a block of the cell with
/// biases, and for a cell that has biases in spite of CellSizes::biased.
template <class C>
[[gnu::cold]] C make_cell(std::string_view owner, CellSizes sizes) {
  C cell(sizes);
  if (sizes.biased) {
    check_names(owner, cell_initializers<C>(), cell.parameters());
  } else {
    check_no_biases(owner, cell.parameters());
    sizes.biased = true;
    check_names(owner, cell_initializers<C>(), C(sizes).parameters());
  }
  return cell;
}

}  // namespace unroll::detail
