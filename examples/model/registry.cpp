#include "registry.hpp"

#include "unroll/io/open/library_cells.hpp"

namespace model_program {

const unroll::LayerRegistry<float>& registry() { return unroll::library_registry<float>(); }

}  // namespace model_program
