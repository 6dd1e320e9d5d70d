#include "unroll/compiled/compiled.hpp"

namespace unroll {
UNROLL_COMPILED(, double)
}  // namespace unroll
