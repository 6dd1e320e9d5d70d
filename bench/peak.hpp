#pragma once
// Peak multiply-add throughput of the processor, the upper bound for any product.

#include <algorithm>
#include <unroll/simd/lanes.hpp>

#include "timing.hpp"

namespace bench {

/// Peak throughput of one core in GFLOP/s: independent multiply-adds, enough of them to hide the latency; maximum over
/// `repeats` rounds of 0.1 ms. Clock rates vary, so measure it close in time to the compared code.
template <class Scalar>
double peak_gflops(int repeats = 10) {
  using L = unroll::NativeLanes<Scalar>;
  constexpr int chains = 12;
  constexpr long rounds = 30000;
  volatile Scalar seed = Scalar(0.5);
  L sum[chains];
  for (L& s : sum) s = L::constant(seed);
  const L a = L::constant(seed), b = L::constant(seed);
  double best = 0;
  for (int repeat = 0; repeat < repeats; ++repeat) {
    const double start = now();
    for (long i = 0; i < rounds; ++i)
      for (L& s : sum) s = fma(s, a, b);
    best = std::max(best, 2e-9 * chains * L::size * double(rounds) / (now() - start));
  }
  Scalar out[L::size];
  for (const L& s : sum) {
    s.store(out);
    seed = out[0];  // prevents elimination of the sums
  }
  return best;
}

}  // namespace bench
