// A cell that runs step by step: the step number decides what causal attention reads.
#include <unroll/engine/step_by_step.hpp>

#include "attention_run.hpp"
#include "support/allocations.hpp"

namespace test_step_by_step {

using namespace attention_run;

namespace {

using Bahdanau = BahdanauGru<double>;
using Steps = StepByStep<Bahdanau>;

const CellSizes sizes{.inputs = {2}, .units = 3, .sizes = {{"attention", 4}, {"readout", 5}}, .memory = 6};
constexpr Index steps = 5, batch = 2, longest = 7;

/// A prepared cell with a causal memory of two sequences of different lengths.
struct Setup {
  Bahdanau cell{sizes};
  VectorX<double> theta = noise(cell.parameters().size(), 1);
  Bahdanau::Weights weights;
  Timeline sources = Timeline::from_lengths({longest, 3});
  MatrixX<double> values = noise(6, sources.columns());
  AttentionMemory<double> memory{.values = view(std::as_const(values)), .timeline = &sources, .causal = true};
  MatrixX<double> x = noise(2, steps* batch, 5);  // column t * batch + b
  std::vector<Index> both{0, 1};

  Setup() { cell.prepare(theta.data(), weights); }
  ConstView<double> at_step(Index t) const { return detail::from_column(view(x), t * batch, batch); }
  State<double> initial() const { return {MatrixX<double>::Zero(3, batch)}; }

  /// Outputs [5 x steps * batch], and below them the attention weights.
  MatrixX<double> decode(Steps& run) const {
    MatrixX<double> decoded(5 + longest, steps * batch);
    State<double> states = initial();
    for (Index t = 0; t < steps; ++t) {
      decoded.block(0, t * batch, 5, batch) = run.step(at_step(t), both, states);
      decoded.block(5, t * batch, longest, batch) = run.attention();
    }
    return decoded;
  }
};

}  // namespace

TEST_CASE("step by step: causal attention reads one more step of the memory at each step") {
  const Setup setup;
  Steps run(setup.cell, setup.weights);
  run.begin(&setup.memory);
  const MatrixX<double> decoded = setup.decode(run), attention = decoded.bottomRows(longest);
  for (Index c = 0; c < attention.cols(); ++c) {
    const Index length = c % batch == 0 ? longest : 3, seen = std::min(c / batch + 1, length);
    CHECK(attention.col(c).sum() == Approx(1));
    CHECK((attention.col(c).head(seen).array() > 0).all());
    CHECK(attention.col(c).tail(longest - seen).isZero(0));
  }

  const auto timeline = Timeline::rectangular(batch, steps);  // its columns are in the order of x
  Tape<Bahdanau> tape;
  OverTime<Bahdanau> whole(setup.cell, setup.weights, timeline, Direction::forward, tape);
  const auto x = view(setup.x);
  whole.forward({{&x, 1}, {}, &setup.memory});
  CHECK(whole.output() == decoded.topRows(5));
}

TEST_CASE("step by step: after restart and begin the results have the bits of a new object") {
  const Setup setup;
  Steps fresh(setup.cell, setup.weights), used(setup.cell, setup.weights);
  fresh.begin(&setup.memory);
  const MatrixX<double> expected = setup.decode(fresh);
  used.begin(&setup.memory);
  CHECK(setup.decode(used) == expected);
  used.restart();
  CHECK(setup.decode(used) == expected);
  used.begin(&setup.memory);
  CHECK(setup.decode(used) == expected);
}

TEST_CASE("step by step: a step allocates nothing after the first two, and no columns are refused") {
  const Setup setup;
  Steps run(setup.cell, setup.weights);
  run.begin(&setup.memory);
  State<double> states = setup.initial();
  for (int k = 0; k < 2; ++k) run.step(setup.at_step(0), setup.both, states);
  const support::AllocationCount allocations;
  for (int k = 0; k < 100; ++k) run.step(setup.at_step(0), setup.both, states);
  const auto count = allocations.count();
  CHECK(count == 0);

  State<double> none{MatrixX<double>(3, 0)};
  CHECK_THROWS_MATCHES(run.step(detail::from_column(view(setup.x), 0, 0), {}, none), ShapeError,
                       says("at least 1 sample"));
}

}  // namespace test_step_by_step
