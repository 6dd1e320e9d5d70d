#if __has_include(<unroll/unroll.hpp>)
#include <unroll/unroll.hpp>
#else
#include <unroll/core/error.hpp>
#include <unroll/core/types.hpp>
#endif

int main() {
  const unroll::Matrix<float> x = unroll::Matrix<float>::Ones(3, 4);
  return unroll::text(x.size()) == "12" ? 0 : 1;
}
