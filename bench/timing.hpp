#pragma once
// Clock and medians for the benchmarks.

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

/// Median time of a call in milliseconds. Calls are repeated for about `duration` seconds, at least three times unless
/// they take longer than 2 seconds in total. A first call warms up caches and memory; it is omitted if `warm`.
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
