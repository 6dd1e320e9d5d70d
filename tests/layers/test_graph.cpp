#include <unroll/layers/activation.hpp>
#include <unroll/layers/dense.hpp>
#include <unroll/layers/dropout.hpp>
#include <unroll/layers/embedding.hpp>
#include <unroll/layers/graph.hpp>
#include <unroll/layers/pooling/global_pooling.hpp>
#include <unroll/layers/tied_dense.hpp>
#include <unroll/models/stack.hpp>
#include <unroll/models/summary.hpp>

#include "layers/model_run.hpp"
#include "layers/running_sum.hpp"
#include "support/allocations.hpp"
#include "support/catch.hpp"

namespace test_graph {

using namespace unroll;
using namespace model_run;

namespace {

using Model = Stack<double>;
using Node = Graph<double>::Node;

Dense dense(Index units) { return {.units = units}; }

/// Graph with all kinds of merge nodes, a node with three readers, a node read twice by one merge, and states.
Graph<double> branches() {
  Graph<double> graph;
  const Node in = graph.input(), a = graph.add(dense(3), in), sum = graph.add(RunningSum{}, a);
  const Node product = graph.product({a, sum, a}), mean = graph.mean({product, sum});
  const Node both = graph.concat({in, mean, a}), down = graph.add(dense(3), both);
  graph.add(RunningSum{}, graph.sum({down, sum}));
  return graph;
}

/// Layer that halves the number of steps.
struct Halve : LayerBase<double> {
  struct Tape {
    std::vector<Index> lengths;
    Timeline timeline;
    MatrixX<double> output;
  };
  Shape connect(Shape in) { return in; }
  std::string_view name() const { return "halve"; }
  Signal<double> forward(const double*, const Signal<double>& in, const Pass&, const State<double>&, Tape& tape) const {
    tape.lengths.clear();
    for (Index b = 0; b < in.timeline->batch(); ++b)
      tape.lengths.push_back((in.timeline->length(in.timeline->rank(b)) + 1) / 2);
    tape.timeline.assign_lengths(tape.lengths);
    tape.output = MatrixX<double>::Zero(in.values.rows(), tape.timeline.columns());
    return {view(std::as_const(tape.output)), &tape.timeline};
  }
  void backward(const double*, const Signal<double>&, const Pass&, ConstView<double>, const State<double>&, Tape&,
                double*, View<double>, State<double>*) const {}
};

}  // namespace

TEST_CASE("graph: a skip connection adds the input to the output of its layers") {
  Graph<double> graph;
  const Node through = graph.add(dense(3), graph.add(dense(4), graph.input()));
  graph.sum({graph.input(), through});
  Model model(3, {graph}), plain(3, {dense(4), dense(3)});
  randomise(model), randomise(plain);
  CHECK(model.parameters().table().names() == "0.1.weight, 0.1.bias, 0.2.weight, 0.2.bias");
  const auto timeline = Timeline::from_lengths({1, 4, 0});
  const MatrixX<double> x = noise(3, 5), d_y = noise(3, 5, 2);
  Model::Tape tape, plain_tape;
  const MatrixX<double> y = model.forward(x, timeline, tape), straight = plain.forward(x, timeline, plain_tape);
  CHECK(same_bits(y, x + straight));
  auto gradient = model.parameters().zeros_like(), plain_gradient = plain.parameters().zeros_like();
  MatrixX<double> d_x, plain_d_x;
  model.backward(tape, d_y, gradient, &d_x);
  plain.backward(plain_tape, d_y, plain_gradient, &plain_d_x);
  CHECK(same_bits(gradient.values(), plain_gradient.values()));
  CHECK(d_x.isApprox(plain_d_x + d_y, 1e-15));
}

TEST_CASE("graph: sum, product, mean and concat equal merging by hand") {
  Graph<double> sums, products, means, joined;
  sums.sum({sums.input(), sums.input(), sums.input()});
  products.product({products.input(), products.input()});
  means.mean({means.input(), means.input()});
  joined.concat({joined.input(), joined.input()});
  const auto timeline = Timeline::from_lengths({2, 3});
  const MatrixX<double> x = noise(2, 5);
  const auto of = [&](const Graph<double>& graph) {
    Model model(2, {graph});
    Model::Tape tape;
    return MatrixX<double>(model.forward(x, timeline, tape));
  };
  MatrixX<double> twice(4, 5);
  twice << x, x;
  CHECK(same_bits(of(sums), x + x + x));
  CHECK(same_bits(of(products), x.cwiseProduct(x)));
  CHECK(same_bits(of(means), x));
  CHECK(same_bits(of(joined), twice));
}

TEST_CASE("graph: gradients match central differences") {
  Graph<double> outer;
  const Node inner = outer.add(branches(), outer.input());
  outer.concat({outer.add(branches(), inner), inner});
  for (const Graph<double>& graph : {branches(), outer}) {
    const auto report = gradients(Model(2, {dense(2), graph, dense(2)}));
    INFO(report.text());
    CHECK(report.worst < 1e-6);
  }
  Graph<double> pooled;
  const Node mean = pooled.add(MeanOverTime{}, pooled.input());
  const Node last = pooled.add(LastStep{}, pooled.add(RunningSum{}, pooled.input()));
  pooled.add(dense(2), pooled.concat({mean, last, mean}));
  const auto report = gradients(Model(2, {pooled, dense(2)}));
  INFO(report.text());
  CHECK(report.worst < 1e-6);
}

TEST_CASE("graph: branches of equal shape share no gradient buffers") {
  // Two branches of equal shape, to detect buffers shared by mistake.
  Graph<double> graph;
  const Node a = graph.add(dense(2), graph.add(dense(2), graph.input()));
  const Node b = graph.add(dense(2), graph.add(dense(2), graph.input()));
  graph.sum({a, graph.product({a, b})});
  const auto report = gradients(Model(2, {graph}));
  INFO(report.text());
  CHECK(report.worst < 1e-6);
}

TEST_CASE("graph: states equal those of its nodes in every window") {
  Model model(2, {branches()});
  randomise(model);
  const auto timeline = Timeline::from_lengths({5, 2, 7});
  const MatrixX<double> x = noise(2, 14);
  Model::Tape tape;
  const MatrixX<double> whole = model.forward(x, timeline, tape);
  const auto last = model.final_state(tape);
  REQUIRE(last[0].size() == 2);
  ModelState<double> state;
  for (Index first = 0; first < 7; first += 3) {
    const auto window = timeline.window(first, std::min<Index>(first + 3, 7));
    const Index at = timeline.offset(first);
    const MatrixX<double> part = x.middleCols(at, window.columns());
    CHECK(same_bits(model.forward(part, window, tape, {}, state), whole.middleCols(at, window.columns())));
    model.final_state(tape, state);
  }
  for (std::size_t s = 0; s < 2; ++s) CHECK(same_bits(state[0][s], last[0][s]));
  CHECK(model.causal());
}

TEST_CASE("graph: a gradient of final states alone reaches only nodes before the state") {
  Graph<double> graph;
  const Node a = graph.add(dense(2), graph.input()), sum = graph.add(RunningSum{}, a);
  graph.sum({graph.add(dense(2), sum), graph.add(dense(2), graph.input())});
  Model model(2, {graph});
  randomise(model);
  const auto timeline = Timeline::from_lengths({1, 2});
  Model::Tape tape;
  const MatrixX<double> x = noise(2, 3);
  model.forward(x, timeline, tape);
  auto gradient = model.parameters().zeros_like();
  MatrixX<double> d_x;
  const ModelState<double> d_final{{noise(2, 2)}};
  model.backward(tape, MatrixX<double>(), gradient, &d_x, d_final);
  CHECK(gradient["0.3.weight"].isZero(0));
  CHECK(!gradient["0.1.weight"].isZero(0));
  CHECK(d_x.col(0).isApprox(model.parameters()["0.1.weight"].transpose() * d_final[0][0].col(1)));
}

TEST_CASE("graph: each dropout node has different masks, in nested graphs too") {
  const auto masks = [](std::vector<AnyLayer<double>> layers) {
    Model model(4, std::move(layers));
    Model::Tape tape;
    return MatrixX<double>(
        model.forward(MatrixX<double>::Ones(4, 30), Timeline::rectangular(3, 10), tape, {.training = true, .seed = 1}));
  };
  const Dropout dropout{.rate = 0.5};
  Graph<double> inner, outer, plain;
  const auto two = [&](Graph<double>& graph) {
    const Node one = graph.add(dropout, graph.input()), other = graph.add(dropout, graph.input());
    return std::pair(one, other);
  };
  const auto [a, b] = two(inner);
  inner.concat({a, b});
  const auto [c, d] = two(outer);
  outer.concat(
      {outer.add(inner, outer.input()), c, d, outer.add(inner, outer.input()), outer.add(dropout, outer.input())});
  plain.concat({plain.input(), plain.input()});
  const MatrixX<double> all = masks({outer});
  REQUIRE(all.rows() == 28);
  for (Index i = 0; i < 28; i += 4)
    for (Index j = 0; j < i; j += 4) CHECK(!same_bits(all.middleRows(i, 4), all.middleRows(j, 4)));
  // The dropout numbers of a layer after a graph continue those of the graph.
  const MatrixX<double> behind = masks({outer, dropout});
  const MatrixX<double> mask = (behind.array() == 0 && all.array() != 0).cast<double>();
  CHECK(mask.sum() > 0);
  for (Index i = 4; i < 28; i += 4) CHECK(!same_bits(mask.topRows(4), mask.middleRows(i, 4)));
  // A graph without layers counts as one layer, as a dropout of rate 0 does.
  CHECK(same_bits(masks({plain, dropout}).topRows(4), masks({Dropout{.rate = 0}, dropout})));
}

TEST_CASE("graph: initial values are those of the initializers of its layers") {
  Graph<double> graph;
  const Node in = graph.input(), a = graph.add(Dense{.units = 2, .initializers = {.bias = init::constant(3)}}, in);
  graph.add(Dense{.units = 1, .initializers = {.input_weight = init::constant(2)}}, a);
  Model model(2, {graph}), plain(2, {dense(2)});
  model.initialise(4), plain.initialise(4);
  CHECK((model.parameters()["0.1.bias"].array() == 3).all());
  CHECK((model.parameters()["0.2.weight"].array() == 2).all());
  CHECK(same_bits(model.parameters()["0.1.weight"], plain.parameters()["0.weight"]));
}

TEST_CASE("graph: an embedding has gradients of all vectors, pretrained and frozen ones remain") {
  const MatrixX<double> given = noise(2, 1, 8);
  Graph<double> graph;
  const Embedding words{.size = 6, .dimension = 2, .pretrained = {given, {4}}, .padding = 0, .frozen_tokens = {3}};
  graph.concat({graph.add(words, graph.input()), graph.add(words, graph.input())});
  Model model(1, {graph});
  model.initialise(1);
  CHECK(same_bits(model.parameters()["0.2.weight"].col(4), given));
  CHECK(model.parameters()["0.1.weight"].col(0).isZero(0));
  CHECK(model.parameters().table().has_frozen());
  Model::Tape tape;
  const MatrixX<double> tokens{{0, 1, 1, 3}};
  const auto timeline = Timeline::rectangular(1, 4);
  model.forward(tokens, timeline, tape);
  auto gradient = model.parameters().zeros_like();
  model.backward(tape, MatrixX<double>::Ones(4, 4), gradient);
  CHECK(gradient["0.1.weight"].colwise().sum() == MatrixX<double>{{0, 4, 0, 0, 0, 0}});
  CHECK(gradient.touched().empty());
  gradient.reset();
  CHECK(gradient.values().isZero(0));
}

TEST_CASE("graph: refuses unread nodes, unknown nodes and unequal shapes") {
  const auto refusal = [](auto&& make, Index features = 3) {
    Graph<double> graph;
    make(graph);
    Model(features, {graph});
  };
  const auto in = Node{};
  CHECK_THROWS_MATCHES(refusal([](auto&) {}), ShapeError,
                       says("layer 0 (graph): number of layers must be at least 1, got 0"));
  CHECK_THROWS_MATCHES(
      refusal([&](auto& g) { g.add(dense(2), in), g.add(dense(1), in); }), ValueError,
      says("layer 0 (graph): no node reads node 1 (dense); the output is the last node, node 2 (dense)"));
  CHECK_THROWS_MATCHES(refusal([&](auto& g) { g.add(dense(2), Node{4}); }), ValueError,
                       says("graph: input of dense must be node 0 to 0, got node 4"));
  CHECK_THROWS_MATCHES(refusal([&](auto& g) { g.sum({in}); }), ValueError,
                       says("graph: sum must have at least 2 inputs, got 1"));
  CHECK_THROWS_MATCHES(
      refusal([&](auto& g) {
        g.mean({in, g.add(dense(2), in)});
      }),
      ShapeError,
      says("layer 0 (graph): node 2 (mean): features of node 1 (dense) must be 3, as in node 0 (input), got 2"));
  CHECK_THROWS_MATCHES(refusal([&](auto& g) {
                         g.concat({in, g.add(LastStep{}, in)});
                       }),
                       ShapeError,
                       says("node 2 (concat): node 1 (last step) must have a column for every step, as node 0 (input), "
                            "got one for every sequence"));
  CHECK_THROWS_MATCHES(refusal([&](auto& g) { g.add(dense(0), in); }), ShapeError,
                       says("layer 0 (graph): node 1 (dense): units must be at least 1, got 0"));
  CHECK_THROWS_MATCHES(refusal([&](auto& g) { g.add(TiedDense{.embedding = 0}, in); }), ValueError,
                       says("node 1 (tied dense): tied weights are not supported in a graph"));
}

TEST_CASE("graph: refuses to merge values of different steps") {
  Graph<double> graph;
  graph.sum({graph.input(), graph.add(Halve{}, graph.input())});
  Model model(2, {graph});
  Model::Tape tape;
  CHECK_THROWS_MATCHES(model.forward(noise(2, 4), Timeline::from_lengths({1, 3}), tape), ShapeError,
                       says("layer 0 (graph): node 2 (sum): node 1 (halve) must have the same steps as node 0 (input), "
                            "got 2 steps for 3 of sequence 1"));
  MatrixX<bool> gap(1, 2);
  gap << false, true;
  CHECK_THROWS_MATCHES(model.forward(noise(2, 1), Timeline::from_mask(gap), tape), ShapeError,
                       says("got step 0 for 1 of sequence 0"));
  CHECK(model.forward(noise(2, 2), Timeline::from_lengths({1, 1}), tape).cols() == 2);
  const auto ranked = Timeline::from_lengths({1, 2}).window(0, 1), other = Timeline::from_lengths({1, 1});
  CHECK(unroll::detail::difference(ranked, other) == "rank 0 for 1 of sequence 0");
}

TEST_CASE("graph: a non-finite value is located by its node") {
  Graph<double> graph;
  const Node a = graph.add(dense(2), graph.input());
  graph.add(dense(1), graph.add(LastStep{}, graph.product({a, a})));
  Model model(2, {graph});
  randomise(model);
  Model::Tape tape;
  MatrixX<double> x = noise(2, 5);
  const auto timeline = Timeline::from_lengths({2, 3});
  const auto found = [&](double factor, Index column) {
    MatrixX<double> scaled = x;
    scaled.col(column) *= factor;
    model.forward(scaled, timeline, tape);
    return model.locate_non_finite(tape);
  };
  CHECK(found(1, 0).empty());
  CHECK(found(1e200, 2) == "layer 0 (graph): node 2 (product): its output at sample 1, step 1");
  model.parameters()["0.4.weight"].setConstant(1e308);
  x.col(4) *= 1e10;
  CHECK(found(1, 0) == "layer 0 (graph): node 4 (dense): its output at sample 1");
}

TEST_CASE("graph: the summary counts its parameters and stored numbers") {
  Model model(2, {branches()});
  const ModelSummary all = summary(model, 100, 4);
  CHECK(all.layers[0].name == "graph");
  CHECK(all.layers[0].parameters == model.parameters().size());
  Graph<double> graph;
  const Node a = graph.add(dense(3), graph.input()), b = graph.add(dense(3), a);
  graph.sum({a, graph.add(dense(3), b)});
  Model small(2, {graph});
  // Four outputs; gradients of a, b and the last layer; the gradient of the second reader of a.
  CHECK(numbers_kept(small, 0, 100, 4) == 3 * 100 * (4 + 3 + 1));
  Graph<double> chain;
  Node last = chain.input();
  for (int k = 0; k < 5; ++k) last = chain.add(dense(3), last);
  CHECK(numbers_kept(Model(2, {chain}), 0, 100, 4) == 3 * 100 * (5 + 2));  // gradients alternate between two buffers
}

TEST_CASE("graph: allocates nothing after the first batch") {
  Graph<double> graph;
  const Node a = graph.add(dense(3), graph.input()), product = graph.product({a, a}), mean = graph.mean({product, a});
  graph.add(dense(3), graph.concat({graph.input(), mean, a}));
  Model model(2, {graph});
  randomise(model);
  Model::Weights weights;
  Model::Tape tape;
  auto gradient = model.parameters().zeros_like();
  const auto large = Timeline::from_lengths({3, 7}), small = Timeline::from_lengths({4, 2});
  const MatrixX<double> x = noise(2, 10), d_y = noise(3, 10), fewer = noise(2, 6), d_fewer = noise(3, 6);
  const auto batch = [&](const MatrixX<double>& in, const Timeline& timeline, const MatrixX<double>& d_out) {
    model.prepare(weights);
    model.prepare_back(weights);
    model.forward(weights, view(in), timeline, tape, {.training = true});
    model.backward(tape, d_out, gradient);
  };
  batch(x, large, d_y);
  support::AllocationCount allocations;
  batch(fewer, small, d_fewer);
  batch(x, large, d_y);
  const auto count = allocations.count();
  CHECK(count == 0);
}

}  // namespace test_graph
