#include <cmath>
#include <limits>
#include <peaks/scorer.hpp>

#include "support/catch.hpp"

namespace test_scorer {

using namespace peaks;
using Bins = std::vector<float>;

namespace {

constexpr float nan_bin = std::numeric_limits<float>::quiet_NaN();

/// Zeros with the peak `shape` starting at each given bin.
Bins with_peaks(std::initializer_list<std::size_t> first, const Bins& shape = {0.1f, 0.2f, 0.1f},
                std::size_t size = 60) {
  Bins bins(size, 0.f);
  for (const std::size_t at : first)
    for (std::size_t k = 0; k < shape.size(); ++k) bins[at + k] = shape[k];
  return bins;
}

Score score(const Bins& truth, const Bins& prediction) {
  Score total;
  return total += compare(truth, prediction, {});
}

void check(const Score& got, int found, int missed, int extra) {
  CHECK(got.found == found);
  CHECK(got.missed == missed);
  CHECK(got.extra == extra);
}

}  // namespace

TEST_CASE("find_peaks: a peak has the weighted mean of its bins as position") {
  CHECK(find_peaks(with_peaks({10}), {}) == std::vector<double>{11});
  CHECK(find_peaks(with_peaks({10}, {0.1f, 0.1f, 0.2f}), {})[0] == Approx(11.25));
}

TEST_CASE("find_peaks: a peak has at least three bins at or above the threshold") {
  CHECK(find_peaks(with_peaks({10}, {0.5f, 0.5f}), {}).empty());
  CHECK(find_peaks(with_peaks({10}, {0.2f, 0.009f, 0.2f, 0.2f}), {}).empty());
  CHECK(find_peaks(with_peaks({10}, {0.2f, 0.011f, 0.2f}), {}).size() == 1);
  CHECK(find_peaks(with_peaks({10}, {0.25f, 0.25f, 0.25f}), {.threshold = 0.25}).size() == 1);
}

TEST_CASE("find_peaks: a peak has a sum of at least 0.2") {
  CHECK(find_peaks(with_peaks({10}, {0.06f, 0.06f, 0.06f}), {}).empty());
  CHECK(find_peaks(with_peaks({10}, {0.07f, 0.07f, 0.07f}), {}).size() == 1);
}

TEST_CASE("find_peaks: a run up to the last bin is a peak") {
  CHECK(find_peaks(with_peaks({57}), {}) == std::vector<double>{58});
  Bins ends_in_nan = with_peaks({56});
  ends_in_nan.back() = nan_bin;
  CHECK(find_peaks(ends_in_nan, {}) == std::vector<double>{57});
}

TEST_CASE("find_peaks: a NaN bin inside a run neither extends nor ends it") {
  Bins bins = with_peaks({10}, {0.1f, nan_bin, 0.1f, 0.1f});
  REQUIRE(find_peaks(bins, {}).size() == 1);
  CHECK(find_peaks(bins, {})[0] == Approx((10 + 12 + 13) / 3.0));
  bins[12] = nan_bin;  // two bins remain, too few
  CHECK(find_peaks(bins, {}).empty());
}

TEST_CASE("find_peaks: a run before NaN bins continues after them until a small bin") {
  Bins bins = with_peaks({10}, {0.2f, 0.2f, 0.2f, nan_bin, nan_bin, 0.2f, 0.2f, 0.2f});
  CHECK(find_peaks(bins, {}).size() == 1);
  bins[14] = 0;
  CHECK(find_peaks(bins, {}).size() == 2);
}

TEST_CASE("peaks score: a prediction within five bins finds a true peak") {
  check(score(with_peaks({20}), with_peaks({25})), 1, 0, 0);
  check(score(with_peaks({20}), with_peaks({26})), 0, 1, 1);
  check(score(with_peaks({20}), with_peaks({15})), 1, 0, 0);
  check(score(with_peaks({20}), with_peaks({14})), 0, 1, 1);
}

TEST_CASE("peaks score: two predictions at one true peak are no false positive") {
  check(score(with_peaks({20}), with_peaks({17, 23})), 1, 0, 0);
}

TEST_CASE("peaks score: one prediction between two true peaks finds both") {
  check(score(with_peaks({17, 23}), with_peaks({20})), 2, 0, 0);
}

TEST_CASE("peaks score: without predictions all true peaks are missed") {
  check(score(with_peaks({5, 30}), with_peaks({})), 0, 2, 0);
}

TEST_CASE("peaks score: without true peaks every prediction is a false positive") {
  check(score(with_peaks({}), with_peaks({5, 30})), 0, 0, 2);
  check(score(with_peaks({}), with_peaks({})), 0, 0, 0);
}

TEST_CASE("peaks score: a prediction in a NaN bin of the truth is no false positive") {
  Bins truth = with_peaks({});
  truth[31] = nan_bin;
  check(score(truth, with_peaks({30})), 0, 0, 0);
  check(score(truth, with_peaks({29})), 0, 0, 1);
  // 30.5 rounds to 30
  truth = with_peaks({});
  truth[30] = nan_bin;
  check(score(truth, with_peaks({29}, {0.1f, 0.1f, 0.1f, 0.1f})), 0, 0, 0);
  check(score(truth, with_peaks({28}, {0.1f, 0.1f, 0.1f, 0.1f})), 0, 0, 0);  // 29.5 rounds to 30
  // 31.5 rounds to 32
  truth = with_peaks({});
  truth[32] = nan_bin;
  check(score(truth, with_peaks({30}, {0.1f, 0.1f, 0.1f, 0.1f})), 0, 0, 0);
}

TEST_CASE("peaks score: a prediction in a NaN bin of the truth can find a true peak") {
  Bins truth = with_peaks({20});
  truth[25] = nan_bin;
  const auto event = compare(truth, with_peaks({24}), {});
  REQUIRE(event.predicted.size() == 1);
  CHECK_FALSE(event.predicted[0].scored);
  check(score(truth, with_peaks({24})), 1, 0, 0);
}

TEST_CASE("peaks score: scanned thresholds change predicted peaks and not the true ones") {
  const Bins bins = with_peaks({20});
  CHECK(compare(bins, bins, {}, {.integral = 0.39}).predicted.size() == 1);
  const auto event = compare(bins, bins, {}, {.integral = 0.41});
  CHECK(event.predicted.empty());
  CHECK(event.truth.size() == 1);
}

TEST_CASE("peaks score: efficiency is over all peaks and false positives are per event") {
  Score total;
  total += compare(with_peaks({5, 30}), with_peaks({5}), {});
  total += compare(with_peaks({5}), with_peaks({5, 40}), {});
  total += compare(with_peaks({}), with_peaks({}), {});
  CHECK(total.efficiency() == Approx(2. / 3));
  CHECK(total.false_rate() == Approx(1. / 3));
  CHECK(total.f1() == Approx(4. / 6));
  CHECK(Score().efficiency() == 0);
  CHECK(Score().false_rate() == 0);
}

TEST_CASE("peaks search: scaled_to keeps lengths in mm for wider bins") {
  const Search search = Search().scaled_to(0.4);
  CHECK(search.width == 1);
  CHECK(search.distance == Approx(1.25));
  CHECK(search.threshold == 1e-2);
  CHECK(Search().scaled_to(0.1).width == 3);
  CHECK(Search().scaled_to(4).width == 1);  // a peak has at least one bin
}

}  // namespace test_scorer
