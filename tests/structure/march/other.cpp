#include <unroll/core/types.hpp>
#include <unroll/simd/lanes.hpp>

double other();

double other() { return unroll::MatrixX<double>::Ones(2, 2).sum(); }
