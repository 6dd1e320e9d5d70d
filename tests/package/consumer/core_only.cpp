#include <unroll/unroll.hpp>

static_assert(UNROLL_VERSION >= 100);

int main() {
  const unroll::MatrixX<float> x = unroll::MatrixX<float>::Ones(3, 4);
  return unroll::text(x.size()) == "12" && unroll::library_version == PACKAGE_VERSION ? 0 : 1;
}
