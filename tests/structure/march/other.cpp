#include <unroll/core/lanes.hpp>
#include <unroll/core/types.hpp>

double other();

double other() { return unroll::Matrix<double>::Ones(2, 2).sum(); }
