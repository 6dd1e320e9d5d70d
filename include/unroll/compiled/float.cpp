#include "unroll/compiled/compiled.hpp"

namespace unroll {
UNROLL_COMPILED(, float)
}  // namespace unroll
