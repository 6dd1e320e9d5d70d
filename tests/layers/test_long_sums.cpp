// Sums over millions of columns in float: parameter gradients and means, compared with exact values.
#include <unroll/cell/attention.hpp>
#include <unroll/layers/convolution/conv1d.hpp>
#include <unroll/layers/dense.hpp>
#include <unroll/layers/embedding.hpp>
#include <unroll/layers/normalisation/layer_norm.hpp>
#include <unroll/layers/pooling/global_pooling.hpp>
#include <unroll/layers/recurrent.hpp>
#include <unroll/models/sequential.hpp>
#include <unroll/recurrence/equation_cell.hpp>
#include <unroll/recurrence/language.hpp>

#include "support/catch.hpp"

namespace test_long_sums {

using namespace unroll;

namespace {

namespace equations {
using namespace unroll::symbols;
inline constexpr auto p = symbol<"p">;
inline constexpr auto scaled = cell(state(h), next(h) = weight(p) * linear(x));
}  // namespace equations

/// Parameter gradient for a batch of ones, where each output has the gradient 0.1.
template <class Model>
Parameters<float> gradient_of(Model& model, Index columns) {
  typename Model::Tape tape;
  auto gradient = model.parameters().zeros_like();
  const MatrixX<float> ones = MatrixX<float>::Ones(model.features(), columns);
  const Timeline timeline = Timeline::rectangular(1, columns);
  const auto out = model.forward(ones, timeline, tape);
  model.backward(tape, MatrixX<float>(MatrixX<float>::Constant(out.rows(), out.cols(), 0.1f)), gradient);
  return gradient;
}

double largest_error(const Eigen::Ref<const MatrixX<float>>& got, double exact) {
  return (got.cast<double>().array() / exact - 1).abs().maxCoeff();
}

/// Relative error of the sum of `columns` terms 0.1, in the gradients of each kind of parameter.
void check_sums(Index columns, double bound_of_weights) {
  constexpr double bound = 1e-6;
  const double exact = double(0.1f) * double(columns);
  Sequential dense(1, Dense{.units = 67});
  dense.initialise(1);
  const auto of_dense = gradient_of(dense, columns);
  CHECK(largest_error(of_dense["0.bias"], exact) < bound);
  CHECK(largest_error(of_dense["0.weight"], exact) < bound_of_weights);

  Sequential convolution(1, Conv1d{.units = 3, .kernel = 1});
  convolution.initialise(1);
  CHECK(largest_error(gradient_of(convolution, columns)["0.bias"], exact) < bound);

  Sequential norm(2, LayerNorm{});
  norm.initialise(1);
  CHECK(largest_error(gradient_of(norm, columns)["0.bias"], exact) < bound);

  Sequential embedding(1, Embedding{.size = 3, .dimension = 5});
  embedding.initialise(1);
  CHECK(largest_error(gradient_of(embedding, columns)["0.weight"].col(1), exact) < bound_of_weights);

  Sequential cell(1, Recurrent<EquationsOf<equations::scaled>::Cell>{.units = 3});
  cell.parameters().values().setOnes();
  cell.parameters()["0.h.b"].setZero();
  const auto of_cell = gradient_of(cell, columns);
  for (const ParameterBlock& block : of_cell.table().blocks()) {
    INFO(block.name);
    CHECK(largest_error(of_cell.block(block), exact) < bound_of_weights);
  }
}

}  // namespace

TEST_CASE("sums: gradients over a million columns are accurate") { check_sums(1'000'000, 3e-4); }

TEST_CASE("sums: gradients over ten million columns are accurate", "[.long]") { check_sums(10'000'000, 3e-3); }

TEST_CASE("sums: a mean over a million steps is accurate") {
  Sequential model(2, MeanOverTime{});
  decltype(model)::Tape tape;
  MatrixX<float> x(2, 1'000'000);
  for (Index c = 0; c < x.cols(); ++c) x.col(c) << 0.1f, float(c);
  const auto mean = model.forward(x, Timeline::rectangular(1, x.cols()), tape);
  CHECK(mean(0, 0) == Approx(0.1f).epsilon(1e-6));
  CHECK(mean(1, 0) == Approx(499999.5).epsilon(1e-6));
}

TEST_CASE("sums: attention over a million steps is accurate") {
  const Index steps = 1'000'000;
  VectorX<float> weights = VectorX<float>::Zero(steps), context(3), d_weights = VectorX<float>::Constant(steps, 0.1f);
  attention::softmax(weights.data(), steps);
  CHECK(weights.isConstant(1e-6f, 1e-6f));
  const MatrixX<float> values = MatrixX<float>::Constant(3, steps, 0.1f);
  attention::weighted_sum(view(values), weights.data(), context.data());
  CHECK(context.isConstant(0.1f, 1e-4f));
  attention::softmax_back(weights.data(), d_weights.data(), steps);
  CHECK(d_weights.cwiseAbs().maxCoeff() < 1e-13f);
}

}  // namespace test_long_sums
