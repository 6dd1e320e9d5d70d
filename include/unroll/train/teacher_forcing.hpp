#pragma once

#include <algorithm>
#include <cmath>
#include <functional>

#include "unroll/core/error.hpp"

namespace unroll {

/// Schedules of scheduled sampling: share of decoder inputs taken from the target, as a function of the number of
/// updates. Bengio et al. 2015 (arXiv:1506.03099), section 2.4.
namespace teacher_forcing {

using Schedule = std::function<double(long)>;

inline Schedule constant(double share) {
  require<ValueError>(share >= 0 && share <= 1, "teacher forcing: the share is ", share, ", expected 0 to 1");
  return [=](long) { return share; };
}

/// Linear decay from 1 to `least` in `updates` updates.
inline Schedule linear(double least, long updates) {
  require<ValueError>(least >= 0 && least <= 1 && updates > 0, "teacher forcing: linear decay to ", least, " in ",
                      updates, " updates, expected 0 to 1 and at least 1");
  return [=](long i) { return std::max(least, 1 - (1 - least) * double(i) / double(updates)); };
}

/// Exponential decay k^i, 0 < k < 1.
inline Schedule exponential(double k) {
  require<ValueError>(k > 0 && k < 1, "teacher forcing: exponential decay by ", k, ", expected between 0 and 1");
  return [=](long i) { return std::pow(k, double(i)); };
}

/// Inverse sigmoid decay k / (k + exp(i / k)), k >= 1.
inline Schedule inverse_sigmoid(double k) {
  require<ValueError>(k >= 1, "teacher forcing: inverse sigmoid decay by ", k, ", expected at least 1");
  return [=](long i) { return k / (k + std::exp(double(i) / k)); };
}

}  // namespace teacher_forcing

}  // namespace unroll
