#include <unroll/unroll.hpp>

#ifndef PACKAGE_VERSION
#define PACKAGE_VERSION unroll::library_version
#endif
static_assert(UNROLL_VERSION == UNROLL_VERSION_MAJOR * 10000 + UNROLL_VERSION_MINOR * 100 + UNROLL_VERSION_PATCH);

int main() {
  const unroll::MatrixX<float> x = unroll::MatrixX<float>::Ones(3, 4);
  return unroll::text(x.size()) == "12" && unroll::library_version == PACKAGE_VERSION ? 0 : 1;
}
