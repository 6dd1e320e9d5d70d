#pragma once
// Learning rate schedules: stateless functions `rate(k)`, callable for any k in any order, so a resumed run needs only
// k. k is the number of completed updates or epochs, as the caller chooses: rate(0) is for the first one. Every
// schedule throws ValueError for k < 0, for lengths that are not positive, and for rates and factors that are negative
// or not finite. `plateau.hpp` has the schedule that depends on a metric.

#include <algorithm>
#include <cmath>
#include <concepts>
#include <initializer_list>
#include <limits>
#include <numbers>
#include <utility>
#include <vector>

#include "unroll/core/option_checks.hpp"

namespace unroll {

template <class S>
concept Schedule = requires(const S& schedule, long k) {
  { schedule.rate(k) } -> std::convertible_to<double>;
};

namespace detail {

inline void check_time(std::string_view owner, long k) { check_least(owner, "count of updates or epochs", k, 0); }

inline void check_length(std::string_view owner, std::string_view option, long length) {
  check_least(owner, option, length, 1);
}

/// Checks rates and factors.
inline void check_rates(std::string_view owner, std::initializer_list<std::pair<std::string_view, double>> rates) {
  for (const auto& [name, rate] : rates) check_not_negative(owner, name, rate);
}

/// Returns `rate`. Throws ValueError if it overflowed, or became negative by rounding.
inline double checked(std::string_view owner, double rate) {
  require<ValueError>(is_finite(rate) && rate >= 0, owner, ": rate must be finite and at least 0, got ", rate);
  return rate;
}

/// initial * factor^count. Throws ValueError on overflow.
inline double geometric(std::string_view owner, double initial, double factor, double count) {
  const double rate = initial * std::pow(factor, count);
  require<ValueError>(is_finite(rate), owner, ": rate must be finite, got ", initial, " * ", factor, "^", count);
  return rate;
}

/// from * share + to * (1 - share), share in [0, 1]; clamped between the two despite rounding.
inline double mixed(double from, double to, double share) {
  return std::clamp(to + (from - to) * share, std::min(from, to), std::max(from, to));
}

/// Half a cosine from `from` (part 0) to `to` (part 1).
inline double along_cosine(double from, double to, double part) {
  return mixed(from, to, (1 + std::cos(std::numbers::pi * part)) / 2);
}

}  // namespace detail

/// Example: `schedule::Cosine{.initial = 0.1, .half_period = 100}.rate(updates)`.
namespace schedule {

struct Constant {
  double initial = 1e-3;

  double rate(long k) const {
    detail::check_time("constant schedule", k);
    detail::check_rates("constant schedule", {{"initial", initial}});
    return initial;
  }
};

/// Step schedule: initial * factor^floor(k / every).
struct Step {
  double initial = 1e-3;
  long every = 1;
  double factor = 0.1;

  double rate(long k) const {
    detail::check_time("step schedule", k);
    detail::check_length("step schedule", "every", every);
    detail::check_rates("step schedule", {{"initial", initial}, {"factor", factor}});
    return detail::geometric("step schedule", initial, factor, double(k / every));
  }
};

/// Multistep schedule: initial * factor^(number of milestones <= k).
struct Multistep {
  double initial = 1e-3;
  std::vector<long> milestones;
  double factor = 0.1;

  double rate(long k) const {
    detail::check_time("multistep schedule", k);
    detail::check_rates("multistep schedule", {{"initial", initial}, {"factor", factor}});
    const auto passed = std::count_if(milestones.begin(), milestones.end(), [k](long m) { return m <= k; });
    return detail::geometric("multistep schedule", initial, factor, double(passed));
  }
};

/// Exponential schedule: initial * factor^k.
struct Exponential {
  double initial = 1e-3;
  double factor = 0.99;

  double rate(long k) const {
    detail::check_time("exponential schedule", k);
    detail::check_rates("exponential schedule", {{"initial", initial}, {"factor", factor}});
    return detail::geometric("exponential schedule", initial, factor, double(k));
  }
};

/// Linear schedule: initial times a factor that changes linearly from `start_factor` to `end_factor` within `length`,
/// then constant.
struct Linear {
  double initial = 1e-3;
  long length = 5;
  double start_factor = 1.0 / 3, end_factor = 1;

  double rate(long k) const {
    detail::check_time("linear schedule", k);
    detail::check_length("linear schedule", "length", length);
    detail::check_rates("linear schedule",
                        {{"initial", initial}, {"start_factor", start_factor}, {"end_factor", end_factor}});
    const double factor = std::lerp(start_factor, end_factor, double(std::min(k, length)) / double(length));
    return detail::checked("linear schedule", initial * factor);
  }
};

/// Polynomial schedule: final + (initial - final) * (1 - k / length)^power, then `final`.
struct Polynomial {
  double initial = 1e-3;
  long length = 5;
  double power = 1;
  double final = 0;

  double rate(long k) const {
    detail::check_time("polynomial schedule", k);
    detail::check_length("polynomial schedule", "length", length);
    detail::check_positive("polynomial schedule", "power", power);
    detail::check_rates("polynomial schedule", {{"initial", initial}, {"final", final}});
    const double left = 1 - double(std::min(k, length)) / double(length);
    return detail::mixed(initial, final, std::pow(left, power));
  }
};

/// Cosine schedule: half a cosine from `initial` to `lowest` at k = half_period, then rising again as in PyTorch
/// (Loshchilov & Hutter 2017, arXiv:1608.03983, eq. 5, without restarts).
struct Cosine {
  double initial = 1e-3;
  long half_period = 100;
  double lowest = 0;

  double rate(long k) const {
    detail::check_time("cosine schedule", k);
    detail::check_length("cosine schedule", "half_period", half_period);
    detail::check_rates("cosine schedule", {{"initial", initial}, {"lowest", lowest}});
    return detail::along_cosine(initial, lowest, double(k) / double(half_period));
  }
};

/// Cosine schedule with restarts: half a cosine of `first` counts, each next one `stretch` times as long (SGDR, eq. 5).
struct CosineRestarts {
  double initial = 1e-3;
  long first = 10;
  long stretch = 1;
  double lowest = 0;

  double rate(long k) const {
    detail::check_time("cosine schedule with restarts", k);
    detail::check_length("cosine schedule with restarts", "first", first);
    detail::check_length("cosine schedule with restarts", "stretch", stretch);
    detail::check_rates("cosine schedule with restarts", {{"initial", initial}, {"lowest", lowest}});
    double since = double(k), period = double(first);  // in double: a long period could overflow
    if (stretch == 1) since = std::fmod(since, period);
    for (; since >= period; period *= double(stretch)) since -= period;
    return detail::checked("cosine schedule with restarts", detail::along_cosine(initial, lowest, since / period));
  }
};

/// One-cycle schedule, Smith & Topin 2019 (arXiv:1708.07120): rises from highest / start_divisor to `highest` in the
/// first `rising` part of `length` counts, then falls to highest / (start_divisor * end_divisor). Momentum changes in
/// the opposite direction. PyTorch's arithmetic. Set both before the update: `options().momentum = cycle.momentum(k)`
/// (Adam: beta1).
struct OneCycle {
  double highest = 1e-2;
  long length = 100;
  double rising = 0.3;
  double start_divisor = 25, end_divisor = 1e4;
  double lowest_momentum = 0.85, highest_momentum = 0.95;
  bool straight = false;   ///< linear instead of half cosines
  bool symmetric = false;  ///< three phases: up, down in the same time, then from start to end

  double rate(long k) const {
    const auto [phase, part] = at(k);
    const double start = highest / start_divisor, end = start / end_divisor;
    if (phase == 0) return between(start, highest, part);
    if (phase == 1) return between(highest, symmetric ? start : end, part);
    return between(start, end, part);
  }

  double momentum(long k) const {
    const auto [phase, part] = at(k);
    if (phase == 0) return between(highest_momentum, lowest_momentum, part);
    return phase == 1 ? between(lowest_momentum, highest_momentum, part) : highest_momentum;
  }

 private:
  double between(double from, double to, double part) const {
    return straight ? std::lerp(from, to, part) : detail::along_cosine(from, to, part);
  }

  /// Phase (0 up, 1 down, 2 rest) and its completed fraction; constant for k >= length.
  std::pair<int, double> at(long k) const {
    detail::check_time("one-cycle schedule", k);
    detail::check_length("one-cycle schedule", "length", length);
    detail::check_fraction("one-cycle schedule", "rising", rising);
    detail::check_positive("one-cycle schedule", "start_divisor", start_divisor);
    detail::check_positive("one-cycle schedule", "end_divisor", end_divisor);
    detail::check_rates("one-cycle schedule", {{"highest", highest}});
    detail::check_fraction("one-cycle schedule", "lowest_momentum", lowest_momentum);
    detail::check_fraction("one-cycle schedule", "highest_momentum", highest_momentum);
    const double last = double(length - 1), now = std::min(double(k), last), up = rising * double(length) - 1;
    const double down = symmetric ? 2 * rising * double(length) - 2 : last;
    if (now <= up) return {0, part_of(now, 0, up)};
    if (now <= down || !symmetric) return {1, part_of(now, up, down)};
    return {2, part_of(now, down, last)};
  }

  static double part_of(double now, double begin, double end) {
    return end > begin ? (now - begin) / (end - begin) : 1;
  }
};

/// Linear warm-up from start_factor * next.rate(0) to next.rate(0) within `length` counts, followed by `next` from its
/// beginning. Returned by `warmup(length, next)`.
template <Schedule Next>
struct Warmup {
  Next next;
  long length = 1;
  double start_factor = 0;

  double rate(long k) const {
    detail::check_time("warm-up", k);
    detail::check_least("warm-up", "length", length, 0);
    detail::check_rates("warm-up", {{"start_factor", start_factor}});
    if (k >= length) return next.rate(k - length);
    return detail::checked("warm-up", next.rate(0) * std::lerp(start_factor, 1.0, double(k) / double(length)));
  }
};

template <Schedule Next>
Warmup<Next> warmup(long length, Next next, double start_factor = 0) {
  return {std::move(next), length, start_factor};
}

/// Noam schedule: scale * units^-1/2 * min(n^-1/2, n * warmup^-3/2) for the n-th update, n = k + 1. Vaswani et al. 2017
/// (arXiv:1706.03762, eq. 3).
struct Noam {
  double scale = 1;
  long units = 512;
  long warmup = 4000;

  double rate(long k) const {
    detail::check_time("Noam schedule", k);
    detail::check_length("Noam schedule", "units", units);
    detail::check_length("Noam schedule", "warmup", warmup);
    detail::check_rates("Noam schedule", {{"scale", scale}});
    const double n = double(k) + 1;
    return scale / std::sqrt(double(units)) * std::min(1 / std::sqrt(n), n * std::pow(double(warmup), -1.5));
  }
};

/// User-defined schedule: initial * factor(k) with any function of k. Returned by `lambda(initial, factor)`. Throws
/// ValueError if the rate is negative or not finite.
template <std::invocable<long> F>
struct Lambda {
  double initial = 1e-3;
  F factor;

  double rate(long k) const {
    detail::check_time("lambda schedule", k);
    detail::check_rates("lambda schedule", {{"initial", initial}});
    return detail::checked("lambda schedule", initial * double(factor(k)));
  }
};

template <std::invocable<long> F>
Lambda<F> lambda(double initial, F factor) {
  return {initial, std::move(factor)};
}

}  // namespace schedule
}  // namespace unroll
