#pragma once
// Counter-based random numbers: every number is a pure function of seed, purpose, layer, step and element. Masks,
// initial weights and shuffles therefore depend neither on threads, nor on the order of calls, nor on recomputation.
//
// Philox 4x32-10: Salmon, Moraes, Dror, Shaw 2011, "Parallel random numbers: as easy as 1, 2, 3", section 3.3. The
// distributions use only integers, IEEE basic operations and fused multiply-adds, so their bits are the same on every
// machine, compiler and library.

#include <algorithm>
#include <array>
#include <cmath>
#include <concepts>
#include <cstdint>
#include <type_traits>
#include <utility>

#include "unroll/core/error.hpp"
#include "unroll/core/types.hpp"
#include "unroll/simd/elementary.hpp"

namespace unroll {

/// Purpose of random numbers. Numbers of different purposes are independent. The values never change, so that a seed
/// keeps its meaning.
enum class Purpose : std::uint32_t {
  initialise = 0,
  shuffle = 1,
  dropout = 2,
  zoneout = 3,
  split = 4,
  sample = 5,
  noise = 6,
  data = 7,
  permute = 8,
  cell = 9,
};

namespace detail {

using Block = std::array<std::uint32_t, 4>;
/// n blocks, word by word, so that loops over the blocks compile to operations on registers.
template <std::size_t n>
using Blocks = std::array<std::array<std::uint32_t, n>, 4>;

/// Blocks of Philox 4x32-10: for a given key a permutation of the counters, so no two counters share a block.
template <std::size_t n>
constexpr Blocks<n> philox(Blocks<n> words, std::array<std::uint32_t, 2> key) {
  for (int round = 0; round < 10; ++round) {
    for (std::size_t k = 0; k < n; ++k) {
      const std::uint64_t a = std::uint64_t(0xD2511F53) * words[0][k], b = std::uint64_t(0xCD9E8D57) * words[2][k];
      words[0][k] = static_cast<std::uint32_t>(b >> 32) ^ words[1][k] ^ key[0];
      words[1][k] = static_cast<std::uint32_t>(b);
      words[2][k] = static_cast<std::uint32_t>(a >> 32) ^ words[3][k] ^ key[1];
      words[3][k] = static_cast<std::uint32_t>(a);
    }
    key = {key[0] + 0x9E3779B9u, key[1] + 0xBB67AE85u};  // Weyl sequence: golden ratio and sqrt(3) - 1
  }
  return words;
}
constexpr Block philox(Block counter, std::array<std::uint32_t, 2> key) {
  const Blocks<1> words = philox<1>({{{counter[0]}, {counter[1]}, {counter[2]}, {counter[3]}}}, key);
  return {words[0][0], words[1][0], words[2][0], words[3][0]};
}

constexpr std::uint32_t low_word(std::uint64_t x) { return static_cast<std::uint32_t>(x); }
constexpr std::uint32_t high_word(std::uint64_t x) { return static_cast<std::uint32_t>(x >> 32); }

/// Polynomial c[0] x^n + ... + c[n] with fused multiply-adds under any compiler flags.
template <std::size_t n>
double fused_polynomial(const std::array<double, n>& c, double x) {
  double sum = c[0];
  for (std::size_t i = 1; i < n; ++i) sum = std::fma(sum, x, c[i]);
  return sum;
}

/// Natural logarithm of a positive normal number, with the same bits on every platform.
inline double portable_log(double x) {
  using C = ElementaryConstants<double>;
  int exponent = 0;
  const double m = std::frexp(x, &exponent);  // in [1/2, 1)
  const bool small = m < 0.70710678118654752;
  const double f = small ? 2 * m - 1 : m - 1, k = small ? exponent - 1 : exponent;  // both exact
  const double s = f / (2 + f), s2 = s * s;
  const double log_m = std::fma(s * s2, fused_polynomial(C::log1p, s2), 2 * s);
  return std::fma(k, C::ln2_high, std::fma(k, C::ln2_low, log_m));
}

/// Standard normal quantile of `p` in (0, 1): Wichura 1988, Algorithm AS 241, PPND16, relative error about 1e-16.
inline double normal_quantile(double p) {
  static constexpr std::array a{2.5090809287301226727e+3, 3.3430575583588128105e+4, 6.7265770927008700853e+4,
                                4.5921953931549871457e+4, 1.3731693765509461125e+4, 1.9715909503065514427e+3,
                                1.3314166789178437745e+2, 3.3871328727963666080e0};
  static constexpr std::array b{
      5.2264952788528545610e+3, 2.8729085735721942674e+4, 3.9307895800092710610e+4, 2.1213794301586595867e+4,
      5.3941960214247511077e+3, 6.8718700749205790830e+2, 4.2313330701600911252e+1, 1.0};
  static constexpr std::array c{7.74545014278341407640e-4, 2.27238449892691845833e-2, 2.41780725177450611770e-1,
                                1.27045825245236838258e0,  3.64784832476320460504e0,  5.76949722146069140550e0,
                                4.63033784615654529590e0,  1.42343711074968357734e0};
  static constexpr std::array d{
      1.05075007164441684324e-9, 5.47593808499534494600e-4, 1.51986665636164571966e-2, 1.48103976427480074590e-1,
      6.89767334985100004550e-1, 1.67638483018380384940e0,  2.05319162663775882187e0,  1.0};
  static constexpr std::array e{2.01033439929228813265e-7, 2.71155556874348757815e-5, 1.24266094738807843860e-3,
                                2.65321895265761230930e-2, 2.96560571828504891230e-1, 1.78482653991729133580e0,
                                5.46378491116411436990e0,  6.65790464350110377720e0};
  static constexpr std::array f{
      2.04426310338993978564e-15, 1.42151175831644588870e-7, 1.84631831751005468180e-5, 7.86869131145613259100e-4,
      1.48753612908506148525e-2,  1.36929880922735805310e-1, 5.99832206555887937690e-1, 1.0};
  const double q = p - 0.5;
  if (std::abs(q) <= 0.425) {
    const double r = std::fma(-q, q, 0.180625);
    return q * fused_polynomial(a, r) / fused_polynomial(b, r);
  }
  const double r = std::sqrt(-portable_log(std::min(p, 1 - p)));
  const double tail = r <= 5 ? fused_polynomial(c, r - 1.6) / fused_polynomial(d, r - 1.6)
                             : fused_polynomial(e, r - 5) / fused_polynomial(f, r - 5);
  return q < 0 ? -tail : tail;
}

}  // namespace detail

/// Random numbers of one seed, purpose, layer and step; `element` selects one of 2^64, and equal arguments give equal
/// numbers. All distributions below use the same bits: use only one of them per object, or vary purpose, layer or step.
class Random {
 public:
  Random(std::uint64_t seed, Purpose purpose, std::uint64_t layer = 0, std::uint64_t step = 0) {
    using detail::high_word, detail::low_word;
    const auto key = detail::philox({static_cast<std::uint32_t>(purpose)}, {low_word(seed), high_word(seed)});
    const auto stream =
        detail::philox({low_word(layer), high_word(layer), low_word(step), high_word(step)}, {key[0], key[1]});
    key_ = {stream[0], stream[1]};
    stream_ = {stream[2], stream[3]};
  }

  /// 64 uniform bits.
  std::uint64_t bits(std::uint64_t element) const { return bits(element, 0); }

  /// Uniform number in [0, 1), a multiple of 2^-53. Rounding to float may give 1.
  double uniform(std::uint64_t element) const { return static_cast<double>(bits(element) >> 11) * 0x1p-53; }

  /// Standard normal number. It is within +-8.3, the range of the quantiles of 53-bit probabilities.
  double normal(std::uint64_t element) const {
    return detail::normal_quantile((static_cast<double>(bits(element) >> 12) + 0.5) * 0x1p-52);
  }

  /// True with probability p, at a resolution of 2^-32. Throws ValueError unless 0 <= p <= 1.
  bool bernoulli(std::uint64_t element, double p) const { return block(element / 4, 0)[element % 4] < threshold(p); }

  /// Uniform integer in [0, n), without bias. Throws ValueError unless n > 0.
  Index below(std::uint64_t element, Index n) const {
    require<ValueError>(n > 0, "Random::below: n must be at least 1, got ", n);
    const auto values = static_cast<std::uint64_t>(n);
    const std::uint64_t incomplete = (0 - values) % values;  // 2^64 mod n values, rejected to avoid bias
    std::uint32_t attempt = 0;
    std::uint64_t drawn = bits(element, attempt);
    while (drawn < incomplete) drawn = bits(element, ++attempt);
    return static_cast<Index>(drawn % values);
  }

  /// Scaled dropout mask: out[i] = bernoulli(first + i, p) ? value : 0, at a quarter of the cost. Throws like
  /// bernoulli.
  template <std::floating_point Scalar>
  void fill_bernoulli(double p, Scalar value, std::type_identity_t<OutVector<Scalar>> out,
                      std::uint64_t first = 0) const {
    const std::uint64_t limit = threshold(p);
    const std::array<Scalar, 2> values{Scalar(0), value};
    Index i = 0;
    const auto fill = [&](const auto& words, std::size_t from) {
      for (std::size_t k = from; k < 4 * words[0].size() && i < out.size(); ++k)
        out[i++] = values[words[k % 4][k / 4] < limit];
    };
    while (i < out.size()) {
      const std::uint64_t element = first + static_cast<std::uint64_t>(i);
      if (element % 4 == 0 && out.size() - i >= 64)
        fill(blocks<32>(element / 4), 0);  // fewer are not computed in registers by GCC
      else
        fill(blocks<1>(element / 4), element % 4);
    }
  }

 private:
  static std::uint64_t threshold(double p) {
    require<ValueError>(p >= 0 && p <= 1, "Random: probability must be in [0, 1], got ", p);
    return static_cast<std::uint64_t>(p * 0x1p32);
  }

  detail::Block block(std::uint64_t index, std::uint32_t attempt) const {
    return detail::philox({detail::low_word(index), detail::high_word(index), stream_[0], stream_[1] + attempt}, key_);
  }
  template <std::size_t n>
  detail::Blocks<n> blocks(std::uint64_t first) const {
    detail::Blocks<n> counters;
    for (std::size_t k = 0; k < n; ++k) {
      counters[0][k] = detail::low_word(first + k);
      counters[1][k] = detail::high_word(first + k);
      counters[2][k] = stream_[0];
      counters[3][k] = stream_[1];
    }
    return detail::philox(counters, key_);
  }

  std::uint64_t bits(std::uint64_t element, std::uint32_t attempt) const {
    const auto words = block(element / 2, attempt);
    const auto half = 2 * (element % 2);
    return std::uint64_t(words[half + 1]) << 32 | words[half];
  }

  std::array<std::uint32_t, 2> key_, stream_;
};

/// Random permutation of 0 ... n-1, uniform over all permutations (Durstenfeld 1964). Throws ValueError if n < 0.
inline VectorX<Index> permutation(Index n, const Random& random) {
  require<ValueError>(n >= 0, "permutation: n must be at least 0, got ", n);
  VectorX<Index> order = VectorX<Index>::LinSpaced(n, 0, n - 1);
  for (Index last = n - 1; last > 0; --last) {
    std::swap(order[last], order[random.below(static_cast<std::uint64_t>(last), last + 1)]);
  }
  return order;
}

}  // namespace unroll
