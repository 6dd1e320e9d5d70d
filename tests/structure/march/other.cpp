#include <unroll/core/types.hpp>
#include <unroll/simd/lanes.hpp>

double other();

double other() { return unroll::Matrix<double>::Ones(2, 2).sum(); }
