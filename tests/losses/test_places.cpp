// Loss and gradient of a column do not depend on its address, so a sequence gives the same bits in any batch.

#include <cmath>
#include <cstring>
#include <unroll/losses/binary_cross_entropy.hpp>
#include <unroll/losses/huber.hpp>
#include <unroll/losses/log_ratio.hpp>
#include <unroll/losses/mean_absolute_error.hpp>
#include <unroll/losses/mean_squared_error.hpp>
#include <unroll/losses/pinball.hpp>
#include <unroll/losses/smooth_l1.hpp>
#include <unroll/losses/softmax_cross_entropy.hpp>
#include <vector>

#include "support/catch.hpp"

namespace test_places {

using namespace unroll;

namespace {

template <class Scalar>
struct Result {
  double loss = 0;
  std::vector<Scalar> gradient;

  bool operator==(const Result& other) const {
    return std::memcmp(&loss, &other.loss, sizeof loss) == 0 && gradient.size() == other.gradient.size() &&
           std::memcmp(gradient.data(), other.gradient.data(), gradient.size() * sizeof(Scalar)) == 0;
  }
};

/// Loss and gradient of one column; all memory starts `place` numbers after an aligned address.
template <class Scalar, class Loss, class Target>
Result<Scalar> at(Index place, const Loss& loss, const VectorX<Scalar>& output, const Target& target) {
  using Column = Eigen::Map<MatrixX<Scalar>>;
  const Index rows = output.size();
  alignas(64) Scalar memory[3][128];
  Column moved(memory[0] + place, rows, 1), d_output(memory[1] + place, rows, 1);
  moved = output;
  Result<Scalar> result;
  if constexpr (std::is_same_v<Target, Labels>) {
    result.loss = loss(moved, target, d_output).value();
  } else {
    Column goal(memory[2] + place, rows, 1);
    goal = target;
    result.loss = loss(moved, goal, d_output).value();
  }
  result.gradient.assign(d_output.data(), d_output.data() + rows);
  return result;
}

template <class Scalar, class Loss, class Target>
void check_places(const Loss& loss, const VectorX<Scalar>& output, const Target& target) {
  const Result<Scalar> first = at(0, loss, output, target);
  for (Index place = 1; place < 32; ++place) {
    INFO("place " << place << ", rows " << output.size());
    CHECK(at(place, loss, output, target) == first);
  }
}

}  // namespace

TEMPLATE_TEST_CASE("losses: the bits of a column do not depend on its address in memory", "[losses]", float, double) {
  using Scalar = TestType;
  for (const Index rows : {1, 2, 3, 5, 7, 8, 9, 16, 17, 31, 33, 64, 70}) {
    const auto wave = [&](double phase) {
      return VectorX<Scalar>(
          VectorX<Scalar>::NullaryExpr(rows, [&](Index k) { return Scalar(3 * std::sin(1.7 * double(k) + phase)); }));
    };
    const VectorX<Scalar> output = wave(0);
    const Labels label = Labels::Constant(1, rows / 2);
    const VectorX<double> weights = wave(1).template cast<double>().cwiseAbs();
    const MatrixX<Scalar> entries = (wave(2).array() / 6 + Scalar(0.5)).matrix();
    check_places(SoftmaxCrossEntropy<Scalar>(), output, label);
    check_places(SoftmaxCrossEntropy<Scalar>({.smoothing = 0.1}), output, label);
    check_places(SoftmaxCrossEntropy<Scalar>({.smoothing = 0.1, .class_weights = weights}), output, label);
    check_places(SoftmaxCrossEntropy<Scalar>({.smoothing = 0.1}), output, entries);
    check_places(
        SoftmaxCrossEntropy<Scalar>({.smoothing = 0.1, .class_weights = weights, .reduction = Reduction::weighted}),
        output, entries);
    check_places(BinaryCrossEntropy<Scalar>({.pos_weight = weights}), output, entries);
    check_places(MeanSquaredError<Scalar>(), output, entries);
    check_places(MeanAbsoluteError<Scalar>(), output, entries);
    check_places(Huber<Scalar>(), output, entries);
    check_places(SmoothL1<Scalar>(), output, entries);
    check_places(Pinball<Scalar>({.quantiles = std::vector<double>(std::size_t(rows), 0.3)}), output, entries);
    check_places(LogRatio<Scalar>({.asymmetry = 2}), output, entries);
  }
}

}  // namespace test_places
