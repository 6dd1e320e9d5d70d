#pragma once
// Reference device of the streaming example, and test sounds.

#include <cmath>
#include <cstdint>

#include "unroll/core/random.hpp"
#include "unroll/core/types.hpp"

namespace device {

constexpr double sample_rate = 48000;

/// Overdriven amplifier with feedback: y = a y + (1 - a) tanh(4 x - y), a low-pass at about 2.5 kHz. It distorts loud
/// tones and has memory.
class Amplifier {
 public:
  float operator()(float x) {
    constexpr float a = 0.72f;
    return y_ = a * y_ + (1 - a) * std::tanh(4 * x - y_);
  }

 private:
  float y_ = 0;
};

/// Sound [1 x steps]: five tones from 80 Hz to 5 kHz under a periodic envelope, with a little noise. Depends on (seed,
/// number) only.
inline unroll::MatrixX<float> sound(std::uint64_t seed, std::uint64_t number, unroll::Index steps) {
  const unroll::Random random(seed, unroll::Purpose::sample, number);
  unroll::MatrixX<float> x(1, steps);
  for (unroll::Index t = 0; t < steps; ++t) {
    const double time = double(t) / sample_rate;
    double value = 0.02 * random.normal(std::uint64_t(100 + t));
    for (std::uint64_t k = 0; k < 5; ++k) {
      const double frequency = 80 * std::pow(60, random.uniform(3 * k)), phase = 6.2831853 * random.uniform(3 * k + 1);
      value += 0.4 * random.uniform(3 * k + 2) * std::sin(6.2831853 * frequency * time + phase);
    }
    x(0, t) = float(value * (0.55 + 0.45 * std::sin(6.2831853 * 3 * time + double(number))));
  }
  return x;
}

/// Output of the amplifier [1 x steps], which starts with y = 0.
inline unroll::MatrixX<float> amplified(const unroll::MatrixX<float>& x) {
  Amplifier amplifier;
  return x.unaryExpr([&](float sample) { return amplifier(sample); });
}

}  // namespace device
