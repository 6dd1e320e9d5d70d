#include <limits>
#include <unroll/train/metrics/roc.hpp>

#include "support/catch.hpp"

namespace test_roc {

using namespace unroll;

namespace {

Roc roc(const VectorX<double>& scores, const Labels& labels) {
  Roc roc;
  roc.add<double>(scores, labels);
  return roc;
}

}  // namespace

TEST_CASE("roc: the area is the share of correctly ordered pairs, ties count half") {
  VectorX<double> scores(8);
  scores << 0.9, 0.8, 0.8, 0.5, 0.5, 0.4, 0.1, -3;
  Labels labels(8);
  labels << 1, 0, 1, 1, 0, -1, 0, 1;
  double pairs = 0, right = 0;
  for (Index a = 0; a < 8; ++a)
    for (Index b = 0; b < 8; ++b) {
      if (labels[a] != 1 || labels[b] != 0) continue;
      ++pairs;
      right += scores[a] > scores[b] ? 1 : scores[a] == scores[b] ? 0.5 : 0;
    }
  CHECK(roc(scores, labels).area() == Approx(right / pairs));
  CHECK(roc(-scores, labels).area() == Approx(1 - right / pairs));
  CHECK(roc(VectorX<double>::Ones(8), labels).area() == Approx(0.5));
}

TEST_CASE("roc: the curve has a step for each group of equal scores and batches add up") {
  Roc roc;
  VectorX<float> scores(2);
  Labels labels(2);
  scores << 2, 1, labels << 1, 0;
  roc.add<float>(scores, labels);
  scores << 1, 0, labels << 1, 0;
  roc.add<float>(scores, labels);
  const auto curve = roc.curve();
  REQUIRE(curve.size() == 4);
  CHECK(curve[0].found == 0);
  CHECK(curve[1].found == 0.5);
  CHECK(curve[1].false_alarms == 0);
  CHECK(curve[2].found == 1);
  CHECK(curve[2].false_alarms == 0.5);
  CHECK(curve[3].false_alarms == 1);
  CHECK(roc.area() == Approx(0.875));
}

TEST_CASE("roc: refuses invalid scores and labels") {
  const Labels one = Labels::Constant(1, 1);
  const double missing = std::numeric_limits<double>::quiet_NaN();
  CHECK_THROWS_MATCHES(roc(VectorX<double>::Ones(2), one), ShapeError,
                       says("labels must have as many entries as scores, 2, got 1"));
  CHECK_THROWS_MATCHES(roc(VectorX<double>::Constant(1, missing), one), NonFiniteError,
                       says("column 0 must be finite, got nan"));
  CHECK_THROWS_MATCHES(roc(VectorX<double>::Ones(1), 2 * one), ValueError, says("must be at most 1, got 2"));
  CHECK_THROWS_MATCHES(roc(VectorX<double>::Ones(1), one).area(), ValueError,
                       says("at least 1 column must be of the class and 1 of others, got 1 and 0"));
  CHECK_NOTHROW(roc(VectorX<double>::Constant(1, missing), -one));
}

}  // namespace test_roc
