#pragma once
// Which tokens a decoder is fed while it learns: those of the target, or what it would have written itself.

#include <algorithm>
#include <cmath>
#include <functional>

#include "unroll/core/error.hpp"

namespace unroll {

/// The share of tokens that come from the target, as a function of the count of updates: Bengio et al. 2015
/// (arXiv:1506.03099), section 2.4, scheduled sampling.
namespace teacher_forcing {

using Schedule = std::function<double(long)>;

inline Schedule constant(double share) {
  require<ValueError>(share >= 0 && share <= 1, "teacher forcing: the share is ", share, ", expected 0 to 1");
  return [=](long) { return share; };
}

/// From 1 down to `least`, in so many updates.
inline Schedule linear(double least, long updates) {
  require<ValueError>(least >= 0 && least <= 1 && updates > 0, "teacher forcing: linear decay to ", least, " in ",
                      updates, " updates, expected 0 to 1 and at least 1");
  return [=](long i) { return std::max(least, 1 - (1 - least) * double(i) / double(updates)); };
}

/// k^i, k < 1
inline Schedule exponential(double k) {
  require<ValueError>(k > 0 && k < 1, "teacher forcing: exponential decay by ", k, ", expected between 0 and 1");
  return [=](long i) { return std::pow(k, double(i)); };
}

/// k / (k + exp(i / k)), k >= 1
inline Schedule inverse_sigmoid(double k) {
  require<ValueError>(k >= 1, "teacher forcing: inverse sigmoid decay by ", k, ", expected at least 1");
  return [=](long i) { return k / (k + std::exp(double(i) / k)); };
}

}  // namespace teacher_forcing

}  // namespace unroll
