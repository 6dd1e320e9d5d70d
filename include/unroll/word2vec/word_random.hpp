#pragma once
// Random choices of word2vec: subsampling of sentences and random of negative words.

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <numeric>
#include <span>
#include <vector>

#include "unroll/core/error.hpp"
#include "unroll/core/types.hpp"

namespace unroll::detail {

/// Fast random number generator, where `Random` would dominate the cost: SplitMix64, Steele, Lea, Flood 2014, "Fast
/// splittable pseudorandom number generators".
class WordRandom {
 public:
  explicit WordRandom(std::uint64_t start) : state_(start) {}

  std::uint64_t bits() {
    std::uint64_t z = state_ += 0x9E3779B97F4A7C15u;
    z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9u;
    z = (z ^ z >> 27) * 0x94D049BB133111EBu;
    return z ^ z >> 31;
  }
  std::uint32_t word() { return static_cast<std::uint32_t>(bits() >> 32); }
  /// Random number in [0, n), by multiplication: probabilities differ by at most 2^-32.
  std::uint32_t below(std::uint32_t n) { return static_cast<std::uint32_t>(std::uint64_t(word()) * n >> 32); }

 private:
  std::uint64_t state_;
};

/// 2^32 times the probability of keeping each word: min(1, sqrt(t / f) + t / f), where f is the frequency of the word
/// in the text. This is the formula of the word2vec program; the paper's 1 - sqrt(t / f) is the probability of leaving
/// it out.
inline std::vector<std::uint64_t> kept_shares(std::span<const Index> counts, double t) {
  const double all = double(std::accumulate(counts.begin(), counts.end(), Index(0)));
  std::vector<std::uint64_t> shares;
  for (const Index count : counts) {
    const double ratio = count == 0 ? 1 : t * all / double(count);
    shares.push_back(static_cast<std::uint64_t>(0x1p32 * (t == 0 ? 1 : std::min(1.0, std::sqrt(ratio) + ratio))));
  }
  return shares;
}

/// Sampler of words with probability proportional to a power of their counts, in constant time: alias method, Walker
/// 1977, constructed as in Vose 1991. Words with count 0 are never drawn.
class NoiseTable {
 public:
  NoiseTable(std::span<const Index> counts, double power) : places_(counts.size()) {
    std::vector<double> weights;
    for (const Index count : counts) weights.push_back(count == 0 ? 0 : std::pow(double(count), power));
    const double mean = std::accumulate(weights.begin(), weights.end(), 0.0) / double(weights.size());
    std::vector<std::size_t> small, large;
    for (std::size_t k = 0; k < weights.size(); ++k) (weights[k] < mean ? small : large).push_back(k);
    while (!small.empty() && !large.empty()) {
      const std::size_t poor = small.back(), rich = large.back();
      small.pop_back();
      places_[poor] = {share(weights[poor] / mean), static_cast<std::int32_t>(rich)};
      weights[rich] -= mean - weights[poor];
      if (weights[rich] < mean) large.pop_back(), small.push_back(rich);
    }
    // Up to rounding, the remaining entries have probability 1 of keeping their word.
    for (const auto& rest : {small, large})
      for (const std::size_t k : rest) places_[k] = {share(1), static_cast<std::int32_t>(k)};
  }

  std::int32_t operator()(WordRandom& random) const {
    const std::uint64_t bits = random.bits();
    const std::uint64_t k = (bits >> 32) * places_.size() >> 32;
    return (bits & 0xFFFFFFFFu) < places_[k].own ? static_cast<std::int32_t>(k) : places_[k].other;
  }

 private:
  struct Place {
    std::uint32_t own;  // 2^32 times the probability of drawing this word instead of `other`
    std::int32_t other;
  };

  static std::uint32_t share(double p) { return static_cast<std::uint32_t>(std::min(p * 0x1p32, 0x1p32 - 1)); }

  std::vector<Place> places_;
};

}  // namespace unroll::detail
