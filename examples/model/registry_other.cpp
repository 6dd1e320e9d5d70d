#include "registry.hpp"
#include "unroll/io/open/library_cells.hpp"

namespace model_program {

void add_other_cells(unroll::LayerRegistry<float>& registry) { unroll::detail::add_other_cells(registry); }

}  // namespace model_program
