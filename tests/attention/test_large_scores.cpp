// Attention cells whose pre-activations and scores exceed the range of float's exponential.

#include "attention_run.hpp"

namespace test_large_scores {

using namespace attention_run;

namespace {

/// Checks that outputs, states and all gradients are finite for biases of both signs and scores of about +-size.
template <class C>
void stays_finite(const std::vector<std::pair<std::string, Index>>& more = {}) {
  using S = typename C::Scalar;
  const Index units = 4;
  const C cell(CellSizes{.inputs = {2}, .units = units, .sizes = more, .memory = units});
  const auto timeline = Timeline::from_lengths({4, 2}), sources = Timeline::from_lengths({3, 5});
  for (const double size : {50.0, 90.0, 105.0, 1e4}) {
    Parameters<S> theta(cell.parameters()), gradient = theta.zeros_like();
    theta.values() = noise(theta.values().size(), 1, 1).template cast<S>();
    for (const ParameterBlock& block : theta.table().blocks())
      if (block.role == Role::bias || block.name == "ctx.v" || block.name == "ctx.h" || block.name == "ctx.h_next")
        theta.block(block) *= S(size);
    const MatrixX<S> x = noise(2, timeline.columns(), 2).template cast<S>();
    const MatrixX<S> values = S(size) * noise(units, sources.columns(), 3).template cast<S>();
    const AttentionMemory<S> memory{view(values), &sources};
    MatrixX<S> d_x = x, d_values = values;
    const auto in = view(x);
    auto d_in = view(d_x);
    Tape<C> tape;
    OverTime<C> run(cell, timeline, Direction::forward, tape, theta.values().data());
    run.forward({{&in, 1}, {}, &memory});
    const MatrixX<S> output = run.output();
    State<S> last(C::states);
    run.final_state(last);
    const MatrixX<S> d_output = noise(output.rows(), output.cols(), 4).template cast<S>();
    run.backward({{&in, 1}, {}, &memory}, view(d_output), {}, gradient.values().data(),
                 {{&d_in, 1}, {}, {view(d_values)}});
    INFO(C::name << ", " << size);
    CHECK(output.allFinite());
    for (const auto& state : last) CHECK(state.allFinite());
    CHECK(gradient.values().allFinite());
    CHECK(d_x.allFinite());
    CHECK(d_values.allFinite());
  }
}

}  // namespace

TEST_CASE("attention: large scores and pre-activations give finite values and gradients") {
  using namespace symbols;
  stays_finite<BahdanauGru<float, dot>>({{"readout", 3}});
  stays_finite<BahdanauGru<float, additive_biased>>({{"readout", 3}});
  stays_finite<BahdanauGru<float, additive_normalised>>({{"readout", 3}});
  stays_finite<BahdanauLstm<float, general>>({{"readout", 3}});
  stays_finite<RnnSearch<float>>({{"readout", 3}});
  stays_finite<LuongGru<float, scaled_dot>>();
  stays_finite<LuongLstm<float, general>>();
  stays_finite<LuongGruUnfed<float, additive>>();
  stays_finite<LuongLstmUnfed<float, dot>>();
}

TEST_CASE("attention: normalised scores are 0 with finite gradients when their vector is 0") {
  using C = BahdanauGru<double, symbols::additive_normalised>;
  AttentionRun<C> run({.inputs = {2}, .units = 3, .sizes = {{"readout", 3}}, .memory = 4},
                      {.lengths = {3}, .memory_lengths = {2}});
  const ParameterBlock& v = run.cell.parameters().at("ctx.v");
  run.variables.segment(v.offset, v.size()).setZero();
  CHECK(std::isfinite(run.forward()));
  MatrixX<double> weights;
  run.cell.trace("ctx.weights", run.tape.weights, run.over_time().all_columns(), run.tape.work, weights);
  CHECK((weights.array() == 0.5).all());
  run.backward();
  CHECK(run.gradient.allFinite());
}

}  // namespace test_large_scores
