#include "registry.hpp"

#include "unroll/io/open/library_cells.hpp"

namespace model_program {

const unroll::LayerRegistry<float>& registry() {
  static const unroll::LayerRegistry<float> all = [] {
    unroll::LayerRegistry<float> made;
    unroll::detail::add_gated_cells(made);
    add_other_cells(made);
    return made;
  }();
  return all;
}

}  // namespace model_program
