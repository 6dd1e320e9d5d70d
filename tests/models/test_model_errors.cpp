#include <unroll/cells/elman.hpp>
#include <unroll/cells/gru.hpp>
#include <unroll/layers/bidirectional.hpp>
#include <unroll/layers/dense.hpp>
#include <unroll/layers/graph.hpp>
#include <unroll/layers/pooling/global_pooling.hpp>

#include "layers/model_run.hpp"
#include "support/catch.hpp"

namespace test_model_errors {

using namespace unroll;
using namespace model_run;

namespace {

constexpr double not_a_number = std::numeric_limits<double>::quiet_NaN();
using Grus = Recurrent<Gru>;

const auto timeline = Timeline::from_lengths({2, 4, 3});  // by rank: samples 1, 2, 0

struct Run {
  Sequential<double, Dense, Grus, Dense> model{3, Dense{.units = 4}, Grus{.units = 5}, Dense{.units = 2}};
  decltype(model)::Tape tape;
  Parameters<double> gradient = model.parameters().zeros_like();
  MatrixX<double> x = noise(3, timeline.columns());

  Run() { randomise(model); }
  void forward(const ModelState<double>& initial = {}) { model.forward(x, timeline, tape, {}, initial); }
  void backward(const ModelState<double>& d_final = {}, const MatrixX<double>& d_out = MatrixX<double>::Ones(2, 9)) {
    model.backward(tape, d_out, gradient, nullptr, d_final);
  }
  std::string locate() {
    forward();
    return model.locate_non_finite(tape);
  }
};

/// Cell with e = exp(linear(x)), which overflows while all parameters are finite.
namespace overflowing {
using namespace unroll::symbols;
constexpr auto e = symbol<"e">;
constexpr auto grows = cell(state(h), e = exp(linear(x)), next(h) = 0.5 * h + e);
}  // namespace overflowing
template <class S>
using Grows = EquationCell<S, overflowing::grows>;

/// Cell with two inputs per step, which no layer supports.
namespace two_inputs {
using namespace unroll::symbols;
constexpr auto other = input<"other">;
constexpr auto reads = cell(state(h), next(h) = tanh(linear(x, h, other)));
}  // namespace two_inputs

/// Cell that names an initializer of a block that does not exist.
template <class S>
struct Misspelt : Elman<S> {
  using Elman<S>::Elman;
  static std::vector<std::pair<std::string, Initializer>> named_initializers() {
    return {{"h.b", init::constant(1)}, {"h.bias", init::constant(1)}};
  }
};

}  // namespace

TEST_CASE("model: refuses mismatched shapes at construction and names the layer") {
  CHECK_THROWS_MATCHES(sequential<double>(3, Dense{.units = 4}, Grus{.units = 0}), ShapeError,
                       says("layer 1 (gru): cell: units must be at least 1, got 0"));
  CHECK_THROWS_MATCHES(sequential<double>(3, Grus{.units = -2}), ShapeError, says("got -2"));
  CHECK_THROWS_MATCHES(sequential<double>(3, Grus{.units = std::numeric_limits<Index>::max() / 2}), ShapeError,
                       says("layer 0 (gru): cell:"));
  CHECK_THROWS_MATCHES(sequential<double>(3, Grus{.units = Index(1) << 30}), ShapeError,
                       says("parameters: matrix must have 0 to "));
  CHECK_THROWS_MATCHES(sequential<double>(3, Grus{.units = 4, .returns = Returns::last}, Grus{.units = 4}), ShapeError,
                       says("layer 1 (gru): input must have a column for every step, got one for every sequence"));
  CHECK_THROWS_MATCHES(sequential<double>(3, Grus{.units = 4, .sizes = {{"projected", 2}}}), ShapeError,
                       says("layer 0 (gru): cell: the equations do not use the size 'projected'"));
  CHECK_THROWS_AS(sequential<double>(-1, Grus{.units = 4}), ShapeError);
}

TEST_CASE("model: refuses numbers of layers that do not exist") {
  const Run run;
  CHECK(run.model.shape(3).features == 2);
  CHECK(run.model.parameter_offset(1) == 4 * 3 + 4);
  CHECK_THROWS_MATCHES(run.model.shape(4), ValueError, says("model: layer must be 0 to 3, got 4"));
  CHECK_THROWS_MATCHES(run.model.parameter_offset(3), ValueError, says("model: layer must be 0 to 2, got 3"));
}

TEST_CASE("model: refuses batches of the wrong size") {
  Run run;
  CHECK_THROWS_MATCHES(run.model.forward(noise(2, 9), timeline, run.tape), ShapeError,
                       says("layer 0 (dense): features per step must be 3, got 2"));
  CHECK_THROWS_MATCHES(run.model.forward(noise(3, 8), timeline, run.tape), ShapeError,
                       says("model: input must have as many columns as the timeline, 9, got 8"));
}

TEST_CASE("model: refuses states of the wrong size") {
  Run run;
  const State<double> good{noise(5, 3)};
  CHECK_THROWS_MATCHES(run.forward({good}), ShapeError,
                       says("initial states must have as many entries as layers, 3, got 1"));
  CHECK_THROWS_MATCHES(run.forward({{}, {noise(5, 3), noise(5, 3)}, {}}), ShapeError,
                       says("layer 1: matrices of initial states must be 1, got 2"));
  CHECK_THROWS_MATCHES(run.forward({good, good, {}}), ShapeError,
                       says("layer 0: matrices of initial states must be 0, got 1"));
  CHECK_THROWS_MATCHES(run.forward({{}, {noise(4, 3)}, {}}), ShapeError,
                       says("layer 1 (gru): cell: features of initial state 0 must be 5, got 4"));
  CHECK_THROWS_MATCHES(run.forward({{}, {noise(5, 2)}, {}}), ShapeError,
                       says("columns of initial state 0 must be 3, got 2"));
  run.forward({{}, good, {}});
  CHECK_THROWS_MATCHES(run.backward({good}), ShapeError,
                       says("gradients of final states must have as many entries as layers, 3"));
  CHECK_THROWS_MATCHES(run.backward({{}, {noise(4, 3)}, {}}), ShapeError,
                       says("layer 1 (gru): cell: features of gradient of final state 0 must be 5, got 4"));
  auto both = sequential<double>(3, Bidirectional<Elman>{.units = 2});
  decltype(both)::Tape tape;
  CHECK_THROWS_MATCHES(both.forward(run.x, timeline, tape, {}, {{noise(2, 3)}}), ShapeError,
                       says("layer 0: matrices of initial states must be 2, got 1"));
}

TEST_CASE("model: each backward pass needs a forward pass") {
  Run run;
  CHECK_THROWS_MATCHES(run.backward(), ValueError, says("model: the tape has no forward pass"));
  CHECK_THROWS_AS(run.model.final_state(run.tape), ValueError);
  CHECK_THROWS_AS(run.model.output_timeline(run.tape), ValueError);
  CHECK_THROWS_AS(run.model.locate_non_finite(run.tape), ValueError);
  run.forward();
  run.backward();
  const auto before = run.gradient.values();
  CHECK_THROWS_MATCHES(run.backward(), ValueError, says("model: a backward pass has used this tape"));
  CHECK_THROWS_MATCHES(run.model.locate_non_finite(run.tape), ValueError, says("a backward pass has used this tape"));
  CHECK(same_bits(run.gradient.values(), before));
  run.model.final_state(run.tape);
  run.forward();
  run.backward();
  CHECK_THROWS_AS(run.model.forward(run.x, timeline, run.tape, {}, {{}, {noise(4, 3)}, {}}), ShapeError);
  CHECK_THROWS_MATCHES(run.backward(), ValueError, says("no forward pass"));  // the failed pass does not count
}

TEST_CASE("model: refuses a backward pass after Keep::nothing") {
  Run run;
  run.model.forward(run.x, timeline, run.tape, {.keeping = {Keep::nothing}});
  CHECK_THROWS_MATCHES(run.backward(), ValueError, says("model: the forward pass ran with Keep::nothing"));
  CHECK(run.gradient.values().isZero(0));  // including that of the last layer
  CHECK_THROWS_MATCHES(run.model.forward(run.x, timeline, run.tape, {.keeping = {Keep::checkpoints, -1}}), ValueError,
                       says("layer 1 (gru): keeping: every must be at least 0 steps (0: automatic), got -1"));
}

TEST_CASE("model: learn needs its own begin_learning") {
  Run run;
  const MatrixX<double> d_output = MatrixX<double>::Ones(2, 9);
  const auto learn = [&] {
    run.model.learn(run.tape, run.gradient, [&](Index first, const ConstView<double>& output) {
      return detail::from_column(view(d_output), first, output.cols());
    });
  };
  CHECK_THROWS_MATCHES(learn(), ValueError, says("model: the tape has no forward pass"));
  decltype(run.model)::Weights weights;
  run.model.prepare(weights);
  run.model.prepare_back(weights);
  run.model.begin_learning(weights, view(std::as_const(run.x)), timeline, run.tape);
  learn();
  const auto once = run.gradient.values();
  CHECK(once.norm() > 0);
  CHECK_THROWS_MATCHES(learn(), ValueError, says("model: a backward pass has used this tape"));
  CHECK(same_bits(run.gradient.values(), once));
}

TEST_CASE("model: refuses gradients of the wrong size") {
  Run run;
  run.forward();
  CHECK_THROWS_MATCHES(run.backward({}, noise(2, 3)), ShapeError,
                       says("model: gradient of the output must be [2 x 9], got [2 x 3]"));
  // A gradient without columns has no data, but is not an absent one.
  CHECK_THROWS_MATCHES(run.backward({}, MatrixX<double>(2, 0)), ShapeError,
                       says("model: gradient of the output must be [2 x 9], got [2 x 0]"));
  CHECK(run.gradient.values().isZero(0));
  Parameters<double> other;
  CHECK_THROWS_MATCHES(run.model.backward(run.tape, noise(2, 9), other), ShapeError,
                       says("gradient must have as many entries as parameters, "));
  decltype(run.model) wider(3, Dense{.units = 6}, Grus{.units = 5}, Dense{.units = 2});
  auto gradient = wider.parameters().zeros_like();
  CHECK_THROWS_MATCHES(wider.backward(run.tape, noise(2, 9), gradient), ShapeError,
                       says("the tape is of another model"));
}

TEST_CASE("recurrent: refuses a cell with several inputs whose rows are not known") {
  CHECK_THROWS_MATCHES(sequential<double>(3, Recurrent<EquationsOf<two_inputs::reads>::Cell>{.units = 2}), ShapeError,
                       says("layer 0 (recurrent): inputs must be given, {{"));
}

TEST_CASE("recurrent: refuses an initializer of a block that its cell does not have") {
  CHECK_THROWS_MATCHES(
      sequential<double>(2, Recurrent<Misspelt>{.units = 3}), ValueError,
      says("layer 0 (elman): name in named_initializers() must be one of h.x, h.h, h.b, got 'h.bias'"));
  CHECK_THROWS_MATCHES(sequential<double>(2, Bidirectional<Misspelt>{.units = 3}), ValueError,
                       says("layer 0 (bidirectional elman): name in named_initializers()"));
}

TEST_CASE("model: locate_non_finite finds input, parameter and output") {
  Run run;
  CHECK(run.locate().empty());
  SECTION("the input") {
    run.x(1, 4) = not_a_number;  // step 1 of the sample with rank 1
    CHECK(run.locate() == "input at sample 2, step 1");
  }
  SECTION("a parameter, by gate") {
    run.model.parameters()["1.z.h"](4, 2) = not_a_number;
    CHECK(run.locate() == "parameter '1.z.h'");
    run.model.parameters()["1.r.x"](0, 0) = -std::numeric_limits<double>::infinity();
    CHECK(run.locate() == "parameter '1.r.x'");
  }
  SECTION("an output") {
    run.model.parameters()["2.weight"].setConstant(std::numeric_limits<double>::max());
    run.model.parameters()["2.bias"].setConstant(std::numeric_limits<double>::max());
    CHECK(run.locate().find("layer 2 (dense): its output at sample ") == 0);
  }
}

TEST_CASE("model: locate_non_finite names equation, sample and step") {
  const auto direction = GENERATE(Direction::forward, Direction::backward);
  auto model = sequential<double>(1, Recurrent<Grows>{.units = 2, .direction = direction});
  model.parameters()["0.e.x"].setConstant(100);
  MatrixX<double> x = MatrixX<double>::Zero(1, timeline.columns());
  for (const auto& [sample, step] : {std::pair<Index, Index>{1, 1}, {2, 2}})
    x(0, timeline.offset(step) + timeline.rank(sample)) = 8;  // exp(800)
  decltype(model)::Tape tape;
  model.forward(x, timeline, tape);
  CHECK(model.locate_non_finite(tape) == (direction == Direction::forward
                                              ? "layer 0 (recurrent): equation 'e' at sample 1, step 1"
                                              : "layer 0 (recurrent, backward): equation 'e' at sample 2, step 2"));
}

TEST_CASE("model: locate_non_finite counts steps as in the padded batch") {
  auto model = sequential<double>(1, Recurrent<Grows>{.units = 2});
  model.parameters()["0.e.x"].setConstant(100);
  MatrixX<bool> mask(1, 6);
  mask << 0, 1, 0, 0, 1, 1;
  const auto gaps = Timeline::from_mask(mask);
  decltype(model)::Tape tape;
  MatrixX<double> x = MatrixX<double>::Zero(1, 3);
  x(0, 1) = 8;
  model.forward(x, gaps, tape);
  CHECK(model.locate_non_finite(tape) == "layer 0 (recurrent): equation 'e' at sample 0, step 4");
}

TEST_CASE("bidirectional: locate_non_finite finds an overflow in the merged output and in each direction") {
  const auto returns = GENERATE(Returns::steps, Returns::last);
  auto model = sequential<double>(1, Bidirectional<Grows>{.units = 1, .merge = Merge::product, .returns = returns});
  model.parameters()["0.forward.e.x"].setConstant(100);
  model.parameters()["0.backward.e.x"].setConstant(100);
  MatrixX<double> x = MatrixX<double>::Zero(1, timeline.columns());
  for (Index step = 0; step < 3; ++step) x(0, timeline.offset(step) + timeline.rank(2)) = 5;  // exp(500) squared
  decltype(model)::Tape tape;
  model.forward(x, timeline, tape);
  CHECK(model.locate_non_finite(tape) == std::string("layer 0 (bidirectional recurrent): its output at sample 2") +
                                             (returns == Returns::steps ? ", step 0" : ""));
  x.setConstant(8);
  model.forward(x, timeline, tape);
  CHECK(model.locate_non_finite(tape).find("layer 0 (bidirectional recurrent): equation 'e' at sample ") == 0);
  model.parameters()["0.forward.e.x"].setZero();
  model.forward(x, timeline, tape);
  CHECK(model.locate_non_finite(tape).find(
            "layer 0 (bidirectional recurrent): equation 'e' of the backward direction at sample ") == 0);
}

TEST_CASE("graph: locate_non_finite names the step of a layer that returns the last output") {
  Graph<double> graph;
  graph.add(Recurrent<Grows>{.units = 1, .returns = Returns::last}, graph.input());
  auto model = sequential<double>(1, graph);
  model.parameters()["0.1.e.x"].setConstant(100);
  MatrixX<double> x = MatrixX<double>::Zero(1, timeline.columns());
  x(0, timeline.offset(1) + timeline.rank(2)) = 8;
  decltype(model)::Tape tape;
  model.forward(x, timeline, tape);
  CHECK(model.locate_non_finite(tape) == "layer 0 (graph): node 1 (recurrent): equation 'e' at sample 2, step 1");
}

}  // namespace test_model_errors
