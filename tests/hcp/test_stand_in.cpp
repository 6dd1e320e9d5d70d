#include <cmath>
#include <hcp/stand_in.hpp>

#include "support/catch.hpp"

namespace test_stand_in {

using namespace unroll;
using namespace hcp;

namespace {

/// Similarity of two recordings: the correlation of all their numbers.
double correlation(const MatrixX<float>& a, const MatrixX<float>& b) {
  const Index steps = std::min(a.cols(), b.cols());
  return double(a.leftCols(steps).cwiseProduct(b.leftCols(steps)).mean());
}

}  // namespace

TEST_CASE("stand-in: a participant has eighteen z-scored sequences, cut to the given steps") {
  const StandIn options{.participants = 3, .regions = 20};
  const Data data = make_stand_in(options, 90);
  REQUIRE(data.clips.size() == 3 * 18);
  CHECK(data.participants.size() == 3);
  CHECK(data.clips.features() == 20);
  CHECK(data.clips.classes() == 15);
  CHECK(data.clips.length(0) == 84);  // testretest, four times
  CHECK(data.clips.labels(3)[0] == 0);
  CHECK(data.clips.labels(4)[0] == 1);
  CHECK(data.clips.length(4) == 90);
  CHECK(data.clips.length(7) == 65);  // overcome
  for (Index s = 0; s < data.clips.size(); ++s) {
    CHECK(data.participant[std::size_t(s)] == s / 18);
    CHECK(std::abs(data.clips.sequence(s).cast<double>().mean()) < 1e-6);
    CHECK(data.clips.sequence(s).cast<double>().squaredNorm() / double(data.clips.sequence(s).size()) ==
          Approx(1).epsilon(1e-5));
  }
  CHECK(make_stand_in({.participants = 2, .regions = 2}, 0).clips.length(17) == 256);
  CHECK_THROWS_MATCHES(make_stand_in(options, 19), ValueError, says("--steps must be 0 or at least 20, got 19"));
}

TEST_CASE("stand-in: a participant depends on the seed, not on the number of participants") {
  const Data a = make_stand_in({.participants = 2, .regions = 5, .seed = 3}, 40);
  const Data b = make_stand_in({.participants = 3, .regions = 5, .seed = 3}, 40);
  const Data c = make_stand_in({.participants = 2, .regions = 5, .seed = 4}, 40);
  for (Index s = 0; s < a.clips.size(); ++s) {
    CHECK(a.clips.sequence(s) == b.clips.sequence(s));
    CHECK(a.clips.sequence(s) != c.clips.sequence(s));
  }
}

TEST_CASE("stand-in: correlation of participants in a clip grows with the signal") {
  const auto alike = [](double snr, Index other) {
    const Data data = make_stand_in({.participants = 2, .regions = 40, .snr = snr, .idio = 0.2, .mapvar = 0.1}, 90);
    double sum = 0;
    for (Index s = 4; s < 18; ++s)
      sum += correlation(data.clips.sequence(s), data.clips.sequence(18 + (s - 4 + other) % 14 + 4));
    return sum / 14;
  };
  CHECK(alike(0.9, 0) > 0.7);
  CHECK(alike(0.3, 0) > 0.15);
  CHECK(alike(0.3, 0) < 0.4);
  CHECK(std::abs(alike(0.9, 1)) < 0.15);
  CHECK(std::abs(alike(0, 0)) < 0.05);
}

TEST_CASE("stand-in: individual maps as large as the common map halve the correlation") {
  const Data data = make_stand_in({.participants = 2, .regions = 200, .snr = 1, .idio = 0, .mapvar = 1}, 90);
  double sum = 0;
  for (Index s = 4; s < 18; ++s) sum += correlation(data.clips.sequence(s), data.clips.sequence(18 + s));
  CHECK(sum / 14 > 0.35);
  CHECK(sum / 14 < 0.65);
}

TEST_CASE("stand-in: the covariance is the same for every clip") {
  // Without noise, individual signal and individual maps every participant's recording is the clip itself: x = W z /
  // scale. z is white after the ramp at its start, so x x' is W W' for every clip.
  const Data data = make_stand_in({.participants = 1, .regions = 30, .snr = 1, .idio = 0, .mapvar = 0, .seed = 2}, 0);
  const auto covariance = [&](Index s) {
    const MatrixX<double> x = data.clips.sequence(s).cast<double>();
    const MatrixX<double> centred = x.colwise() - x.rowwise().mean();
    return MatrixX<double>(centred * centred.transpose() / double(x.cols()));
  };
  const MatrixX<double> first = covariance(4);
  for (Index s = 5; s < 18; ++s) CHECK((covariance(s) - first).norm() < 0.35 * first.norm());
}

}  // namespace test_stand_in
