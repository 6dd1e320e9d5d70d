// Extreme sizes: refused by name or handled correctly, without overflow.
#include <limits>
#include <unroll/cells/gru.hpp>
#include <unroll/layers/bidirectional.hpp>
#include <unroll/layers/convolution/conv1d.hpp>
#include <unroll/layers/convolution/conv_transpose1d.hpp>
#include <unroll/layers/convolution/upsample.hpp>
#include <unroll/layers/dense.hpp>
#include <unroll/layers/embedding.hpp>
#include <unroll/layers/graph.hpp>
#include <unroll/layers/pooling/global_pooling.hpp>
#include <unroll/layers/pooling/pooling1d.hpp>
#include <unroll/layers/recurrent.hpp>
#include <unroll/models/stack.hpp>
#include <unroll/models/summary.hpp>

#include "support/catch.hpp"

namespace test_sizes {

using namespace unroll;

namespace {

using S = float;
using Layers = std::vector<AnyLayer<S>>;
constexpr Index most = std::numeric_limits<Index>::max(), least = std::numeric_limits<Index>::min();
const std::vector<Index> wild{least, -1, Index(1) << 48, Index(1) << 62, most - 1, most};

void refused(Index features, AnyLayer<S> layer) {
  CHECK_THROWS_AS(Stack<S>(features, Layers{std::move(layer)}), Error);
}

}  // namespace

TEST_CASE("sizes: units, tokens and features larger than memory are refused") {
  for (const Index n : wild) {
    INFO(n);
    refused(n, LastStep{});
    refused(2, Dense{.units = n});
    refused(2, Recurrent<Gru>{.units = n});
    refused(2, Bidirectional<Gru>{.units = n});
    refused(1, Embedding{.size = n, .dimension = 2});
    refused(1, Embedding{.size = n, .dimension = 1, .padding = 0});
    refused(1, Embedding{.size = 5, .dimension = n});
    refused(1, Embedding{.size = 5, .dimension = 2, .padding = n});
    refused(1, Embedding{.size = 5, .dimension = 2, .frozen_tokens = {n}});
    refused(2, Conv1d{.units = n});
    refused(2, ConvTranspose1d{.units = n});
  }
  Graph<S> wide;  // 2^38, 2^40 and 2^42 features
  auto node = wide.input();
  for (int k = 0; k < 2; ++k) node = wide.concat({node, node, node, node});
  CHECK_THROWS_MATCHES(Stack<S>(Index(1) << 38, Layers{wide}), ShapeError,
                       says("node 2 (concat): output features must be at most"));
}

TEST_CASE("sizes: windows, strides and paddings are refused when they do not fit") {
  for (const Index n : wild) {
    INFO(n);
    refused(2, Conv1d{.units = 1, .kernel = n});
    refused(2, Conv1d{.units = 1, .stride = n});
    refused(2, Conv1d{.units = 1, .dilation = n});
    refused(2, Conv1d{.units = 1, .groups = n});
    refused(2, Conv1d{.units = 1, .padding = n});
    refused(2, ConvTranspose1d{.units = 1, .kernel = n});
    refused(2, ConvTranspose1d{.units = 1, .stride = n});
    refused(2, ConvTranspose1d{.units = 1, .dilation = n});
    refused(2, ConvTranspose1d{.units = 1, .padding = n});
    refused(2, ConvTranspose1d{.units = 1, .output_padding = n});
    refused(2, MaxPool1d{.kernel = n});
    refused(2, MaxPool1d{.kernel = 2, .stride = n});
    refused(2, MaxPool1d{.kernel = 2, .padding = n});
    refused(2, MaxPool1d{.kernel = 2, .dilation = n, .ceil_mode = true});
    refused(2, AveragePool1d{.kernel = 2, .padding = n});
    refused(2, Upsample{.factor = n});
  }
  constexpr Index large = (Index(1) << 24) - 1;
  refused(Index(1) << 39, Conv1d{.units = 1, .kernel = large});
  refused(Index(1) << 30, Conv1d{.units = 1, .kernel = 2, .dilation = large, .groups = 2});
  // Sizes that fit: one window around three steps; upsampling of three steps by `large`.
  Stack<S> model(1, Layers{Conv1d{.units = 1, .kernel = 3, .stride = large, .dilation = large, .padding = large}});
  model.parameters().values() << 1, 2, 4, 0;
  Stack<S>::Tape tape;
  MatrixX<S> x(1, 3);
  x << 3, 5, 7;
  const Timeline three = Timeline::from_lengths({3});
  const MatrixX<S> y = model.forward(x, three, tape);
  CHECK(model.output_steps(3) == 1);
  CHECK((y.cols() == 1 && y(0, 0) == 6));
  CHECK(Stack<S>(1, Layers{Upsample{.factor = large}}).output_steps(3) == 3 * large);
  for (const Index n : wild) CHECK_THROWS_AS(model.output_steps(n == (Index(1) << 48) ? n + 1 : n), ShapeError);
  const Stack<S> longer(1, Layers{Upsample{.factor = large}, Upsample{.factor = large}, Upsample{.factor = large}});
  CHECK_THROWS_MATCHES(longer.output_steps(3), ShapeError, says("layer 1 (upsample): "));
  CHECK_THROWS_AS(summary(longer, 3, 1), ShapeError);
  const Stack<S> transposed(
      1, Layers{Upsample{.factor = large}, ConvTranspose1d{.units = 1, .stride = large, .padding = same()}});
  CHECK_THROWS_MATCHES(transposed.output_steps(1), ShapeError, says("layer 1 (conv transpose): "));
  Stack<S> strided(1, Layers{ConvTranspose1d{.units = 1, .kernel = 2, .stride = 7, .dilation = 3}});
  strided.parameters().values() << 1, 2, 0;
  const MatrixX<S> spread = strided.forward(x, three, tape);  // x_q at step 7 q, 2 x_q at step 7 q + 3
  MatrixX<S> want = MatrixX<S>::Zero(1, 18);
  want(0, 0) = 3, want(0, 7) = 5, want(0, 14) = 7, want(0, 3) = 6, want(0, 10) = 10, want(0, 17) = 14;
  CHECK(spread == want);
}

TEST_CASE("sizes: memory estimates refuse sizes larger than memory") {
  const Stack<S> model(2, Layers{Recurrent<Gru>{.units = 3}, Upsample{.factor = 1000}, Dense{.units = 2}});
  CHECK(summary(model, 10, 2).training_bytes > 0);
  CHECK(training_bytes(model, 10, 2, {.parts = 3}) > 0);
  for (const Index n : wild) {
    INFO(n);
    CHECK_THROWS_AS(summary(model, n, 1), ShapeError);
    CHECK_THROWS_AS(summary(model, 1, n), ShapeError);
    CHECK_THROWS_AS(training_bytes(model, 1, 1, {.parts = n}), ShapeError);
    CHECK_THROWS_AS(numbers_kept(model, 0, n, 1), ShapeError);
  }
  for (const Index n : {least, Index(-1), Index(0)})
    CHECK_THROWS_MATCHES(training_bytes(model, 1, 1, {.threads = n}), ShapeError, says("threads must be at least 1"));
}

}  // namespace test_sizes
