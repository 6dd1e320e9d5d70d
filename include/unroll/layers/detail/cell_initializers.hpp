#pragma once
// Initializers that a cell names for its blocks.

#include "unroll/core/option_checks.hpp"
#include "unroll/layers/layer.hpp"

namespace unroll::detail {

/// Initializers by name of a block; empty if the cell has none.
template <class C>
std::vector<NamedInitializer> cell_initializers() {
  if constexpr (requires { C::named_initializers(); })
    return C::named_initializers();
  else
    return {};
}

/// Throws ValueError for a name that is not a block of the cell: its initializer would have no effect.
template <class C>
void check_cell_initializers(std::string_view owner, const C& cell) {
  for (const auto& [name, initializer] : cell_initializers<C>())
    require<ValueError>(
        cell.parameters().find(name) != nullptr, owner, behind(owner), "name in named_initializers() must be one of ",
        [&] { return cell.parameters().names(); }, ", got '", name, "'");
}

}  // namespace unroll::detail
