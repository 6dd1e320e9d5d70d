#pragma once

#include <algorithm>
#include <cmath>
#include <functional>

#include "unroll/core/error.hpp"
#include "unroll/core/option_checks.hpp"

namespace unroll {

/// Schedules of scheduled sampling: share of decoder inputs taken from the target, as a function of the number of
/// updates. Bengio et al. 2015 (arXiv:1506.03099), section 2.4.
namespace teacher_forcing {

using Schedule = std::function<double(long)>;

inline Schedule constant(double share) {
  detail::check_fraction("teacher forcing", "share", share);
  return [=](long) { return share; };
}

/// Linear decay from 1 to `least` in `updates` updates.
inline Schedule linear(double least, long updates) {
  detail::check_fraction("teacher forcing", "least", least);
  require<ValueError>(updates > 0, "teacher forcing: updates must be at least 1, got ", updates);
  return [=](long i) { return std::max(least, 1 - (1 - least) * double(i) / double(updates)); };
}

/// Exponential decay k^i, 0 < k < 1.
inline Schedule exponential(double k) {
  detail::check_option(k > 0 && k < 1, "teacher forcing", "k of exponential decay", "in (0, 1)", k);
  return [=](long i) { return std::pow(k, double(i)); };
}

/// Inverse sigmoid decay k / (k + exp(i / k)), k >= 1.
inline Schedule inverse_sigmoid(double k) {
  detail::check_option(k >= 1, "teacher forcing", "k of inverse sigmoid decay", "at least 1", k);
  return [=](long i) { return k / (k + std::exp(double(i) / k)); };
}

}  // namespace teacher_forcing

}  // namespace unroll
