#include "unroll/compiled/compiled.hpp"

namespace unroll {
UNROLL_COMPILED_ONCE()
UNROLL_COMPILED(, float)
}  // namespace unroll
