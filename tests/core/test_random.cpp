#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <limits>
#include <set>
#include <string>
#include <unroll/core/random.hpp>
#include <utility>
#include <vector>

#include "support/catch.hpp"

namespace test_random {

namespace {

using namespace unroll;
using detail::Block;
using detail::philox;

constexpr std::uint64_t seed = 20260101;

/// Pearson's statistic of counts with the same expectation for each.
double chi_square(const std::vector<double>& counts, double expected) {
  double sum = 0;
  for (const double count : counts) sum += (count - expected) * (count - expected) / expected;
  return sum;
}

/// Deviation of a chi-square with `freedom` degrees from its mean, in standard deviations. Wilson and Hilferty 1931.
double surprise(double chi2, double freedom) {
  const double v = 2 / (9 * freedom);
  return (std::cbrt(chi2 / freedom) - (1 - v)) / std::sqrt(v);
}

struct Moments {
  double mean = 0, variance = 0, skewness = 0, kurtosis = 0;
};

template <class Draw>
Moments moments(int n, Draw draw) {
  Moments m;
  std::vector<double> x;
  for (int i = 0; i < n; ++i) x.push_back(draw(static_cast<std::uint64_t>(i)));
  for (const double value : x) m.mean += value / n;
  for (const double value : x) m.variance += std::pow(value - m.mean, 2) / n;
  for (const double value : x) m.skewness += std::pow((value - m.mean) / std::sqrt(m.variance), 3) / n;
  for (const double value : x) m.kurtosis += std::pow((value - m.mean) / std::sqrt(m.variance), 4) / n;
  return m;
}

}  // namespace

TEST_CASE("philox: equals the published numbers", "[random]") {
  constexpr std::uint32_t ones = 0xffffffff;
  STATIC_REQUIRE(philox({}, {}) == Block{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8});
  STATIC_REQUIRE(philox({ones, ones, ones, ones}, {ones, ones}) ==
                 Block{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd});
  STATIC_REQUIRE(philox({0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344}, {0xa4093822, 0x299f31d0}) ==
                 Block{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1});
}

TEST_CASE("random: numbers equal stored reference values", "[random]") {
  const Random random(1, Purpose::dropout, 2, 3);
  CHECK(random.bits(0) == 0xa93bdd17425da71c);
  CHECK(random.bits(std::uint64_t(1) << 40) == 0x3e8e9f2e6c81bc3f);
  CHECK(random.uniform(7) == 0x1.01bb56f057487p-1);
  CHECK(random.normal(7) == 0x1.15d341feb4f57p-7);  // exact on all compilers, flags and libraries
  CHECK(random.normal(114) == 0x1.4d64d6ee6f7d2p+1);
  CHECK(random.below(7, 1000) == 157);
  const auto order = permutation(6, random);
  CHECK(std::vector<Index>(order.begin(), order.end()) == std::vector<Index>{0, 2, 1, 4, 3, 5});
}

TEST_CASE("random: a number depends only on its key and its element", "[random]") {
  const Random random(seed, Purpose::noise, 4, 5), again(seed, Purpose::noise, 4, 5);
  const auto first = random.bits(11);
  for (std::uint64_t i = 0; i < 100; ++i) random.bits(i);
  CHECK(random.bits(11) == first);
  CHECK(again.bits(11) == first);

  // Each component of the key, including its high half, gives another stream, and so does exchanging two of them.
  const std::uint64_t high = std::uint64_t(1) << 32;
  const std::vector<Random> others{{seed + 1, Purpose::noise, 4, 5},    {seed + high, Purpose::noise, 4, 5},
                                   {seed, Purpose::dropout, 4, 5},      {seed, Purpose::noise, 5, 5},
                                   {seed, Purpose::noise, 4 + high, 5}, {seed, Purpose::noise, 4, 6},
                                   {seed, Purpose::noise, 4, 5 + high}, {seed, Purpose::noise, 5, 4},
                                   {seed, Purpose::noise, 0, 0},        random};
  std::set<std::uint64_t> seen;
  for (const auto& other : others) {
    for (std::uint64_t i = 0; i < 50; ++i) seen.insert(other.bits(i)), seen.insert(other.bits(i + high));
  }
  CHECK(seen.size() == 100 * others.size());
}

TEST_CASE("random: streams that differ in one part of the key are uncorrelated", "[random]") {
  const int n = 20000;
  const Random base(seed, Purpose::dropout, 0, 0);
  for (const Random& other : {Random(seed + 1, Purpose::dropout), Random(seed, Purpose::noise),
                              Random(seed, Purpose::dropout, 1), Random(seed, Purpose::dropout, 0, 1)}) {
    double correlation = 0, shifted = 0;
    for (std::uint64_t i = 0; i < n; ++i) {
      correlation += (base.uniform(i) - 0.5) * (other.uniform(i) - 0.5) * 12 / n;
      shifted += (base.uniform(i) - 0.5) * (base.uniform(i + 1) - 0.5) * 12 / n;
    }
    CHECK(std::abs(correlation) < 4 / std::sqrt(n));
    CHECK(std::abs(shifted) < 4 / std::sqrt(n));
  }
}

TEST_CASE("random: every bit is set half of the time", "[random]") {
  const int n = 20000;
  const Random random(seed, Purpose::sample);
  std::array<int, 64> set{};
  for (std::uint64_t i = 0; i < n; ++i) {
    const auto bits = random.bits(i);
    for (std::size_t b = 0; b < 64; ++b) set[b] += static_cast<int>(bits >> b & 1);
  }
  for (const int count : set) CHECK(std::abs(count - n / 2) < 4.5 * std::sqrt(n) / 2);
}

TEST_CASE("random: uniform numbers are at least 0, below 1 and evenly distributed", "[random]") {
  const int n = 100000, cells = 200;
  const Random random(seed, Purpose::sample, 1);
  std::vector<double> counts(cells);
  for (std::uint64_t i = 0; i < n; ++i) {
    const double u = random.uniform(i);
    REQUIRE((u >= 0 && u < 1));
    ++counts[static_cast<std::size_t>(u * cells)];
  }
  CHECK(std::abs(surprise(chi_square(counts, double(n) / cells), cells - 1)) < 3.5);
  const auto m = moments(n, [&](auto i) { return random.uniform(i); });
  CHECK(m.mean == Approx(0.5).margin(4 * std::sqrt(1.0 / 12 / n)));
  CHECK(m.variance == Approx(1.0 / 12).epsilon(0.02));
}

TEST_CASE("random: normal numbers have the moments and shape of the normal distribution", "[random]") {
  const int n = 100000, cells = 100;
  const Random random(seed, Purpose::initialise);
  const auto m = moments(n, [&](auto i) { return random.normal(i); });
  CHECK(std::abs(m.mean) < 4 / std::sqrt(n));
  CHECK(std::abs(m.variance - 1) < 4 * std::sqrt(2.0 / n));
  CHECK(std::abs(m.skewness) < 4 * std::sqrt(6.0 / n));
  CHECK(std::abs(m.kurtosis - 3) < 4 * std::sqrt(24.0 / n));
  std::vector<double> counts(cells);  // of the probabilities, which must be uniform
  for (std::uint64_t i = 0; i < n; ++i) {
    ++counts[static_cast<std::size_t>(cells * std::erfc(-random.normal(i) / std::sqrt(2.0)) / 2)];
  }
  CHECK(std::abs(surprise(chi_square(counts, double(n) / cells), cells - 1)) < 3.5);
}

TEST_CASE("normal quantile: is accurate in the centre and in both tails", "[random]") {
  using detail::normal_quantile;
  const double tolerance = 1e-14;
  CHECK(normal_quantile(0.5) == 0);
  for (const auto& [p, z] : std::vector<std::pair<double, double>>{{1e-15, -7.9413453261709968},
                                                                   {1e-10, -6.3613409024040562},
                                                                   {1e-5, -4.2648907939228246},
                                                                   {0.001, -3.0902323061678135},
                                                                   {0.02, -2.053748910631823},
                                                                   {0.07, -1.4757910281791707},
                                                                   {0.075, -1.4395314709384559},
                                                                   {0.1, -1.2815515655446004},
                                                                   {0.3, -0.52440051270804082},
                                                                   {0.45, -0.12566134685507401}}) {
    CHECK(normal_quantile(p) == Approx(z).epsilon(tolerance));
    CHECK(normal_quantile(1 - p) == -normal_quantile(1 - (1 - p)));
  }
  for (const double x : {0x1p-53, 1e-10, 0.3, 0.70710678118654746, 0.70710678118654757, 0.74, 0.9, 0.999, 1.0, 7.5}) {
    CHECK(detail::portable_log(x) == Approx(std::log(x)).epsilon(1e-15).margin(1e-18));
  }
}

TEST_CASE("bernoulli: matches its probability, exactly at 0 and 1, and refuses values outside", "[random]") {
  const int n = 50000;
  const Random random(seed, Purpose::dropout, 3);
  for (const double p : {0.0, 0.01, 0.5, 0.8, 1.0}) {
    int kept = 0;
    for (std::uint64_t i = 0; i < n; ++i) kept += random.bernoulli(i, p);
    CHECK(std::abs(kept - n * p) <= 4 * std::sqrt(n * p * (1 - p)));
  }
  for (const double p : {-0.1, 1.1, std::numeric_limits<double>::quiet_NaN()}) {
    CHECK_THROWS_AS(random.bernoulli(0, p), ValueError);
  }
  CHECK_THROWS_MATCHES(random.bernoulli(0, 1.5), ValueError, says("probability must be in [0, 1], got 1.5"));
}

TEST_CASE("bernoulli: is true exactly when a 32-bit number is below the probability", "[random]") {
  const Random random(seed, Purpose::dropout, 5);
  for (std::uint64_t k = 0; k < 20; ++k) {
    const auto word = double(std::uint32_t(random.bits(2 * k)));  // the first of a block of four
    CHECK_FALSE(random.bernoulli(4 * k, word * 0x1p-32));
    CHECK(random.bernoulli(4 * k, (word + 1) * 0x1p-32));
  }
}

TEST_CASE("bernoulli: a filled mask equals single draws", "[random]") {
  const Random random(seed, Purpose::dropout, 1, 9);
  const std::uint64_t words = std::uint64_t(1) << 34;  // of 2^32 blocks
  for (const std::uint64_t first :
       {std::uint64_t(0), std::uint64_t(1), std::uint64_t(3), std::uint64_t(1002), words - 72}) {
    for (const Index n : {0, 1, 5, 64, 67, 200}) {
      MatrixX<float> room = MatrixX<float>::Constant(n + 2, 2, 7);
      random.fill_bernoulli(0.8, 1.25f, room.col(1).segment(1, n), first);
      for (Index i = 0; i < n; ++i) {
        CHECK(room(i + 1, 1) == (random.bernoulli(first + static_cast<std::uint64_t>(i), 0.8) ? 1.25f : 0.f));
      }
      CHECK((room(0, 1) == 7 && room(n + 1, 1) == 7 && (room.col(0).array() == 7).all()));
    }
  }
  VectorX<double> mask(4);
  CHECK_THROWS_AS(random.fill_bernoulli(2, 1.0, mask), ValueError);
}

TEST_CASE("below: is uniform and within its range when the range does not divide 2^64", "[random]") {
  const Random random(seed, Purpose::split);
  const int n = 60000;
  for (const Index range : {1, 2, 3, 7, 100}) {
    std::vector<double> counts(static_cast<std::size_t>(range));
    for (std::uint64_t i = 0; i < n; ++i) {
      const Index drawn = random.below(i, range);
      REQUIRE((drawn >= 0 && drawn < range));
      ++counts[static_cast<std::size_t>(drawn)];
    }
    if (range > 1) CHECK(std::abs(surprise(chi_square(counts, double(n) / double(range)), double(range - 1))) < 3.5);
  }
  // 2^64 is 2 2/3 times this range, so a quarter of the draws is repeated. Plain remainders would put 9/16 of the
  // results into the lower half.
  const Index huge = (Index(1) << 61) * 3;
  int low = 0;
  for (std::uint64_t i = 0; i < n; ++i) low += random.below(i, huge) < huge / 2;
  CHECK(std::abs(low - n / 2) < 4 * std::sqrt(n) / 2);
  CHECK_THROWS_MATCHES(random.below(0, 0), ValueError, says("n must be at least 1, got 0"));
  CHECK_THROWS_AS(random.below(0, -5), ValueError);
}

TEST_CASE("permutation: contains every number once, and all orders are equally likely", "[random]") {
  for (const Index n : {0, 1, 2, 1000}) {
    auto order = permutation(n, Random(seed, Purpose::shuffle));
    std::sort(order.begin(), order.end());
    REQUIRE(order.size() == n);
    for (Index i = 0; i < n; ++i) REQUIRE(order[i] == i);
  }
  const int n = 24000;
  std::vector<double> counts(24);  // of the orders of four numbers, by Lehmer code
  for (std::uint64_t step = 0; step < n; ++step) {
    const auto p = permutation(4, Random(seed, Purpose::shuffle, 0, step));
    const auto smaller_after = [&](Index i) { return (p.tail(3 - i).array() < p[i]).count(); };
    ++counts[static_cast<std::size_t>(6 * smaller_after(0) + 2 * smaller_after(1) + smaller_after(2))];
  }
  CHECK(std::abs(surprise(chi_square(counts, n / 24.0), 23)) < 3.5);
  CHECK_THROWS_AS(permutation(-1, Random(seed, Purpose::shuffle)), ValueError);
}

}  // namespace test_random
