#pragma once
// Random numbers for simulated data.

#include <Eigen/Core>

#include "unroll/core/random.hpp"

namespace har {

using Axes = Eigen::Vector3d;  // forward, sideways, upward

/// Sequence of random numbers.
class Draws {
 public:
  Draws(std::uint64_t seed, std::uint64_t part) : random_(seed, unroll::Purpose::data, part) {}

  double uniform(double low, double high) { return low + (high - low) * random_.uniform(next_++); }
  double normal(double mean, double deviation) { return mean + deviation * random_.normal(next_++); }
  Axes normal(double deviation) {
    return Axes::NullaryExpr([&] { return normal(0, deviation); });
  }
  unroll::Index below(unroll::Index n) { return random_.below(next_++, n); }

 private:
  unroll::Random random_;
  std::uint64_t next_ = 0;
};

}  // namespace har
