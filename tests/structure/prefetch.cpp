#include <unroll/simd/products.hpp>

extern "C" void of_an_address(const float* address) { unroll::prefetch(address); }

extern "C" void of_a_target(const float* target, unroll::Index stride) {
  unroll::detail::prefetch_target(target, stride, 48, 8);
}

extern "C" __attribute__((flatten)) void of_panels(const unroll::detail::Tile<float>& tile) {
  unroll::detail::multiply_tile<unroll::NativeLanes<float>, 3, 8>(tile);
}
