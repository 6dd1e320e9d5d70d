#include <unroll/layers/dense.hpp>
#include <unroll/layers/normalisation/layer_norm.hpp>
#include <unroll/models/stack.hpp>

#include "layers/model_run.hpp"
#include "support/allocations.hpp"
#include "support/catch.hpp"

namespace test_layer_norm {

using namespace unroll;
using namespace model_run;

namespace {

using Model = Stack<double>;

MatrixX<double> outputs(const LayerNorm& layer, const MatrixX<double>& x, std::uint64_t seed = 0) {
  Model model(x.rows(), {layer});
  model.initialise(1);
  if (seed > 0) randomise(model, seed);
  Model::Tape tape;
  return model.forward(x, Timeline::rectangular(1, x.cols()), tape);
}

}  // namespace

TEST_CASE("layer norm: every column initially has mean 0 and variance 1") {
  for (const Index features : {2, 5, 8, 19}) {
    const MatrixX<double> x = (3 * noise(features, 4)).array() + 7, y = outputs({.epsilon = 1e-12}, x);
    CHECK(y.colwise().sum().isZero(1e-12));
    CHECK((y.colwise().squaredNorm().array() / double(features)).isApproxToConstant(1, 1e-10));
    CHECK(y.isApprox(outputs({.epsilon = 1e-12}, (2 * x).array() - 5), 1e-9));
    const MatrixX<double> rms = outputs({.epsilon = 1e-12, .centred = false}, x);
    CHECK(rms.isApprox(x * (x.colwise().squaredNorm() / double(features)).cwiseSqrt().cwiseInverse().asDiagonal()));
  }
}

TEST_CASE("layer norm: gain, shift and epsilon enter as in the formula") {
  const MatrixX<double> x{{1, 0}, {3, 0}};
  CHECK(outputs({.epsilon = 3}, x).isApprox(MatrixX<double>{{-0.5, 0}, {0.5, 0}}));
  Model model(2, {LayerNorm{.epsilon = 3}});
  model.parameters()["0.weight"] << 2, 4;
  model.parameters()["0.bias"] << 10, 20;
  Model::Tape tape;
  CHECK(model.forward(x, Timeline::rectangular(2, 1), tape).isApprox(MatrixX<double>{{9, 10}, {22, 20}}));
}

TEST_CASE("layer norm: gradients match central differences") {
  for (const Index features : {1, 3, 9})
    for (const LayerNorm& layer : {LayerNorm{}, LayerNorm{.epsilon = 0.1, .scaled = false}, LayerNorm{.shifted = false},
                                   LayerNorm{.scaled = false, .shifted = false}, LayerNorm{.centred = false}}) {
      const auto report = gradients(Model(2, {Dense{.units = features}, layer, Dense{.units = 2}, layer}));
      INFO(report.text());
      CHECK(report.worst < 2e-5);
    }
}

TEST_CASE("layer norm: the bits of a column do not depend on its position") {
  const MatrixX<double> x = noise(13, 9), all = outputs({}, x, 3);
  for (Index c = 0; c < 9; ++c) CHECK(same_bits(outputs({}, x.col(c), 3), all.col(c)));
}

TEST_CASE("layer norm: disabled scale and shift have no parameters and epsilon 0 is refused") {
  CHECK(Model(3, {LayerNorm{}}).parameters().table().names() == "0.weight, 0.bias");
  CHECK(Model(3, {LayerNorm{.shifted = false}}).parameters().table().names() == "0.weight");
  CHECK(Model(3, {LayerNorm{.scaled = false, .shifted = false}}).parameters().size() == 0);
  CHECK_THROWS_MATCHES(Model(3, {LayerNorm{.epsilon = 0}}), ValueError,
                       says("layer 0 (layer norm): epsilon must be 2.2250738585072014e-308 to"));
}

TEST_CASE("layer norm: allocates nothing after the first batch, a huge input has finite outputs") {
  Model model(3, {LayerNorm{}, Dense{.units = 2}, LayerNorm{}});
  randomise(model);
  Model::Weights weights;
  Model::Tape tape;
  auto gradient = model.parameters().zeros_like();
  MatrixX<double> x = noise(3, 8);
  const MatrixX<double> d_y = noise(2, 8);
  const auto timeline = Timeline::from_lengths({3, 5});
  const auto step = [&] {
    model.prepare(weights);
    model.prepare_back(weights);
    model.begin_learning(weights, view(std::as_const(x)), timeline, tape);
    model.learn(tape, gradient, [&](Index first, const auto& y) { return view(d_y.middleCols(first, y.cols())); });
  };
  step();
  support::AllocationCount allocations;
  step();
  const auto count = allocations.count();
  CHECK(count == 0);
  x(1, 0) = 1e200;
  model.forward(x, timeline, tape);
  CHECK(model.locate_non_finite(tape).empty());  // the variance is infinite, so the normalised column is 0
}

}  // namespace test_layer_norm
