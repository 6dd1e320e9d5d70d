#include <unroll/cells/gru.hpp>
#include <unroll/io/model_file.hpp>
#include <unroll/layers/convolution/conv1d.hpp>
#include <unroll/layers/dense.hpp>
#include <unroll/layers/embedding.hpp>
#include <unroll/layers/normalisation/layer_norm.hpp>
#include <unroll/layers/recurrent.hpp>
#include <unroll/layers/tied_dense.hpp>
#include <unroll/models/stack.hpp>
#include <unroll/models/summary.hpp>

#include "layers/model_run.hpp"
#include "support/allocations.hpp"
#include "support/catch.hpp"
#include "support/temporary.hpp"

namespace test_tied {

using namespace unroll;
using namespace model_run;

namespace {

constexpr Index size = 7, dimension = 3;

Embedding words(std::vector<Index> frozen = {}) {
  return {.size = size, .dimension = dimension, .frozen_tokens = std::move(frozen)};
}
const Recurrent<Gru> gru{.units = dimension};

auto tied(std::vector<Index> frozen = {}, bool biased = true) {
  auto model = sequential<double>(1, words(std::move(frozen)), gru, TiedDense{.embedding = 0, .biased = biased});
  randomise(model);
  return model;
}

MatrixX<double> some_tokens(Index columns) {
  return MatrixX<double>::NullaryExpr(1, columns, [](Index, Index c) { return double((3 * c + 1) % size); });
}

/// Results of a forward and a backward pass.
template <class Model>
struct Run {
  explicit Run(const Model& model, const Timeline& timeline = Timeline::from_lengths({4, 1, 3}))
      : gradient(model.parameters().zeros_like()) {
    const MatrixX<double> x = some_tokens(timeline.columns());
    output = model.forward(x, timeline, tape);
    model.backward(tape, noise(size, timeline.columns(), 4), gradient);
  }
  typename Model::Tape tape;
  MatrixX<double> output;
  Parameters<double> gradient;
};

}  // namespace

TEST_CASE("tied dense: multiplies by the transposed table and adds both gradients") {
  const auto model = tied();
  auto apart = sequential<double>(1, words(), gru, Dense{.units = size});
  const Index before = model.parameters().size() - size;
  apart.parameters().values().head(before) = model.parameters().values().head(before);
  apart.parameters()["2.weight"] = model.parameters()["0.weight"].transpose();
  apart.parameters()["2.bias"] = model.parameters()["2.bias"];
  const Run<decltype(model)> one(model);
  const Run<decltype(apart)> two(apart);
  CHECK(one.output.isApprox(two.output, 1e-14));
  const MatrixX<double> sum = two.gradient["0.weight"] + two.gradient["2.weight"].transpose();
  CHECK(one.gradient["0.weight"].isApprox(sum, 1e-13));
  CHECK(one.gradient["2.bias"].isApprox(two.gradient["2.bias"], 1e-14));
  const Index cell = before - size * dimension;
  CHECK(one.gradient.values()
            .segment(size * dimension, cell)
            .isApprox(two.gradient.values().segment(size * dimension, cell), 1e-13));
  CHECK(one.gradient.touched().empty());  // every batch has a gradient of the whole table
  CHECK(one.gradient.dense().size() == 1);
}

TEST_CASE("tied dense: gradients match central differences, with frozen vectors and without biases") {
  const auto frozen = GENERATE(std::vector<Index>{}, std::vector<Index>{5, 1});
  const bool biased = GENERATE(true, false);
  auto model = tied(frozen, biased);
  for (const auto& lengths : {std::vector<Index>{1, 1}, std::vector<Index>{2, 0}, std::vector<Index>{7, 3, 5}}) {
    const auto timeline = Timeline::from_lengths(lengths);
    const MatrixX<double> x = some_tokens(timeline.columns());
    decltype(model)::Tape tape;
    MatrixX<double> d_output;
    const auto loss = [&] {
      const MatrixX<double> out = model.forward(x, timeline, tape);
      return weighted()(out, d_output);
    };
    loss();
    auto gradient = model.parameters().zeros_like();
    model.backward(tape, d_output, gradient);
    for (const detail::Segment& learned : model.parameters().table().learned()) {
      const auto report = check_gradient(loss, model.parameters().values().segment(learned.first, learned.size),
                                         gradient.values().segment(learned.first, learned.size), [&](Index k) {
                                           return entry_name(model.parameters().table(), learned.first + k);
                                         });
      INFO(report.text());
      CHECK(report.worst < 1e-6);
    }
    for (const Index token : frozen) CHECK(gradient["0.weight"].col(token).isZero(0));
  }
}

TEST_CASE("tied dense: learning in pieces of columns equals learning at once") {
  const auto model = tied({2});
  REQUIRE(model.piece_columns() < 40000);
  const auto timeline = Timeline::rectangular(160, 250);
  const MatrixX<double> x = some_tokens(timeline.columns()), d_output = noise(size, timeline.columns(), 4, 1e-2);
  REQUIRE(timeline.columns() > model.piece_columns());
  decltype(model)::Tape tape, other;
  auto whole = model.parameters().zeros_like(), pieces = model.parameters().zeros_like();
  model.forward(x, timeline, tape);
  model.backward(tape, d_output, whole);
  decltype(model)::Weights weights;
  model.prepare(weights);
  model.prepare_back(weights);
  model.begin_learning(weights, view(x), timeline, other);
  model.learn(other, pieces, [&](Index first, const ConstView<double>& output) {
    return detail::from_column(view(d_output), first, output.cols());
  });
  CHECK(pieces.values().isApprox(whole.values(), 1e-10));
  CHECK(pieces["0.weight"].col(2).isZero(0));
}

TEST_CASE("tied dense: stack and sequential have the same bits, a stack allocates nothing") {
  const auto model = tied({4});
  Stack<double> stack(1, {words({4}), gru, TiedDense{.embedding = 0}});
  stack.parameters().values() = model.parameters().values();
  CHECK(stack.parameters().table().names() == model.parameters().table().names());
  CHECK(stack.parameters().table().learned() == model.parameters().table().learned());
  Run<decltype(model)> one(model);
  Run<Stack<double>> two(stack);
  CHECK(same_bits(one.output, two.output));
  CHECK(same_bits(one.gradient.values(), two.gradient.values()));
  const auto timeline = Timeline::from_lengths({4, 1, 3});
  const MatrixX<double> x = some_tokens(8), d = noise(size, 8, 4);
  support::AllocationCount allocations;
  stack.forward(x, timeline, two.tape);
  stack.backward(two.tape, d, two.gradient);
  const auto count = allocations.count();
  CHECK(count == 0);
}

TEST_CASE("tied dense: the shared table is saved and counted once") {
  const support::TemporaryFolder folder;
  const auto path = folder.path / "model.safetensors";
  const auto model = tied();
  save(model, path);
  const SafeTensors file = read_safetensors(path);
  CHECK(file.at("0.weight").shape == std::vector<Index>{dimension, size});
  CHECK(file.at("2.bias").shape == std::vector<Index>{size});
  CHECK(!file.contains("2.weight"));
  auto other = tied();
  other.parameters().values().setZero();
  load(other, path);
  CHECK(same_bits(Run<decltype(model)>(model).output, Run<decltype(other)>(other).output));
  const ModelSummary lines = summary(model, 100, 4);
  CHECK(lines.layers[2].name == "tied dense");
  CHECK(lines.layers[2].parameters == size);
  CHECK(lines.parameters == model.parameters().size());
}

TEST_CASE("tied dense: initial values of the table are those of the embedding") {
  auto model = tied();
  auto plain = sequential<double>(1, words(), gru);
  model.initialise(3), plain.initialise(3);
  CHECK(model.parameters()["0.weight"] == plain.parameters()["0.weight"]);
  CHECK(model.parameters()["2.bias"].isZero(0));
}

TEST_CASE("tied dense: refuses unsuitable layers and names both") {
  using T = TiedDense;
  CHECK_THROWS_MATCHES(
      sequential<double>(1, words(), Recurrent<Gru>{.units = 4}, T{}), ShapeError,
      says("layer 2 (tied dense): features per step must be 3, the dimension of layer 0 (embedding), got 4"));
  CHECK_THROWS_MATCHES(Stack<double>(1, {words(), Recurrent<Gru>{.units = 4}, T{}}), ShapeError,
                       says("layer 2 (tied dense): features per step must be 3, the dimension of layer 0 (embedding)"));
  for (const Index owner : {-1, 1, 2, 9})
    CHECK_THROWS_MATCHES(
        sequential<double>(1, words(), gru, T{.embedding = owner}), ValueError,
        says(text("layer 2 (tied dense): embedding must be the number of an earlier layer with a matrix 'weight', got ",
                  owner)));
  CHECK_THROWS_MATCHES(
      sequential<double>(3, T{}), ValueError,
      says("layer 0 (tied dense): embedding must be the number of an earlier layer with a matrix 'weight', got 0"));
}

TEST_CASE("tied dense: refuses a block weight that is no matrix of one vector per token") {
  using T = TiedDense;
  const auto refused = says("embedding must be the number of an earlier layer with a matrix 'weight', got 0");
  CHECK_THROWS_MATCHES(sequential<double>(1, LayerNorm{}, T{}), ValueError, refused);
  CHECK_THROWS_MATCHES(sequential<double>(1, Conv1d{.units = 1, .kernel = 3}, T{}), ValueError, refused);
}

TEST_CASE("tied dense: outputs and gradients equal the formula for many tokens") {
  const Index many = 1100;
  auto model = sequential<double>(1, Embedding{.size = many, .dimension = 2}, TiedDense{.biased = false});
  randomise(model);
  const auto timeline = Timeline::rectangular(1, 3);
  const MatrixX<double> x{{0, 700, 1099}}, d_out = noise(many, 3, 4);
  decltype(model)::Tape tape;
  const MatrixX<double> table = model.parameters()["0.weight"];
  MatrixX<double> in(2, 3);
  for (Index c = 0; c < 3; ++c) in.col(c) = table.col(Index(x(0, c)));
  CHECK(model.forward(x, timeline, tape).isApprox(table.transpose() * in, 1e-14));
  auto gradient = model.parameters().zeros_like();
  model.backward(tape, d_out, gradient);
  MatrixX<double> expected = in * d_out.transpose();
  for (Index c = 0; c < 3; ++c) expected.col(Index(x(0, c))) += table * d_out.col(c);
  CHECK(gradient["0.weight"].isApprox(expected, 1e-13));
}

TEST_CASE("tied dense: may be tied to a dense layer, and a layer of a model may be used in another") {
  auto coder = sequential<double>(7, Dense{.units = 3}, TiedDense{.embedding = 0});
  const auto report = gradients(coder);
  INFO(report.text());
  CHECK(report.worst < 1e-6);
  auto other = sequential<double>(1, Embedding{.size = 5, .dimension = 2}, coder.layer<1>());
  CHECK(other.outputs() == 5);
}

}  // namespace test_tied
