#include "statistics.hpp"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>
#include <numeric>

#include "unroll/core/error.hpp"
#include "unroll/core/finite.hpp"
#include "unroll/core/random.hpp"

namespace compare {

using namespace unroll;

namespace {

constexpr std::uint64_t seed = 1;
constexpr std::uint64_t bootstrap_samples = 10'000, exchanges = 20'000;
constexpr Index most_exact = 16;  // units that differ; 65,536 exchanges

void check(const Units& units) {
  require<ValueError>(units.size() >= 2, "comparison: units must be at least 2, got ", units.size());
}
void check(const Units& a, const Units& b) {
  check(a);
  require<ShapeError>(a.size() == b.size(), "comparison: the second run must have ", a.size(),
                      " units, as the first one, got ", b.size());
}

/// Quantile of sorted values, interpolated linearly (type 7 of Hyndman and Fan 1996).
double quantile(const std::vector<double>& sorted, double share) {
  const double place = share * double(sorted.size() - 1);
  const auto below = std::size_t(place), above = std::min(below + 1, sorted.size() - 1);
  return sorted[below] + (place - double(below)) * (sorted[above] - sorted[below]);
}

/// Quantiles of `statistic`, a function of the number of times that each unit is in a sample. Samples without a value,
/// whose wholes are all 0, are left out.
template <class Statistic>
Limits limits_over_samples(Index units, const Statistic& statistic) {
  std::vector<double> values;
  VectorX<double> times(units);
  for (std::uint64_t sample = 0; sample < bootstrap_samples; ++sample) {
    const Random random(seed, Purpose::sample, 0, sample);
    times.setZero();
    for (Index k = 0; k < units; ++k) ++times[random.below(std::uint64_t(k), units)];
    if (const double value = statistic(times); is_finite(value)) values.push_back(value);
  }
  std::ranges::sort(values);
  return {quantile(values, 0.025), quantile(values, 0.975)};
}

double ratio(const Units& units, const VectorX<double>& times) {
  return units.parts.dot(times) / units.wholes.dot(times);
}

/// Sums of two runs after units were exchanged.
class Exchange {
 public:
  Exchange(const Units& a, const Units& b) : a_{a.parts.sum(), a.wholes.sum()}, b_{b.parts.sum(), b.wholes.sum()} {
    for (Index k = 0; k < a.size(); ++k)
      if (a.parts[k] != b.parts[k] || a.wholes[k] != b.wholes[k])
        differences_.push_back({b.parts[k] - a.parts[k], b.wholes[k] - a.wholes[k]});
    observed_ = std::abs(difference({}));
  }

  Index units() const { return std::ssize(differences_); }

  /// Sums of what the first run gains and the second run loses.
  struct Sums {
    double part = 0, whole = 0;
  };
  void add(Sums& gain, Index unit, double sign) const {
    const Sums& of = differences_[std::size_t(unit)];
    gain.part += sign * of.part, gain.whole += sign * of.whole;
  }
  /// Whether the difference is at least the observed one, except for rounding.
  bool is_extreme(const Sums& gain) const {
    const double now = std::abs(difference(gain));
    return !(now < observed_ * (1 - 1e-9));  // also without a value, if all wholes of a run are 0
  }

 private:
  double difference(const Sums& gain) const {
    return (a_.part + gain.part) / (a_.whole + gain.whole) - (b_.part - gain.part) / (b_.whole - gain.whole);
  }

  Sums a_, b_;
  std::vector<Sums> differences_;  // of the units that differ
  double observed_ = 0;
};

}  // namespace

Limits bootstrap_limits(const Units& units) {
  check(units);
  return limits_over_samples(units.size(), [&](const VectorX<double>& times) { return ratio(units, times); });
}

Limits bootstrap_limits(const Units& a, const Units& b) {
  check(a, b);
  return limits_over_samples(a.size(), [&](const VectorX<double>& times) { return ratio(a, times) - ratio(b, times); });
}

double mcnemar_test(Index only_first, Index only_second) {
  const Index all = only_first + only_second, least = std::min(only_first, only_second);
  if (2 * least == all) return 1;
  double tail = 0;  // P(K <= least) for a binomial K of `all` trials with probability 1/2
  for (Index k = 0; k <= least; ++k)
    tail += std::exp(std::lgamma(double(all + 1)) - std::lgamma(double(k + 1)) - std::lgamma(double(all - k + 1)) -
                     double(all) * std::log(2.0));
  return std::min(1.0, 2 * tail);
}

Permutation permutation_test(const Units& a, const Units& b) {
  check(a, b);
  const Exchange exchange(a, b);
  const Index units = exchange.units();
  std::uint64_t extreme = 0;
  if (units <= most_exact) {
    // Gray code: one unit changes at a time.
    const std::uint64_t all = std::uint64_t(1) << units;
    std::uint64_t exchanged = 0;
    Exchange::Sums gain;
    for (std::uint64_t k = 1; k <= all; ++k) {
      extreme += exchange.is_extreme(gain);
      const int unit = std::countr_zero(k);
      if (k == all) break;
      exchanged ^= std::uint64_t(1) << unit;
      exchange.add(gain, unit, (exchanged >> unit & 1) != 0 ? 1 : -1);
    }
    return {double(extreme) / double(all), true};
  }
  for (std::uint64_t sample = 0; sample < exchanges; ++sample) {
    const Random random(seed, Purpose::permute, 0, sample);
    Exchange::Sums gain;
    for (Index first = 0; first < units; first += 64) {
      const std::uint64_t bits = random.bits(std::uint64_t(first / 64));
      for (Index k = first; k < std::min(units, first + 64); ++k)
        if ((bits >> (k - first) & 1) != 0) exchange.add(gain, k, 1);
    }
    extreme += exchange.is_extreme(gain);
  }
  // The observed difference counts as one of the exchanges, so p is never 0 (Phipson and Smyth 2010).
  return {double(extreme + 1) / double(exchanges + 1), false};
}

std::vector<double> holm(const std::vector<double>& p) {
  std::vector<std::size_t> order(p.size());
  std::iota(order.begin(), order.end(), std::size_t(0));
  std::ranges::sort(order, {}, [&](std::size_t k) { return p[k]; });
  std::vector<double> corrected(p.size());
  double largest = 0;
  for (std::size_t k = 0; k < order.size(); ++k) {
    largest = std::max(largest, std::min(1.0, double(p.size() - k) * p[order[k]]));
    corrected[order[k]] = largest;
  }
  return corrected;
}

}  // namespace compare
