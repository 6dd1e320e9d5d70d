#include <cmath>
#include <limits>
#include <unroll/losses/log_ratio.hpp>

#include "support/catch.hpp"

namespace test_log_ratio {

using namespace unroll;

namespace {

constexpr double missing = std::numeric_limits<double>::quiet_NaN();

/// Formula of the publication, without care for rounding errors.
double published(double x, double y, double c, double e = 1e-5) {
  const double r = std::abs((x + e) / (y + e));
  return -std::log(2 * r / (r * r + 1)) * (1 + c * std::exp(-r));
}

MatrixX<double> row(std::initializer_list<double> values) {
  return Eigen::Map<const MatrixX<double>>(values.begin(), 1, Index(values.size()));
}

}  // namespace

TEST_CASE("log ratio: values equal the formula") {
  const MatrixX<double> output = row({0, 0.01, 0.3, 0.9, 0, 2, 1e-4}), target = row({0, 0, 0.3, 0.1, 0.8, 0.5, 1e-4});
  VectorX<double> losses(output.cols());
  for (const double c : {0.0, 2.5, 15.0}) {
    LogRatio<double>({.asymmetry = c}).per_column(output, target, losses);
    for (Index k = 0; k < output.cols(); ++k)
      CHECK(losses[k] == Approx(published(output(0, k), target(0, k), c)).margin(1e-14));
  }
  CHECK(LogRatio<double>({.epsilon = 0.1})(output, target).value() == Approx([&] {
          double sum = 0;
          for (Index k = 0; k < 7; ++k) sum += published(output(0, k), target(0, k), 0, 0.1) / 7;
          return sum;
        }()));
}

TEST_CASE("log ratio: twice and half the target have equal loss unless asymmetry is set") {
  const auto cost = [](double output, double c) {
    return LogRatio<double>({.asymmetry = c, .epsilon = 1e-12})(row({output}), row({0.5})).value();
  };
  CHECK(cost(1, 0) == Approx(cost(0.25, 0)));
  CHECK(cost(0.5, 0) == 0);
  CHECK(cost(0.25, 5) > 1.5 * cost(1, 5));
}

TEST_CASE("log ratio: the gradient matches central differences, for outputs and targets of 0 too") {
  const LogRatio<double> loss({.asymmetry = 2.5, .reduction = Reduction::sum});
  const MatrixX<double> output = row({0, 1e-6, 0.02, 0.4, 0.7, 3, 0.5}),
                        target = row({0, 0.3, 0, 0.4, 0.2, 1, missing});
  MatrixX<double> gradient(1, 7);
  loss(output, target, gradient);
  CHECK(gradient(0, 6) == 0);
  for (Index k = 0; k < 6; ++k) {
    const double step = 1e-5 * (output(0, k) + 1e-5);
    MatrixX<double> up = output, down = output;
    up(0, k) += step, down(0, k) -= step;
    const double numeric = (loss(up, target).value() - loss(down, target).value()) / (2 * step);
    CHECK(gradient(0, k) == Approx(numeric).epsilon(1e-6).margin(1e-4));
  }
}

TEST_CASE("log ratio: small losses are accurate in float") {
  const MatrixX<float> output = row({0.5001, 0.2, 0}).cast<float>(), target = row({0.5, 0.4, 0.9}).cast<float>();
  const LogRatio<float> loss({.asymmetry = 1});
  VectorX<double> losses(3);
  loss.per_column(output, target, losses);
  for (Index k = 0; k < 3; ++k)
    CHECK(losses[k] == Approx(published(output(0, k), target(0, k), 1)).epsilon(k == 0 ? 1e-3 : 1e-5));
}

TEST_CASE("log ratio: Reduction::batch with weights equals the published denominator") {
  const MatrixX<double> output = row({0.1, 0.2, 0.3, 0.1, 0.2, 0.3}), target = row({0, 0.2, missing, 1, missing, 0.1});
  const VectorX<double> weights = VectorX<double>::Constant(6, 1.0 / 3);
  double sum = 0;
  for (const Index k : {0, 1, 3, 5}) sum += published(output(0, k), target(0, k), 0);
  const LogRatio<double> batch({.reduction = Reduction::batch}), valid;
  CHECK(batch(output, target, {.weights = weights, .sequences = 2}).value() == Approx(sum / 3 / 2));
  CHECK(valid(output, target).value() == Approx(sum / 4));
}

TEST_CASE("log ratio: refuses negative targets and options out of range") {
  CHECK_THROWS_MATCHES(LogRatio<double>()(row({1, 1}), row({0, -0.5})), ValueError,
                       says("log ratio: target in row 0, column 1 must be at least 0, or NaN for none, got -0.5"));
  CHECK_THROWS_MATCHES(LogRatio<double>({.asymmetry = -1}), ValueError,
                       says("asymmetry must be finite and at least 0 in double, got -1"));
  CHECK_THROWS_MATCHES(LogRatio<double>({.epsilon = 0}), ValueError, says("epsilon must be 2.98"));
}

}  // namespace test_log_ratio
