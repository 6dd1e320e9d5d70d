// Pinball loss: values, slopes and minimum.

#include <cmath>
#include <unroll/losses/mean_absolute_error.hpp>
#include <unroll/losses/pinball.hpp>

#include "support/catch.hpp"

namespace test_pinball {

using namespace unroll;

TEMPLATE_TEST_CASE("pinball loss: errors above and below have the weights of the level of their row", "", float,
                   double) {
  using M = MatrixX<TestType>;
  // d = 0, 1, -2, no target, in rows of the levels 0.25, 0.5, 0.75, 0.25, ...
  const M output = (M(6, 2) << 3, 4, 3, 4, 3, 4, 1, 9, 1, 9, 1, 9).finished();
  const M target = (M(6, 2) << 3, 3, 3, 3, 3, 3, 3, NAN, 3, NAN, 3, NAN).finished();
  const Pinball<TestType> loss({.quantiles = {0.25, 0.5, 0.75}, .reduction = Reduction::sum});
  VectorX<double> each(2);
  loss.per_column(output, target, each);
  CHECK(each == (VectorX<double>(2) << 2 * 0.25 + 2 * 0.5 + 2 * 0.75, 0.75 + 0.5 + 0.25).finished());
  M d = M::Constant(6, 2, NAN);
  CHECK(loss(output, target, d).value() == 4.5);
  CHECK(d == (M(6, 2) << 0, 0.75, 0, 0.5, 0, 0.25, -0.25, 0, -0.5, 0, -0.75, 0).finished());
}

TEST_CASE("pinball loss: levels repeat over more rows than a block of registers") {
  const MatrixX<float> output = MatrixX<float>::Ones(201, 1), target = MatrixX<float>::Zero(201, 1);
  MatrixX<float> d(201, 1);
  Pinball<float>({.quantiles = {0.125, 0.5, 0.875}, .reduction = Reduction::sum})(output, target, d);
  for (Index r = 0; r < 201; ++r) CHECK(d(r, 0) == (r % 3 == 0 ? 0.875f : r % 3 == 1 ? 0.5f : 0.125f));
}

TEST_CASE("pinball loss: the minimum over a constant is the quantile of the targets") {
  MatrixX<double> target(1, 100);
  for (Index k = 0; k < 100; ++k) target(0, k) = double(37 * k % 100) + 0.5;  // 0.5 to 99.5
  const auto loss_of = [&](double level, double a) {
    return Pinball<double>({.quantiles = {level}})(MatrixX<double>::Constant(1, 100, a), target).value();
  };
  for (const double level : {0.105, 0.495, 0.905}) {
    const double quantile = std::floor(100 * level) + 0.5;
    CHECK(loss_of(level, quantile) < loss_of(level, quantile - 1));
    CHECK(loss_of(level, quantile) < loss_of(level, quantile + 1));
  }
}

TEST_CASE("pinball loss: the median has half of the mean absolute error") {
  const MatrixX<double> output = (MatrixX<double>(2, 2) << 1, -2, 3, 0.5).finished(),
                        target = (MatrixX<double>(2, 2) << 0, 2, 3, 1).finished();
  CHECK(2 * Pinball<double>()(output, target).value() == MeanAbsoluteError<double>()(output, target).value());
}

TEST_CASE("pinball loss: refuses levels out of range and rows that are not a multiple") {
  for (const double level : {0.0, 1.0, -0.5, 2.0, double(NAN), 1e-60})
    CHECK_THROWS_MATCHES(Pinball<float>({.quantiles = {0.5, level}}), ValueError,
                         says("pinball loss: a quantile must be above 0 and below 1 in float, got"));
  CHECK_THROWS_MATCHES(Pinball<float>({.quantiles = {}}), ValueError, says("quantiles must have at least 1 entry"));
  const MatrixX<float> four = MatrixX<float>::Zero(4, 1);
  CHECK_THROWS_MATCHES(Pinball<float>({.quantiles = {0.1, 0.5, 0.9}})(four, four), ShapeError,
                       says("output rows must be a multiple of 3, the number of quantiles, got 4"));
}

}  // namespace test_pinball
