#pragma once
// Clocks, medians and JSON lines that the benchmarks share.

#include <algorithm>
#include <chrono>
#include <vector>

namespace bench {

inline double now() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

inline double median(std::vector<double> values) {
  const auto middle = values.begin() + std::ptrdiff_t(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  return *middle;
}

/// Median milliseconds of single calls that are repeated for about `duration` seconds: at least three of them, or fewer
/// when they take long. A call before them warms caches and memory, unless an earlier measurement did and it is long.
template <class F>
double median_ms(F&& f, double duration, bool warm = false) {
  if (!warm) f();
  std::vector<double> times;
  double spent = 0;
  while (spent < duration || (times.size() < 3 && spent < 2)) {
    const double start = now();
    f();
    times.push_back(now() - start);
    spent += times.back();
  }
  return median(times) * 1e3;
}

}  // namespace bench
