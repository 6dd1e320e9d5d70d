#include <algorithm>
#include <cmath>
#include <initializer_list>
#include <limits>
#include <unroll/losses/softmax_cross_entropy.hpp>
#include <unroll/train/metrics.hpp>

#include "support/catch.hpp"

namespace test_metrics {

using namespace unroll;

namespace {

const double missing = std::numeric_limits<double>::quiet_NaN();

/// Scores of four classes in six columns. The predictions are 2 0 1 3 - 0, with a tie of 1 and 2 in column 2 and a NaN
/// in column 4.
MatrixX<double> scores() {
  MatrixX<double> s(4, 6);
  s << 0.1, 5, 0.0, -4, 1, 9,                              //
      0.2, 4, 0.7, -3, missing, 8, 0.9, 3, 0.7, -2, 9, 7,  //
      0.3, 2, 0.1, -1, 1, 6;
  return s;
}

VectorX<double> numbers(std::initializer_list<double> values) {
  VectorX<double> vector(Index(values.size()));
  std::copy(values.begin(), values.end(), vector.begin());
  return vector;
}

Labels list(std::initializer_list<Index> values) {
  Labels labels(Index(values.size()));
  std::copy(values.begin(), values.end(), labels.begin());
  return labels;
}

}  // namespace

TEST_CASE("accuracy: counts labelled columns, ties choose the smaller class, NaN is wrong") {
  Accuracy accuracy;
  accuracy.add(scores(), list({2, 1, 1, 3, 2, -1}));
  CHECK(accuracy.hits().correct == 3);
  CHECK(accuracy.hits().scored == 5);
  CHECK(accuracy.hits().unscored == 1);
  CHECK(accuracy.hits().undecided == 1);
  CHECK(accuracy.value() == Approx(0.6));
  accuracy.add(scores().cast<float>().eval(), list({-1, -1, 2, -7, -1, 0}));  // the other class of the tie is wrong
  CHECK(accuracy.hits().correct == 4);
  CHECK(accuracy.hits().scored == 7);
  accuracy.add_predicted(list({1, -1, 2}), list({1, 1, -1}));
  CHECK(accuracy.hits().correct == 5);
  CHECK(accuracy.hits().scored == 9);
  CHECK(accuracy.hits().undecided == 2);
}

TEST_CASE("accuracy: a constant output is correct for class 0 only") {
  Accuracy accuracy;
  accuracy.add(MatrixX<double>::Zero(3, 3), list({0, 1, 2}));
  CHECK(accuracy.hits().correct == 1);
}

TEST_CASE("accuracy: is 0 without labels") {
  Accuracy accuracy;
  CHECK(accuracy.value() == 0);
  accuracy.add(scores(), list({-1, -1, -1, -1, -1, -1}));
  accuracy.add(MatrixX<double>(4, 0), Labels(0));
  CHECK(accuracy.value() == 0);
  CHECK(accuracy.hits().scored == 0);
  CHECK(accuracy.hits().unscored == 6);
}

TEST_CASE("top k: counts labels among the k best with a fixed order of ties") {
  TopK top({1, 2, 4});
  top.add(scores(), list({2, 2, 2, 0, 2, 3}));  // ranks 0 2 1 3 NaN 3
  CHECK(top.hits()[0].correct == 1);
  CHECK(top.hits()[1].correct == 2);
  CHECK(top.hits()[2].correct == 5);
  CHECK(top.hits()[2].scored == 6);
  CHECK(top.hits()[2].undecided == 1);
  CHECK(top.k() == std::vector<Index>{1, 2, 4});
}

TEST_CASE("step accuracy: counts each step separately") {
  StepAccuracy steps;
  steps.add(scores(), list({2, 1, 1, 3, 2, -1}), list({0, 0, 1, 1, 2, 4}));
  REQUIRE(steps.hits().size() == 5);
  CHECK(steps.hits()[0].correct == 1);
  CHECK(steps.hits()[0].scored == 2);
  CHECK(steps.hits()[1].value() == 1);
  CHECK(steps.hits()[2].value() == 0);
  CHECK(steps.hits()[2].undecided == 1);
  CHECK(steps.hits()[3].scored == 0);
  CHECK(steps.hits()[4].unscored == 1);
  steps.add(scores().leftCols(1), list({2}), list({1}));  // a shorter batch
  CHECK(steps.hits().size() == 5);
  CHECK(steps.hits()[1].scored == 3);
}

TEST_CASE("confusion matrix: counts and scores equal values by hand") {
  ConfusionMatrix confusion(4);  // class 3 never occurs
  confusion.add_predicted(list({0, 0, 1, 0, 1, 1, 2, 0, 2}), list({0, 0, 0, 1, 1, 1, 2, 2, -1}));
  ConfusionMatrix::Counts want(4, 4);
  want << 2, 1, 0, 0,  //
      1, 2, 0, 0,      //
      1, 0, 1, 0,      //
      0, 0, 0, 0;
  CHECK(confusion.counts() == want);
  CHECK(confusion.scored() == 8);
  CHECK(confusion.unscored() == 1);
  CHECK(confusion.accuracy() == Approx(5. / 8));
  const ClassScores zero = confusion.of(0), two = confusion.of(2), three = confusion.of(3);
  CHECK(zero.precision == Approx(2. / 4));
  CHECK(zero.recall == Approx(2. / 3));
  CHECK(zero.f1 == Approx(4. / 7));
  CHECK(zero.support == 3);
  CHECK(zero.predicted == 4);
  CHECK(two.precision == Approx(1));
  CHECK(two.recall == Approx(1. / 2));
  CHECK(three.f1 == 0);
  const ClassScores macro = confusion.macro(), micro = confusion.micro();
  CHECK(macro.precision == Approx((2. / 4 + 2. / 3 + 1) / 3));
  CHECK(macro.recall == Approx((2. / 3 + 2. / 3 + 1. / 2) / 3));
  CHECK(macro.f1 == Approx((4. / 7 + 2. / 3 + 2. / 3) / 3));
  CHECK(micro.precision == Approx(5. / 8));
  CHECK(micro.recall == Approx(5. / 8));
  CHECK(micro.f1 == Approx(5. / 8));
  CHECK(confusion.balanced_accuracy() == Approx((2. / 3 + 2. / 3 + 1. / 2) / 3));
}

TEST_CASE("confusion matrix: a predicted class without labels lowers the macro mean only") {
  ConfusionMatrix confusion(3);
  confusion.add_predicted(list({0, 2}), list({0, 0}));
  CHECK(confusion.macro().recall == Approx(0.5 / 2));
  CHECK(confusion.balanced_accuracy() == Approx(0.5));
}

TEST_CASE("confusion matrix: a NaN score lowers recall and counts for no predicted class") {
  ConfusionMatrix confusion(4);
  confusion.add(scores(), list({2, 1, 1, 3, 2, -1}));
  CHECK(confusion.undecided() == list({0, 0, 1, 0}));
  CHECK(confusion.counts()(1, 0) == 1);
  CHECK(confusion.counts()(1, 1) == 1);  // the tie
  CHECK(confusion.of(2).recall == Approx(0.5));
  CHECK(confusion.of(2).precision == Approx(1));
  CHECK(confusion.accuracy() == Approx(3. / 5));
  CHECK(confusion.micro().precision == Approx(3. / 4));
  CHECK(confusion.micro().recall == Approx(3. / 5));
}

TEST_CASE("confusion matrix: an empty one has no NaN") {
  const ConfusionMatrix confusion(2);
  CHECK(confusion.accuracy() == 0);
  CHECK(confusion.macro().f1 == 0);
  CHECK(confusion.micro().f1 == 0);
  CHECK(confusion.balanced_accuracy() == 0);
}

TEST_CASE("metrics: refuse invalid arguments and remain unchanged") {
  Accuracy accuracy;
  CHECK_THROWS_MATCHES(accuracy.add(scores(), list({2, 1, 4, 3, 2, -1})), ValueError,
                       says("label of column 2 must be below 4, the number of classes, got 4"));
  CHECK_THROWS_MATCHES(accuracy.add(scores(), list({2, 1})), ShapeError,
                       says("labels must have as many entries as columns, 6, got 2"));
  CHECK_THROWS_AS(accuracy.add_predicted(list({1}), list({1, 2})), ShapeError);
  CHECK(accuracy.hits().scored == 0);

  CHECK_THROWS_MATCHES(TopK({5, 0}), ValueError, says("k must be at least 1, got 0"));
  TopK top({1, 5});
  CHECK_THROWS_MATCHES(top.add(scores(), list({2, 1, 1, 3, 2, -1})), ValueError,
                       says("k must be at most 4, the number of classes, got 5"));
  CHECK(top.hits()[0].scored == 0);

  StepAccuracy steps;
  CHECK_THROWS_AS(steps.add(scores(), list({2, 1, 1, 3, 2, -1}), list({0, 1})), ShapeError);
  CHECK_THROWS_AS(steps.add(scores(), list({2, 1, 1, 3, 2, -1}), list({0, 1, 2, 3, 4, -1})), ValueError);
  CHECK_THROWS_AS(steps.add(scores(), list({2, 1, 1, 3, 9, -1}), list({0, 1, 2, 3, 4, 5})), ValueError);
  CHECK(steps.hits().empty());

  CHECK_THROWS_AS(ConfusionMatrix(0), ValueError);
  CHECK_THROWS_AS(ConfusionMatrix(-3), ValueError);
  ConfusionMatrix confusion(4);
  CHECK_THROWS_MATCHES(confusion.add(MatrixX<double>::Zero(3, 1), list({0})), ShapeError,
                       says("the scores must have 4 rows, one for each class, got 3"));
  CHECK_THROWS_AS(confusion.add(MatrixX<double>::Zero(4, 1), list({4})), ValueError);
  CHECK_THROWS_AS(confusion.add_predicted(list({4}), list({0})), ValueError);
  CHECK_THROWS_AS(confusion.add_predicted(list({0, 1}), list({0})), ShapeError);
  CHECK_THROWS_AS(confusion.of(4), ValueError);
  CHECK(confusion.scored() == 0);
}

TEST_CASE("summarize: gives both standard deviations") {
  const VectorX<double> values = numbers({0.91, 0.93, 0.95});
  const Summary summary = summarize(values);
  CHECK(summary.count == 3);
  CHECK(summary.mean == Approx(0.93));
  CHECK(summary.population_deviation == Approx(0.02 * std::sqrt(2. / 3)));
  CHECK(summary.sample_deviation == Approx(0.02));
  CHECK(summarize(values.head(1)).sample_deviation == 0);
  CHECK(summarize(values.head(0)).count == 0);
  CHECK(summarize(values.head(0)).mean == 0);
}

TEST_CASE("summarize: a small spread around a large mean is accurate") {
  const VectorX<double> values = numbers({1e9, 1e9 + 1e-3});
  CHECK(summarize(values).population_deviation == Approx(5e-4).epsilon(1e-3));
}

TEST_CASE("summarize: refuses values that are not finite") {
  VectorX<double> values = numbers({1, missing, 3});
  CHECK_THROWS_MATCHES(summarize(values), NonFiniteError, says("value 1 of 3"));
  values[1] = std::numeric_limits<double>::infinity();
  CHECK_THROWS_AS(summarize(values), NonFiniteError);
}

TEST_CASE("perplexity: equals the vocabulary size for equal logits") {
  const LossValue loss = SoftmaxCrossEntropy<double>{}(MatrixX<double>::Zero(32, 3), list({0, 5, -1}));
  CHECK(perplexity(loss.value()) == Approx(32));
  CHECK(bits_per_symbol(loss.value()) == Approx(5));
}

}  // namespace test_metrics
