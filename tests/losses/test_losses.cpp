// Properties common to all losses: gradients, denominators, missing labels, parts, invalid input, no allocation.

#include <cmath>
#include <limits>
#include <string>
#include <type_traits>
#include <unroll/losses/binary_cross_entropy.hpp>
#include <unroll/losses/huber.hpp>
#include <unroll/losses/log_ratio.hpp>
#include <unroll/losses/mean_absolute_error.hpp>
#include <unroll/losses/mean_squared_error.hpp>
#include <unroll/losses/negative_log_likelihood.hpp>
#include <unroll/losses/pinball.hpp>
#include <unroll/losses/smooth_l1.hpp>
#include <unroll/losses/softmax_cross_entropy.hpp>

#include "support/allocations.hpp"
#include "support/catch.hpp"

namespace test_losses {

using namespace unroll;

namespace {

constexpr double missing = std::numeric_limits<double>::quiet_NaN();
constexpr double inf = std::numeric_limits<double>::infinity();

/// Deterministic numbers in [-2, 2] without a regular pattern.
MatrixX<double> wave(Index rows, Index cols, double phase) {
  return MatrixX<double>::NullaryExpr(
      rows, cols, [=](Index r, Index c) { return 2 * std::sin(double(1 + r * cols + c) * 1.7 + phase); });
}

/// Seven columns of three sequences. Sequence 2 has no label, sequence 1 has one column without a label, and one column
/// has weight 0.
struct Batch {
  MatrixX<double> output = wave(4, 7, 0);
  Labels labels = (Labels(7) << 0, 2, -1, 3, -1, 1, -1).finished();
  MatrixX<double> probabilities = wave(4, 7, 1).cwiseAbs();
  MatrixX<double> entries = (wave(4, 7, 2).array() / 4 + 0.5).matrix();
  VectorX<double> weights = (VectorX<double>(7) << 1, 0.5, 2, 0, 3, 1.25, 1).finished();
  Labels sequence = (Labels(7) << 0, 1, 2, 0, 1, 0, 2).finished();
  Columns columns() const { return {.weights = weights, .sequence = sequence, .sequences = 3}; }

  Batch() {
    probabilities.col(2).setConstant(missing), probabilities.col(6).setConstant(missing), probabilities(1, 4) = missing;
    entries.col(2).setConstant(missing), entries.col(6).setConstant(missing), entries(1, 4) = entries(3, 0) = missing;
  }
};

/// Calls f(loss, target) for every loss with the given reduction.
template <class F>
void for_every_loss(Reduction reduction, const Batch& batch, const F& f) {
  const VectorX<double> four = (VectorX<double>(4) << 0.5, 2, 1, 1.5).finished();
  f(SoftmaxCrossEntropy<double>{{.smoothing = 0.1, .class_weights = four, .reduction = reduction}}, batch.labels);
  f(SoftmaxCrossEntropy<double>{{.reduction = reduction}}, batch.labels);
  f(SoftmaxCrossEntropy<double>{{.smoothing = 0.2, .class_weights = four, .reduction = reduction}},
    batch.probabilities);
  f(SoftmaxCrossEntropy<double>{{.reduction = reduction}}, batch.probabilities);
  f(NegativeLogLikelihood<double>{{.class_weights = four, .reduction = reduction}}, batch.labels);
  f(BinaryCrossEntropy<double>{{.pos_weight = four, .reduction = reduction}}, batch.entries);
  f(MeanSquaredError<double>{{.reduction = reduction}}, batch.entries);
  f(MeanAbsoluteError<double>{{.reduction = reduction}}, batch.entries);
  f(Huber<double>{{.delta = 0.6, .reduction = reduction}}, batch.entries);
  f(SmoothL1<double>{{.beta = 0.6, .reduction = reduction}}, batch.entries);
  f(Pinball<double>{{.quantiles = {0.1, 0.7}, .reduction = reduction}}, batch.entries);
  f(LogRatio<double>{{.asymmetry = 2, .epsilon = 0.01, .reduction = reduction}}, batch.entries);
}

template <class F>
void for_every_loss_and_reduction(const Batch& batch, const F& f) {
  for (const Reduction reduction :
       {Reduction::sum, Reduction::valid, Reduction::weighted, Reduction::per_sequence, Reduction::batch}) {
    for_every_loss(reduction, batch, f);
  }
}

auto head(const Labels& labels, Index n) { return labels.head(n); }
auto head(const MatrixX<double>& target, Index n) { return target.leftCols(n); }
auto tail(const Labels& labels, Index n) { return labels.tail(n); }
auto tail(const MatrixX<double>& target, Index n) { return target.rightCols(n); }

void unlabel(Labels& labels) { labels.setConstant(-1); }
void unlabel(MatrixX<double>& target) { target.setConstant(missing); }

bool same(const MatrixX<double>& a, const MatrixX<double>& b) { return (a - b).cwiseAbs().maxCoeff() <= 1e-13; }

}  // namespace

TEST_CASE("losses: gradients match central differences under every reduction") {
  Batch batch;
  for_every_loss_and_reduction(batch, [&](const auto& loss, const auto& target) {
    MatrixX<double> gradient(4, 7), output = batch.output;
    loss(output, target, gradient, batch.columns());
    for (Index i = 0; i < output.size(); ++i) {
      const double step = 1e-5, at = output(i);
      output(i) = at + step;
      const double above = loss(output, target, batch.columns()).value();
      output(i) = at - step;
      const double below = loss(output, target, batch.columns()).value();
      output(i) = at;
      CHECK(gradient(i) == Approx((above - below) / (2 * step)).epsilon(1e-7).margin(1e-9));
    }
    CHECK(gradient.cwiseAbs().maxCoeff() > 0.01);
  });
}

TEST_CASE("losses: each reduction divides by its denominator") {
  // Losses 1, 4, 9, 16. The third column has no target. Sequences {0, 1}, {2}, {3} and an empty fourth.
  const MatrixX<double> output = (MatrixX<double>(1, 4) << 1, 2, 3, 4).finished();
  const MatrixX<double> target = (MatrixX<double>(1, 4) << 0, 0, missing, 0).finished();
  const VectorX<double> weights = (VectorX<double>(4) << 1, 3, 5, 0.5).finished();
  const Labels sequence = (Labels(4) << 0, 0, 1, 2).finished();
  const auto value = [&](Reduction reduction, const VectorX<double>& w) {
    return MeanSquaredError<double>{{reduction}}(output, target, {w, sequence, 4}).value();
  };
  const VectorX<double> none;
  CHECK(value(Reduction::sum, none) == Approx(21));
  CHECK(value(Reduction::valid, none) == Approx(21. / 3));
  CHECK(value(Reduction::weighted, none) == Approx(21. / 3));
  CHECK(value(Reduction::per_sequence, none) == Approx((5. / 2 + 16) / 2));
  CHECK(value(Reduction::batch, none) == Approx(21. / 4));
  CHECK(value(Reduction::sum, weights) == Approx(1 + 12 + 8));
  CHECK(value(Reduction::valid, weights) == Approx(21. / 3));
  CHECK(value(Reduction::weighted, weights) == Approx(21. / 4.5));
  CHECK(value(Reduction::per_sequence, weights) == Approx((13. / 2 + 8) / 2));
  CHECK(value(Reduction::batch, weights) == Approx(21. / 4));
}

TEST_CASE("losses: Reduction::valid does not divide by weights, as in Keras 3") {
  const MatrixX<double> output = (MatrixX<double>(1, 2) << 1, 2).finished(), target = MatrixX<double>::Zero(1, 2);
  const VectorX<double> weights = (VectorX<double>(2) << 1, 3).finished();
  CHECK(MeanSquaredError<double>{}(output, target, {.weights = weights}).value() == Approx(6.5));
}

TEST_CASE("losses: the values of parts add up to the whole under every reduction") {
  const Batch batch;
  for_every_loss_and_reduction(batch, [&](const auto& loss, const auto& target) {
    MatrixX<double> whole(4, 7), parts(4, 7);
    const LossValue value = loss(batch.output, target, whole, batch.columns());
    const LossCount count = loss.count(target, batch.columns());
    LossValue sum = loss(batch.output.leftCols(5), head(target, 5), parts.leftCols(5),
                         {batch.weights.head(5), batch.sequence.head(5), 3}, count);
    sum += loss(batch.output.rightCols(2), tail(target, 2), parts.rightCols(2),
                {batch.weights.tail(2), batch.sequence.tail(2), 3}, count);
    CHECK(same(whole, parts));
    CHECK(sum.value() == Approx(value.value()).epsilon(1e-12));
    CHECK(sum.count == Approx(value.count).epsilon(1e-12));
    CHECK(sum.scored == value.scored);
    CHECK(sum.unscored == value.unscored);
  });
}

TEST_CASE("losses: micro batches of other sequences divide by their total under every reduction") {
  const Batch batch;
  for_every_loss_and_reduction(batch, [&](const auto& loss, const auto& target) {
    // The same columns twice, as one batch of twice as many sequences.
    MatrixX<double> twice(4, 14), gradient(4, 14), part(4, 7);
    twice << batch.output, batch.output;
    std::remove_cvref_t<decltype(target)> targets;
    if constexpr (std::is_same_v<decltype(targets), Labels>) {
      targets = target.replicate(2, 1);
    } else {
      targets = target.replicate(1, 2);
    }
    Labels sequence(14);
    sequence << batch.sequence, (batch.sequence.array() + 3).matrix();
    const VectorX<double> weights = batch.weights.replicate(2, 1);
    const LossValue value = loss(twice, targets, gradient, {weights, sequence, 6});

    LossCount count = loss.count(target, batch.columns()), total;
    total += count;
    total += count;
    count.divide_by(total);
    LossValue sum = loss(batch.output, target, part, batch.columns(), count);
    sum += loss(batch.output, target, batch.columns(), count);
    CHECK(same(gradient.leftCols(7), part));
    CHECK(sum.value() == Approx(value.value()).epsilon(1e-12));
  });
}

TEST_CASE("loss value: the sum over batches of unequal size is the mean over all items") {
  const MeanSquaredError<double> loss;
  LossValue epoch = loss(MatrixX<double>::Ones(1, 9), MatrixX<double>::Zero(1, 9));
  epoch += loss(MatrixX<double>::Constant(1, 1, 11), MatrixX<double>::Zero(1, 1));
  CHECK(epoch.value() == Approx((9 + 121) / 10.));
}

TEST_CASE("losses: values at unlabelled places change no bit under every reduction") {
  Batch batch;
  for_every_loss_and_reduction(batch, [&](const auto& loss, const auto& target) {
    for (const double poison : {missing, inf, 1e300}) {
      MatrixX<double> clean(4, 7), got(4, 7), output = batch.output;
      const double want = loss(output, target, clean, batch.columns()).value();
      output.col(2).setConstant(poison), output.col(6).setConstant(poison);
      output.col(3).setConstant(poison);  // labelled, but with weight 0
      const double value = loss(output, target, got, batch.columns()).value();
      CHECK(value == want);
      CHECK(same(got, clean));
      CHECK(got.col(2).isZero(0));
      CHECK(got.col(3).isZero(0));
      CHECK(got.col(6).isZero(0));
    }
  });
}

TEST_CASE("losses: entries without a target change nothing inside a labelled column") {
  Batch batch;
  for_every_loss(Reduction::valid, batch, [&](const auto& loss, const auto& target) {
    if constexpr (!std::is_same_v<std::remove_cvref_t<decltype(target)>, Labels>) {
      if (loss.count(target).scored < 7) return;  // the items of this loss are whole columns
      MatrixX<double> gradient(4, 7), output = batch.output;
      output(3, 0) = missing;
      CHECK(std::isfinite(loss(output, target, gradient).value()));
      CHECK(gradient(3, 0) == 0);
      CHECK(gradient.allFinite());
    }
  });
}

TEST_CASE("losses: count items with and without a target") {
  const Batch batch;
  const LossValue entries = MeanSquaredError<double>()(batch.output, batch.entries);
  CHECK(entries.scored == 18);
  CHECK(entries.unscored == 10);  // two columns of four entries, and two entries
  const LossValue columns = SoftmaxCrossEntropy<double>()(batch.output, batch.labels);
  CHECK(columns.scored == 4);
  CHECK(columns.unscored == 3);
  CHECK(SoftmaxCrossEntropy<double>()(batch.output, batch.probabilities).unscored == 3);
}

TEST_CASE("softmax cross entropy: a label of weight 0 has loss 0 when its class is excluded") {
  const MatrixX<double> output{{0.5}, {-inf}};
  MatrixX<double> gradient(2, 1);
  const Labels label = Labels::Ones(1);
  const SoftmaxCrossEntropy<double> loss({.class_weights = Eigen::Vector2d(1, 0)});
  CHECK(loss(output, label, gradient).value() == 0);
  CHECK(gradient.isZero(0));
}

TEST_CASE("losses: Reduction::weighted divides by class weights too") {
  const MatrixX<double> output = MatrixX<double>::Zero(2, 3);
  const Labels labels = (Labels(3) << 0, 1, 1).finished();
  const VectorX<double> columns = (VectorX<double>(3) << 1, 2, 1).finished();
  const SoftmaxCrossEntropy<double> loss({.class_weights = Eigen::Vector2d(4, 0.5), .reduction = Reduction::weighted});
  const LossValue value = loss(output, labels, {.weights = columns});
  CHECK(value.count == 4 + 1 + 0.5);
  CHECK(value.value() == Approx(std::log(2.0)));
}

TEST_CASE("losses: value and gradient are 0 without labels under every reduction") {
  Batch batch;
  for_every_loss_and_reduction(batch, [&](const auto& loss, auto target) {
    unlabel(target);
    MatrixX<double> gradient = MatrixX<double>::Constant(4, 7, missing);
    const LossValue value = loss(batch.output, target, gradient, batch.columns());
    CHECK(value.value() == 0);
    CHECK(gradient.isZero(0));
    CHECK(value.scored == 0);
    CHECK(value.unscored % 7 == 0);
    CHECK(value.empty == 1);
    MatrixX<double> no_columns(4, 0);
    const LossValue nothing = loss(no_columns, head(target, 0), no_columns, Columns{});
    CHECK(nothing.value() == 0);
    CHECK(nothing.empty == 1);
  });
}

TEST_CASE("losses: the gradient may overwrite the output under every reduction") {
  Batch batch;
  for_every_loss_and_reduction(batch, [&](const auto& loss, const auto& target) {
    MatrixX<double> apart(4, 7), in_place = batch.output;
    const double want = loss(batch.output, target, apart, batch.columns()).value();
    const double value = loss(in_place, target, in_place, batch.columns()).value();
    CHECK(value == want);
    CHECK(in_place == apart);
  });
}

TEST_CASE("losses: allocate nothing after the first call under every reduction") {
  Batch batch;
  MatrixX<double> gradient(4, 7);
  VectorX<double> losses(7);
  for_every_loss_and_reduction(batch, [&](const auto& loss, const auto& target) {
    LossCount count = loss.count(target, batch.columns());
    loss(batch.output, target, gradient, batch.columns());
    const support::AllocationCount allocations;
    loss(batch.output, target, gradient, batch.columns());
    loss(batch.output, target, batch.columns());
    loss.count(target, batch.columns(), count);
    loss(batch.output, target, gradient, batch.columns(), count);
    loss.per_column(batch.output, target, losses);
    const auto made = allocations.count();
    CHECK(made == 0);
  });
}

TEST_CASE("losses: per_column adds up to the sum and does not depend on other columns") {
  Batch batch;
  for_every_loss(Reduction::sum, batch, [&](const auto& loss, const auto& target) {
    VectorX<double> losses(7), one(1);
    loss.per_column(batch.output, target, losses);
    CHECK(losses.sum() == Approx(loss(batch.output, target).value()));
    loss.per_column(batch.output.leftCols(1), head(target, 1), one);
    CHECK(one[0] == losses[0]);
    CHECK(losses[2] == 0);
  });
}

TEST_CASE("softmax cross entropy: a one-hot target equals its label under every reduction") {
  const Batch batch;
  MatrixX<double> one_hot = MatrixX<double>::Zero(4, 7);
  for (Index c = 0; c < 7; ++c) {
    if (batch.labels[c] < 0) {
      one_hot(c % 4, c) = missing;
    } else {
      one_hot(batch.labels[c], c) = 1;
    }
  }
  const VectorX<double> four = (VectorX<double>(4) << 0.5, 2, 1, 1.5).finished();
  for (const Reduction reduction :
       {Reduction::sum, Reduction::valid, Reduction::weighted, Reduction::per_sequence, Reduction::batch}) {
    const SoftmaxCrossEntropy<double> loss{{.smoothing = 0.1, .class_weights = four, .reduction = reduction}};
    MatrixX<double> by_label(4, 7), by_probability(4, 7);
    const auto want = loss(batch.output, batch.labels, by_label, batch.columns());
    const auto got = loss(batch.output, one_hot, by_probability, batch.columns());
    CHECK(got.value() == Approx(want.value()).epsilon(1e-13));
    CHECK(same(by_label, by_probability));
  }
}

TEST_CASE("softmax cross entropy: equal logits have the loss ln K for any number of classes") {
  const Index classes = GENERATE(1, 2, 6, 17, 1000, 10000);
  MatrixX<float> output = MatrixX<float>::Constant(classes, 3, 50), gradient(classes, 3);
  const Labels labels = (Labels(3) << 0, classes - 1, classes / 2).finished();
  const double value = SoftmaxCrossEntropy<float>{}(output, labels, gradient).value();
  CHECK(value == Approx(std::log(double(classes))).epsilon(1e-6).margin(1e-7));
  CHECK(std::abs(gradient.colwise().sum().maxCoeff()) < 1e-5f);
}

TEST_CASE("softmax cross entropy: a class with logit minus infinity has probability 0 and no gradient") {
  MatrixX<double> output = wave(4, 1, 0), gradient(4, 1);
  output(2, 0) = -inf;
  MatrixX<double> probabilities = MatrixX<double>::Zero(4, 1);
  probabilities(0, 0) = 1;
  const Labels label = Labels::Zero(1);
  const double value = SoftmaxCrossEntropy<double>{}(output, label, gradient).value();
  CHECK(std::isfinite(value));
  CHECK(std::abs(gradient(2, 0)) < 1e-300);
  CHECK(SoftmaxCrossEntropy<double>{}(output, probabilities, gradient).value() == Approx(value));
  CHECK(gradient.allFinite());
}

TEST_CASE("losses: a NaN in a labelled column gives NaN") {
  Batch batch;
  for_every_loss(Reduction::valid, batch, [&](const auto& loss, const auto& target) {
    MatrixX<double> output = batch.output;
    output.col(0).setConstant(missing);
    CHECK(is_nan(loss(output, target).value()));
  });
}

TEST_CASE("binary cross entropy: confident predictions are accurate in float") {
  const MatrixX<float> output = (MatrixX<float>(2, 1) << -20.f, 20.f).finished();
  const MatrixX<float> target = (MatrixX<float>(2, 1) << 0.f, 1.f).finished();
  MatrixX<float> gradient(2, 1);
  const auto value = BinaryCrossEntropy<float>{{.reduction = Reduction::sum}}(output, target, gradient);
  const double exact = std::log1p(std::exp(-20.));
  CHECK(value.value() == Approx(2 * exact).epsilon(1e-5));
  CHECK(double(gradient(0)) == Approx(exact).epsilon(1e-5));
  CHECK(double(gradient(1)) == Approx(-exact).epsilon(1e-5));
}

TEST_CASE("losses: are correct for more rows than one block of entries") {
  const MatrixX<double> output = wave(150, 3, 0), target = wave(150, 3, 1);
  MatrixX<double> gradient(150, 3);
  CHECK(MeanSquaredError<double>{}(output, target, gradient).value() ==
        Approx((output - target).squaredNorm() / 450).epsilon(1e-14));
  CHECK(same(gradient, 2 * (output - target) / 450));
  const VectorX<double> pos_weight = VectorX<double>::LinSpaced(150, 0.1, 3);
  BinaryCrossEntropy<double>{{.pos_weight = pos_weight, .reduction = Reduction::sum}}(
      output, MatrixX<double>::Ones(150, 3), gradient);
  CHECK(gradient(149, 2) == Approx(-3 / (1 + std::exp(output(149, 2)))));
}

TEST_CASE("softmax cross entropy: reads and writes blocks of a larger matrix in place") {
  MatrixX<double> output = wave(9, 9, 0), gradient = MatrixX<double>::Constant(9, 9, 7);
  const Labels labels = (Labels(3) << 1, 0, 2).finished();
  const double value =
      SoftmaxCrossEntropy<double>{}(output.block(2, 3, 4, 3), labels, gradient.block(2, 3, 4, 3)).value();
  MatrixX<double> copy = output.block(2, 3, 4, 3), want(4, 3);
  CHECK(value == SoftmaxCrossEntropy<double>{}(copy, labels, want).value());
  CHECK(same(gradient.block(2, 3, 4, 3), want));
  gradient.block(2, 3, 4, 3).setConstant(7);
  CHECK((gradient.array() == 7).all());
}

TEST_CASE("losses: refuse labels and targets out of range with column and range") {
  const MatrixX<double> output = MatrixX<double>::Zero(6, 3);
  MatrixX<double> gradient(6, 3);
  Labels labels = (Labels(3) << 1, 5, 6).finished();
  const SoftmaxCrossEntropy<double> loss;
  CHECK_THROWS_MATCHES(loss(output, labels, gradient), ValueError,
                       says("label of column 2 must be below 6, the number of classes, got 6"));
  CHECK_THROWS_MATCHES(NegativeLogLikelihood<double>{}(output, labels), ValueError,
                       says("label of column 2 must be below 6, the number of class"));
  const SoftmaxCrossEntropy<double> weighted{{.class_weights = VectorX<double>::Ones(6)}};
  CHECK_THROWS_MATCHES(weighted.count(labels), ValueError,
                       says("label of column 2 must be below 6, the number of class"));
  labels[2] = std::numeric_limits<Index>::max();
  CHECK_THROWS_AS(loss(output, labels), ValueError);
  labels[2] = std::numeric_limits<Index>::min();
  CHECK(loss(output, labels).scored == 2);

  MatrixX<double> target = MatrixX<double>::Zero(6, 3);
  target(4, 1) = 2;
  CHECK_THROWS_MATCHES(BinaryCrossEntropy<double>{}(output, target), ValueError,
                       says("row 4, column 1 must be 0 to 1, or NaN for none, got 2"));
  target(4, 1) = -0.5;
  CHECK_THROWS_MATCHES(BinaryCrossEntropy<double>{}(output, target), ValueError, says("row 4, column 1"));
  CHECK_THROWS_MATCHES(loss(output, target), ValueError,
                       says("probabilities of column 1 must be at least 0, got -0.5"));
}

TEST_CASE("losses: refuse mismatched sizes") {
  const MatrixX<double> output = MatrixX<double>::Zero(6, 3);
  MatrixX<double> small = MatrixX<double>::Constant(6, 2, -1);
  const Labels labels = Labels::Zero(3), four = Labels::Zero(4);
  const VectorX<double> two = VectorX<double>::Ones(2);
  VectorX<double> room(2);
  const SoftmaxCrossEntropy<double> loss;
  const MeanSquaredError<double> square;
  CHECK_THROWS_MATCHES(loss(output, four), ShapeError, says("labels must have as many entries as columns, 3, got 4"));
  CHECK_THROWS_MATCHES(loss(output, labels, small), ShapeError, says("6 x 3"));
  CHECK_THROWS_MATCHES(loss(output, small), ShapeError, says("probabilities must be [6 x 3], got [6 x 2]"));
  CHECK_THROWS_MATCHES(square(output, small), ShapeError, says("targets must be [6 x 3], got [6 x 2]"));
  CHECK_THROWS_MATCHES(loss(output, labels, {.weights = two}), ShapeError,
                       says("weights must have as many entries as columns, 3, got 2"));
  CHECK_THROWS_MATCHES(SoftmaxCrossEntropy<double>{{.class_weights = two}}(output, labels), ShapeError,
                       says("class weights must have as many entries as classes, 6, got 2"));
  CHECK_THROWS_MATCHES(BinaryCrossEntropy<double>{{.pos_weight = two}}(output, output), ShapeError, says("pos_weight"));
  CHECK_THROWS_AS(loss.per_column(output, labels, room), ShapeError);
  CHECK_THROWS_AS(loss(MatrixX<double>(0, 3), MatrixX<double>(0, 3)), ValueError);
  CHECK_THROWS_AS(loss(MatrixX<double>(0, 3), labels), ValueError);
}

TEST_CASE("losses: refuse columns without the data of their reduction") {
  const MatrixX<double> output = MatrixX<double>::Zero(6, 3);
  const Labels labels = Labels::Zero(3), sequence = (Labels(3) << 0, 1, 2).finished();
  const VectorX<double> negative = VectorX<double>::Constant(3, -1), broken = VectorX<double>::Constant(3, missing);
  const SoftmaxCrossEntropy<double> batch{{.reduction = Reduction::batch}};
  const SoftmaxCrossEntropy<double> sequences{{.reduction = Reduction::per_sequence}};
  CHECK_THROWS_MATCHES(batch(output, labels), ValueError, says("Columns::sequences must be at least 1"));
  CHECK_THROWS_MATCHES(sequences(output, labels, {.sequences = 3}), ShapeError, says("Columns::sequence"));
  CHECK_THROWS_MATCHES(sequences(output, labels, {.sequence = sequence, .sequences = 2}), ValueError,
                       says("sequence of column 2 must be 0 to 1, got 2"));
  CHECK_THROWS_MATCHES(SoftmaxCrossEntropy<double>{}(output, labels, {.weights = broken}), ValueError,
                       says("column 0"));
  CHECK_THROWS_MATCHES(
      SoftmaxCrossEntropy<double>{{.reduction = Reduction::weighted}}(output, labels, {.weights = negative}),
      ValueError, says("weight of column 0 must be at least 0 for Reduction::weighted, got -1"));
}

TEST_CASE("losses: refuse a count of other labels") {
  const MatrixX<double> output = MatrixX<double>::Zero(6, 3);
  const Labels labels = Labels::Zero(3), sequence = Labels::Zero(3), none = Labels::Constant(3, -1);
  const SoftmaxCrossEntropy<double> loss, sequences{{.reduction = Reduction::per_sequence}};
  CHECK_THROWS_MATCHES(loss(output, labels, {}, LossCount{}), ValueError,
                       says("labels must be at most those of the given count, 0, got 3"));
  CHECK_THROWS_AS(sequences(output, labels, {.sequence = sequence, .sequences = 1}, LossCount{}), ValueError);
  const Columns columns{.sequence = sequence, .sequences = 1};
  CHECK_THROWS_AS(sequences(output, labels, columns, sequences.count(none, columns)), ValueError);
}

TEST_CASE("losses: refuse options out of range") {
  const VectorX<double> bad = (VectorX<double>(2) << 1, -1).finished();
  CHECK_THROWS_MATCHES(SoftmaxCrossEntropy<double>({.smoothing = 1.5}), ValueError,
                       says("smoothing must be in [0, 1], got 1.5"));
  CHECK_THROWS_AS(SoftmaxCrossEntropy<double>({.smoothing = missing}), ValueError);
  CHECK_THROWS_MATCHES(SoftmaxCrossEntropy<double>({.class_weights = bad}), ValueError,
                       says("weight of class 1 must be finite and at least 0 in double, got -1"));
  CHECK_THROWS_AS(NegativeLogLikelihood<float>({.class_weights = bad}), ValueError);
  CHECK_THROWS_MATCHES(BinaryCrossEntropy<float>({.pos_weight = bad}), ValueError, says("pos_weight of row 1"));
  CHECK_THROWS_MATCHES(Huber<float>({.delta = 0}), ValueError,
                       says("delta must be 1.1754944e-38 to 3.4028235e+38 in float, got 0"));
  CHECK_THROWS_AS(Huber<float>({.delta = inf}), ValueError);
  for (const double beta : {-1.0, 1e-40, 1e39, inf, missing})
    CHECK_THROWS_MATCHES(SmoothL1<float>({.beta = beta}), ValueError, says("smooth l1 loss: beta must be 0 or "));
}

TEMPLATE_TEST_CASE("smooth l1 loss: quadratic up to beta, linear beyond it, absolute error for beta 0", "", float,
                   double) {
  using M = MatrixX<TestType>;
  const M target = (M(1, 7) << 1, 1, 1, 1, 1, 1, NAN).finished();
  const M output = (M(1, 7) << 1, 1.25, 1.5, 3, -1, 0.75, 9).finished();  // d = 0, 0.25, 0.5, 2, -2, -0.25, no target
  const auto check = [&](double beta, const M& losses, const M& slopes) {
    const SmoothL1<TestType> loss({.beta = beta, .reduction = Reduction::sum});
    VectorX<double> each(7);
    loss.per_column(output, target, each);
    CHECK(each.transpose() == losses.template cast<double>());
    M d = M::Constant(1, 7, NAN);
    CHECK(loss(output, target, d).value() == double(losses.sum()));
    CHECK(d == slopes);
  };
  check(0.5, (M(1, 7) << 0, 0.0625, 0.25, 1.75, 1.75, 0.0625, 0).finished(),
        (M(1, 7) << 0, 0.5, 1, 1, -1, -0.5, 0).finished());
  check(0, (M(1, 7) << 0, 0.25, 0.5, 2, 2, 0.25, 0).finished(), (M(1, 7) << 0, 1, 1, 1, -1, -1, 0).finished());
  M ours(1, 7), theirs(1, 7);  // PyTorch's Huber is beta times smooth L1
  const double smooth = SmoothL1<TestType>({.beta = 4})(output, target, ours).value();
  CHECK(Huber<TestType>({.delta = 4})(output, target, theirs).value() == 4 * smooth);
  CHECK(theirs == 4 * ours);
}

}  // namespace test_losses
