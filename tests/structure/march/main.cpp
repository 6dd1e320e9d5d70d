#include <unroll/core/types.hpp>

double other();

int main() { return other() == 4 ? 0 : 1; }
