// Memory estimates and initial values of single layers, compared with values computed by hand.

#include <unroll/layers/convolution/conv_transpose1d.hpp>
#include <unroll/layers/convolution/upsample.hpp>
#include <unroll/layers/dense.hpp>
#include <unroll/layers/graph.hpp>
#include <unroll/layers/normalisation/layer_norm.hpp>
#include <unroll/models/memory.hpp>
#include <unroll/models/sequential.hpp>

#include "support/catch.hpp"

namespace test_kept {

using namespace unroll;

TEST_CASE("layer norm: stores its output and two moments of each column") {
  LayerNormLayer<float> norm(LayerNorm{});
  norm.connect({3, true});
  CHECK(norm.kept(10, 2, {}) == (3 + 2) * 10);
}

TEST_CASE("upsample: stores its output columns") {
  UpsampleLayer<float> upsample(Upsample{.factor = 3});
  upsample.connect({2, true});
  CHECK(upsample.kept(10, 2, {}) == 3 * 2 * 10);
}

TEST_CASE("numbers_kept: the last layer stores one piece of its columns") {
  const Sequential model(2, Dense{.units = 5}, Dense{.units = 3});
  const Index piece = model.piece_columns();
  CHECK(numbers_kept(model, 0, 4 * piece, 1) == 5 * 4 * piece);
  CHECK(numbers_kept(model, 1, 4 * piece, 1) == 3 * piece);
  CHECK(numbers_kept(model, 1, 7, 1) == 3 * 7);
}

TEST_CASE("graph: steps_after refuses branches with unequal numbers of steps") {
  Graph<float> graph;
  graph.sum({graph.input(), graph.add(Upsample{.factor = 2}, graph.input())});
  graph.connect({1, true});
  CHECK_THROWS_MATCHES(graph.steps_after(10), ShapeError,
                       says("steps of node 1 (upsample) must be 10, as in node 0 (input), got 20"));
}

TEST_CASE("conv transpose1d: initial values count all taps of input and output in the fans") {
  Sequential model(60, ConvTranspose1d{.units = 1, .kernel = 4});
  model.initialise(1);
  const double limit = std::sqrt(6.0 / (4 * 60 + 4 * 1)),
               largest = model.parameters()["0.weight"].cwiseAbs().maxCoeff();
  CHECK(largest <= limit);
  CHECK(largest > 0.9 * limit);
}

}  // namespace test_kept
