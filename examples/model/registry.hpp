#pragma once
// Cells that the program can run.

#include "unroll/io/open/layer_registry.hpp"

namespace model_program {

/// All layers and cells of the library. Compiled in two sources, because it takes minutes.
const unroll::LayerRegistry<float>& registry();

/// Adds the second part of the cells.
void add_other_cells(unroll::LayerRegistry<float>& registry);

}  // namespace model_program
