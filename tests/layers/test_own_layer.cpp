#include <unroll/layers/dense.hpp>
#include <unroll/layers/graph.hpp>
#include <unroll/layers/pooling/global_pooling.hpp>

#include "layers/model_run.hpp"
#include "layers/running_sum.hpp"
#include "support/catch.hpp"

namespace test_own_layer {

using namespace unroll;
using namespace model_run;

namespace {

/// User-defined layer with parameters: a gain per feature.
struct Scale : LayerBase<double> {
  struct Tape {
    Buffer<double> output;
  };
  ParameterTable table;

  Shape connect(Shape in) {
    table = {};
    table.add("gain", Role::gain, in.features, 1);
    return in;
  }
  std::string_view name() const { return "scale"; }
  const ParameterTable& parameters() const { return table; }
  Initializers role_initializers() const { return {.gain = init::constant(1)}; }
  Signal<double> forward(const double* theta, const Signal<double>& in, const Pass&, const State<double>&,
                         Tape& tape) const {
    auto out = tape.output.shape(in.values.rows(), in.values.cols());
    out = gain(theta).asDiagonal() * in.values;
    return {view(std::as_const(out)), in.timeline};
  }
  void backward(const double* theta, const Signal<double>& in, const Pass&, ConstView<double> d_out,
                const State<double>&, Tape&, double* gradient, View<double> d_in, State<double>*) const {
    Eigen::Map<VectorX<double>>(gradient, table.size()) += d_out.cwiseProduct(in.values).rowwise().sum();
    if (d_in.data() != nullptr) d_in = gain(theta).asDiagonal() * d_out;
  }

 private:
  Eigen::Map<const VectorX<double>> gain(const double* theta) const { return {theta, table.size()}; }
};

}  // namespace

TEST_CASE("own layer: has the gradients and states of a built-in layer in a model") {
  auto model = sequential<double>(3, Scale{}, RunningSum{}, Dense{.units = 2}, RunningSum{}, LastStep{}, Scale{});
  model.initialise(1);
  CHECK((model.parameters()["0.gain"].array() == 1).all());
  const auto report = gradients(model);
  INFO(report.text());
  CHECK(report.worst < 1e-6);
  decltype(model)::Tape tape;
  const auto timeline = Timeline::from_lengths({1, 3});
  const MatrixX<double> x = noise(3, 4);
  model.forward(x, timeline, tape);
  const auto state = model.final_state(tape);
  CHECK(state[1][0].col(0).isApprox(x.col(1)));
  CHECK(state[1][0].col(1).isApprox(x.col(0) + x.col(2) + x.col(3)));
  CHECK(state[0].empty());
  const ModelState<double> d_final{{}, {}, {}, {noise(2, 2)}, {}, {}};
  auto gradient = model.parameters().zeros_like();
  model.backward(tape, MatrixX<double>(), gradient, nullptr, d_final);
  CHECK(gradient["5.gain"].isZero(0));
  CHECK(!gradient["2.weight"].isZero(0));
}

TEST_CASE("own layer: a state missing in final_state is refused in a chain and in a graph") {
  struct Forgetful : RunningSum {
    void final_state(const Signal<double>&, const Tape&, State<double>& state) const { state.clear(); }
  };
  const auto timeline = Timeline::from_lengths({1, 3});
  const MatrixX<double> x = noise(3, 4);
  const auto refused = [&](const auto& model, const std::string& part) {
    typename std::remove_cvref_t<decltype(model)>::Tape tape;
    model.forward(x, timeline, tape);
    CHECK_THROWS_MATCHES(model.final_state(tape), ValueError,
                         says(part + " (running sum): states of final_state must be 1, as in state_rows, got 0"));
  };
  refused(sequential<double>(3, Forgetful{}), "layer 0");
  Graph<double> graph;
  graph.add(Forgetful{}, graph.input());
  refused(sequential<double>(3, graph), "node 1");
}

TEST_CASE("own layer: its exceptions name the layer") {
  CHECK_THROWS_MATCHES(sequential<double>(3, LastStep{}, RunningSum{}), ShapeError,
                       says("layer 1 (running sum): input must have a column for every step"));
}

}  // namespace test_own_layer
