// Statistics of the program compare. Expected values are those of SciPy 1.17 (binomtest, permutation_test, bootstrap
// with 400,000 samples), or were counted by hand.

#include <cmath>
#include <support/catch.hpp>

#include "compare/statistics.hpp"
#include "unroll/core/error.hpp"

namespace test_statistics {

using namespace compare;
using unroll::Index;
using unroll::VectorX;

/// Units with wholes of 1.
Units means(std::initializer_list<double> values) {
  Units units{VectorX<double>(Index(values.size())), VectorX<double>::Ones(Index(values.size()))};
  std::copy(values.begin(), values.end(), units.parts.begin());
  return units;
}
Units ratios(std::initializer_list<double> parts, std::initializer_list<double> wholes) {
  return {means(parts).parts, means(wholes).parts};
}

/// Heights of maize in eighths of an inch (Darwin 1876), the example of Fisher 1935.
Units crossed() { return means({188, 96, 168, 176, 153, 172, 177, 163, 146, 173, 186, 168, 177, 184, 96}); }
Units self_fertilised() { return means({139, 163, 160, 160, 147, 149, 149, 122, 132, 144, 130, 144, 102, 124, 144}); }

Units first_ratio() { return ratios({3, 1, 4, 1, 5, 9, 2, 6}, {10, 8, 9, 7, 9, 12, 8, 11}); }
Units second_ratio() { return ratios({2, 7, 1, 8, 2, 8, 1, 8}, {11, 8, 7, 9, 10, 12, 9, 13}); }

/// 40 values, and as many zeros.
std::pair<Units, Units> forty() {
  Units a{VectorX<double>(40), VectorX<double>::Ones(40)};
  for (Index k = 0; k < 40; ++k) a.parts[k] = std::sin(1.7 * double(k)) + 0.35;
  return {a, {VectorX<double>::Zero(40), VectorX<double>::Ones(40)}};
}

TEST_CASE("McNemar test: p values are those of the binomial test") {
  CHECK(mcnemar_test(1, 9) == Approx(0.021484375));
  CHECK(mcnemar_test(9, 1) == Approx(0.021484375));
  CHECK(mcnemar_test(0, 5) == Approx(0.0625));
  CHECK(mcnemar_test(12, 25) == Approx(0.04703102743951604));
  CHECK(mcnemar_test(40, 75) == Approx(0.001412957498607674));
  CHECK(mcnemar_test(3, 3) == 1);
  CHECK(mcnemar_test(0, 0) == 1);
  CHECK(mcnemar_test(100'000, 101'000) == Approx(0.02586239243973295).epsilon(1e-9));
}

TEST_CASE("permutation test: all exchanges of few units are counted") {
  const Permutation maize = permutation_test(crossed(), self_fertilised());
  CHECK(maize.exact);
  CHECK(maize.p == Approx(0.05267333984375));
  CHECK(permutation_test(self_fertilised(), crossed()).p == maize.p);
}

TEST_CASE("permutation test: ratios of sums are exchanged with their wholes") {
  CHECK(permutation_test(first_ratio(), second_ratio()).p == Approx(182.0 / 256));
}

TEST_CASE("permutation test: many units are sampled") {
  const auto [a, b] = forty();
  const Permutation sampled = permutation_test(a, b);
  CHECK_FALSE(sampled.exact);
  CHECK(sampled.p == Approx(0.002318).margin(0.001));
  CHECK(permutation_test(a, b).p == sampled.p);
}

TEST_CASE("permutation test: right and wrong answers give the McNemar test") {
  const Units a = means({1, 1, 1, 1, 1, 1, 1, 1, 1, 0, 1, 0}), b = means({0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 0});
  CHECK(permutation_test(a, b).p == Approx(mcnemar_test(9, 1)));
}

TEST_CASE("permutation test: equal runs have p 1") {
  CHECK(permutation_test(crossed(), crossed()).p == 1);
  CHECK(permutation_test(forty().first, forty().first).p == 1);
}

TEST_CASE("permutation test: p is never 0 when exchanges are sampled") {
  Units a = forty().second;
  const Units b = a;
  a.parts.setOnes();
  CHECK(permutation_test(a, b).p == Approx(1.0 / 20'001));
}

TEST_CASE("bootstrap: limits are the quantiles over samples of units") {
  const Limits one = bootstrap_limits(crossed());
  CHECK(one.low == Approx(146.07).margin(0.8));
  CHECK(one.high == Approx(174.13).margin(0.8));
  const Limits difference = bootstrap_limits(crossed(), self_fertilised());
  CHECK(difference.low == Approx(1.33).margin(1.2));
  CHECK(difference.high == Approx(38.13).margin(1.2));
  const Limits ratio = bootstrap_limits(first_ratio());
  CHECK(ratio.low == Approx(0.2656).margin(0.01));
  CHECK(ratio.high == Approx(0.5625).margin(0.01));
}

TEST_CASE("bootstrap: limits of equal units have no width") {
  const Limits limits = bootstrap_limits(means({2, 2, 2}));
  CHECK(limits.low == 2);
  CHECK(limits.high == 2);
  const Limits difference = bootstrap_limits(crossed(), crossed());
  CHECK(difference.low == 0);
  CHECK(difference.high == 0);
}

TEST_CASE("bootstrap: samples whose wholes are all 0 are left out") {
  const Limits limits = bootstrap_limits(ratios({0, 3}, {0, 4}));
  CHECK(limits.low == 0.75);
  CHECK(limits.high == 0.75);
}

TEST_CASE("comparison: fewer than 2 units and different numbers of units are refused") {
  CHECK_THROWS_WITH(bootstrap_limits(means({1})), "comparison: units must be at least 2, got 1");
  CHECK_THROWS_AS(permutation_test(means({1}), means({2})), unroll::ValueError);
  CHECK_THROWS_WITH(permutation_test(means({1, 2, 3}), means({1, 2})),
                    "comparison: the second run must have 3 units, as the first one, got 2");
  CHECK_THROWS_AS(bootstrap_limits(means({1, 2, 3}), means({1, 2})), unroll::ShapeError);
}

TEST_CASE("Holm correction: p values are multiplied by the number of tests that are left") {
  const auto corrected = holm({0.01, 0.04, 0.03, 0.005});
  const std::vector<double> expected{0.03, 0.06, 0.06, 0.02};
  for (std::size_t k = 0; k < expected.size(); ++k) CHECK(corrected[k] == Approx(expected[k]));
  CHECK(holm({0.4}) == std::vector<double>{0.4});
  CHECK(holm({0.5, 0.9}) == std::vector<double>{1, 1});
  CHECK(holm({}).empty());
}

}  // namespace test_statistics
