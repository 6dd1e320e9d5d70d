#include <cmath>
#include <unroll/train/metrics.hpp>
#include <vector>

#include "support/catch.hpp"

namespace test_grouped_hits {

using namespace unroll;

namespace {

/// Scores of two classes, with the largest at `predicted`.
MatrixX<double> votes(const std::vector<Index>& predicted) {
  MatrixX<double> scores = MatrixX<double>::Zero(2, Index(predicted.size()));
  for (std::size_t c = 0; c < predicted.size(); ++c) scores(predicted[c], Index(c)) = 1;
  return scores;
}

Labels list(const std::vector<Index>& values) { return Eigen::Map<const Labels>(values.data(), Index(values.size())); }

/// Data set like the clips of the HCP movies: four sequences of class 0 and one of each other class for each person,
/// cut at `steps`.
Dataset<float> movies(Index people, Index steps) {
  std::vector<MatrixX<float>> inputs;
  std::vector<Labels> labels;
  const Index lengths[] = {84, 245, 222, 189, 65, 227, 260, 250, 181, 186, 205, 143, 233, 231, 256};
  for (Index p = 0; p < people; ++p)
    for (Index k = 0; k < 15; ++k)
      for (Index n = 0; n < (k == 0 ? 4 : 1); ++n) {
        const Index length = std::min(steps, lengths[k]);
        inputs.push_back(MatrixX<float>::Zero(1, length));
        labels.push_back(Labels::Constant(length, k));
      }
  return Dataset<float>::step_labelled(std::move(inputs), std::move(labels), 15);
}

}  // namespace

TEST_CASE("student quantile: equals the tables") {
  CHECK(student_quantile(0.95, 1) == Approx(12.7062).epsilon(1e-5));
  CHECK(student_quantile(0.95, 2) == Approx(4.30265).epsilon(1e-5));
  CHECK(student_quantile(0.95, 3) == Approx(3.18245).epsilon(1e-4));
  CHECK(student_quantile(0.95, 4) == Approx(2.77645).epsilon(1e-4));
  CHECK(student_quantile(0.95, 10) == Approx(2.22814).epsilon(1e-5));
  CHECK(student_quantile(0.95, 19) == Approx(2.09302).epsilon(1e-5));
  CHECK(student_quantile(0.99, 3) == Approx(5.84091).epsilon(1e-4));
  CHECK(student_quantile(0.999, 5) == Approx(6.86883).epsilon(1e-4));
  CHECK(student_quantile(0.95, 100000) == Approx(1.95999).epsilon(1e-5));
  CHECK_THROWS_AS(student_quantile(0.95, 0), ValueError);
  CHECK_THROWS_AS(student_quantile(1, 3), ValueError);
}

TEST_CASE("grouped hits: limits of equal groups are those of the mean share") {
  GroupedHits hits(3, 2);
  hits.add(0, votes({0, 1, 0, 1}), list({0, 0, 1, 1}));     // 2 of 4
  hits.add(1, votes({0, 0, 0, 1}), list({0, 0, 1, 1}));     // 3 of 4
  hits.add(2, votes({0, 0}), list({0, 0}));                 // 4 of 4, in two calls
  hits.add(2, votes({1, 1, 0}), list({1, 1, -1}));          // columns without a label do not count
  const double mean = 0.75, error = 0.25 / std::sqrt(3.0);  // deviation of 0.5, 0.75, 1
  const Interval accuracy = hits.accuracy();
  CHECK(accuracy.value == Approx(mean));
  CHECK(accuracy.low == Approx(mean - 4.30265 * error));
  CHECK(accuracy.high == 1);
  // Recall of class 0 by group: 1/2, 1, 1; of class 1: 1/2, 1/2, 1. Their means by group equal the accuracies.
  CHECK(hits.balanced_accuracy().value == Approx(mean));
  CHECK(hits.balanced_accuracy().low == Approx(accuracy.low));
  CHECK(hits.balanced_accuracy(0.5).low > accuracy.low);
  CHECK(hits.accuracy_of(1) == 0.75);
  CHECK(hits.scored() == 12);
}

TEST_CASE("grouped hits: balanced accuracy weighs every class equally") {
  GroupedHits hits(2, 3);
  MatrixX<double> first = MatrixX<double>::Zero(3, 10);
  first.row(0).setOnes();
  Labels labels = Labels::Zero(10);
  labels[9] = 1;
  hits.add(0, first, labels);  // always class 0: correct in 9 of 10 columns, in all of class 0 and none of class 1
  CHECK(hits.accuracy().value == Approx(0.9));
  CHECK(hits.balanced_accuracy().value == Approx(0.5));
  CHECK(hits.accuracy().low == 0);  // one group gives no limits
  CHECK(hits.accuracy().high == 1);
  hits.add(1, first, labels);
  CHECK(hits.accuracy().low == Approx(0.9));  // two groups that do not differ
  GroupedHits twice = hits;
  twice += hits;
  CHECK(twice.scored() == 40);
  CHECK(twice.accuracy().value == Approx(0.9));
  CHECK_THROWS_MATCHES(hits.add(2, first, labels), ValueError, says("group must be 0 to 1, got 2"));
  CHECK_THROWS_AS(hits.add(0, MatrixX<double>(MatrixX<double>::Zero(2, 10)), labels), ShapeError);
}

TEST_CASE("grouped hits: limits do not depend on groups without labels or absent classes") {
  GroupedHits hits(3, 2), more(5, 4);
  const auto add = [&](Index group, Index group_of_more, std::initializer_list<Index> predicted) {
    const Labels labels = list({0, 0, 1, 1});
    const MatrixX<double> scores = votes(std::vector<Index>(predicted));
    MatrixX<double> wider = MatrixX<double>::Zero(4, scores.cols());
    wider.topRows(2) = scores;
    hits.add(group, scores, labels), more.add(group_of_more, wider, labels);
  };
  add(0, 1, {0, 1, 0, 1}), add(1, 2, {0, 0, 0, 1}), add(2, 4, {0, 0, 1, 1});
  for (const auto& [want, got] :
       {std::pair(hits.accuracy(), more.accuracy()), std::pair(hits.balanced_accuracy(), more.balanced_accuracy())}) {
    CHECK(want.low > 0);
    CHECK(got.value == Approx(want.value));
    CHECK(got.low == Approx(want.low));
    CHECK(got.high == Approx(want.high));
  }
}

TEST_CASE("chance levels: a step without labels has share 0") {
  const auto data = Dataset<float>::step_labelled({MatrixX<float>::Zero(1, 4)}, {list({-1, 1, -1, 0})}, 2);
  CHECK(chance_levels(data).at_step == std::vector<double>{0, 1, 0, 1});
}

TEST_CASE("chance levels: values of the movie clips equal those by hand") {
  const ChanceLevels cut = chance_levels(movies(2, 90));
  CHECK(cut.uniform == Approx(1 / 15.0));
  CHECK(cut.majority == Approx(336 / 1571.0));
  CHECK(cut.per_sequence == Approx(4 / 18.0));
  REQUIRE(cut.at_step.size() == 90);
  CHECK(cut.at_step[0] == Approx(4 / 18.0));
  CHECK(cut.at_step[64] == Approx(4 / 18.0));
  CHECK(cut.at_step[65] == Approx(4 / 17.0));
  CHECK(cut.at_step[83] == Approx(4 / 17.0));
  CHECK(cut.at_step[84] == Approx(1 / 13.0));
  CHECK(cut.at_step[89] == Approx(1 / 13.0));
  CHECK(cut.per_step == Approx((84 * 4 + 6) / 1571.0));
  // From the step alone, predicting the class of 65 steps, then that of 84, then any is best.
  CHECK(cut.balanced_per_step == Approx((1 + 19 / 84.0 + 6 / 90.0) / 15));
  // The lengths 65 and 84 identify their class; the length 90 is that of 13 classes.
  CHECK(cut.per_length == Approx((65 + 336 + 90) / 1571.0));
  CHECK(cut.balanced_per_length == Approx(3 / 15.0));

  const ChanceLevels full = chance_levels(movies(2, 1000));
  CHECK(full.majority == Approx(336 / 3229.0));
  CHECK(full.at_step.size() == 260);
  CHECK(full.at_step.back() == 1);
  CHECK(full.per_length == Approx(1));
}

TEST_CASE("chance levels: unlabelled steps do not count and one label per sequence is one step") {
  const MatrixX<double> three = MatrixX<double>::Zero(1, 3), five = MatrixX<double>::Zero(1, 5);
  const auto steps = Dataset<double>::step_labelled({three, three}, {list({-1, 1, 1}), list({0, -1, 0})}, 4);
  const ChanceLevels levels = chance_levels(steps);
  CHECK(levels.uniform == 0.5);
  CHECK(levels.majority == 0.5);
  CHECK(levels.per_step == Approx(0.75));
  CHECK(levels.at_step == std::vector<double>{1, 1, 0.5});
  const ChanceLevels whole = chance_levels(Dataset<double>::labelled({three, three, five}, {0, 0, 1}));
  CHECK(whole.per_step == Approx(2 / 3.0));
  CHECK(whole.per_length == 1);
  CHECK_THROWS_AS(chance_levels(Dataset<double>::unlabelled({three})), ValueError);
  CHECK_THROWS_AS(chance_levels(Dataset<double>::labelled({three}, {-1})), ValueError);
}

TEST_CASE("grouped hits: refuses a group out of range") {
  const GroupedHits hits(2, 3);
  CHECK(hits.accuracy_of(1) == 0);
  CHECK_THROWS_MATCHES(hits.accuracy_of(2), ValueError, says("grouped hits: group must be 0 to 1, got 2"));
  CHECK_THROWS_AS(hits.accuracy_of(-1), ValueError);
}

}  // namespace test_grouped_hits
