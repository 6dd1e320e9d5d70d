// Losses and gradients of outputs whose exponential, quotient or square overflows in float.

#include <unroll/losses/binary_cross_entropy.hpp>
#include <unroll/losses/huber.hpp>
#include <unroll/losses/log_ratio.hpp>
#include <unroll/losses/mean_absolute_error.hpp>
#include <unroll/losses/mean_squared_error.hpp>
#include <unroll/losses/negative_log_likelihood.hpp>
#include <unroll/losses/pinball.hpp>
#include <unroll/losses/smooth_l1.hpp>
#include <unroll/losses/softmax_cross_entropy.hpp>

#include "support/catch.hpp"

namespace test_large_outputs {

using namespace unroll;

namespace {

/// Outputs [2 x 4] with all combinations of signs.
template <class Scalar>
MatrixX<Scalar> outputs(Scalar size) {
  MatrixX<Scalar> a(2, 4);
  a << size, -size, size, -size, size, size, -size, -size;
  return a;
}

template <class Loss, class Target>
void stays_finite(const Loss& loss, double size, const Target& target) {
  using Scalar = float;
  const MatrixX<Scalar> output = outputs<Scalar>(Scalar(size));
  MatrixX<Scalar> gradient(2, 4);
  CHECK(std::isfinite(loss(output, target, gradient).value()));
  CHECK(gradient.allFinite());
}

}  // namespace

TEST_CASE("losses: large outputs have a finite loss and gradient") {
  MatrixX<float> target(2, 4);
  target << 0, 1, 1, 0, 1, 0, 1, 0;
  Labels labels(4);
  labels << 0, 1, 1, 0;
  for (const double size : {50.0, 90.0, 1e4, 1e15}) {
    INFO(size);
    stays_finite(SoftmaxCrossEntropy<float>(), size, labels);
    stays_finite(SoftmaxCrossEntropy<float>({.smoothing = 0.1}), size, labels);
    stays_finite(SoftmaxCrossEntropy<float>(), size, target);
    stays_finite(NegativeLogLikelihood<float>(), size, labels);
    stays_finite(BinaryCrossEntropy<float>(), size, target);
    stays_finite(LogRatio<float>({.asymmetry = 15}), size, target);
    stays_finite(Huber<float>(), size, target);
    stays_finite(SmoothL1<float>(), size, target);
    stays_finite(Pinball<float>({.quantiles = {0.1, 0.9}}), size, target);
    stays_finite(MeanAbsoluteError<float>(), size, target);
    stays_finite(MeanSquaredError<float>(), size, target);
  }
  stays_finite(LogRatio<float>({.asymmetry = 15}), 3e38, target);
}

TEST_CASE("log ratio: the loss of a large output is the logarithm of the ratio") {
  MatrixX<float> output(1, 1), target(1, 1), gradient(1, 1);
  output << 1e15f, target << 0.f;
  CHECK(LogRatio<float>()(output, target, gradient).value() == Approx(std::log(1e15 / 1e-5 / 2)));
  CHECK(gradient(0, 0) == Approx(1e-15f));
}

TEST_CASE("log ratio: the pole has a finite loss and NaN gives NaN") {
  MatrixX<float> output(1, 1), target(1, 1), gradient(1, 1);
  target << 0.5f;
  output << -1e-5f;
  const LogRatio<float> loss;
  CHECK(loss(output, target, gradient).value() > 20);
  CHECK(gradient.allFinite());
  output << std::numeric_limits<float>::quiet_NaN();
  CHECK(std::isnan(loss(output, target, gradient).value()));
}

}  // namespace test_large_outputs
