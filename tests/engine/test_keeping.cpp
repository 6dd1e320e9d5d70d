// Keeping: passes with checkpoints, or without a backward pass, give the same bits.

#include <unroll/cells/gru.hpp>
#include <unroll/cells/lstm.hpp>
#include <unroll/engine/over_time.hpp>

#include "cells/cell_run.hpp"
#include "support/allocations.hpp"
#include "support/catch.hpp"

namespace test_keeping {

using namespace unroll;
using cell_run::CellRun;
using cell_run::same_bits;

namespace keeping {
using namespace unroll::symbols;
inline constexpr auto k = constant<"k">;
inline constexpr auto p = symbol<"p">;
inline constexpr auto equations = cell(state(h, c), next(c) = tanh(linear(x, h) + linear(k) + weight(p) * c),
                                       next(h) = next(c) * sigmoid(linear(next(c))));
}  // namespace keeping

namespace {

/// Cell with a constant, a weight per unit and two stages.
using Conditioned = EquationCell<double, keeping::equations>;

/// Timelines long enough for several chunks of 60 units.
std::vector<Timeline> long_timelines() {
  MatrixX<bool> gaps(4, 300);
  for (Index b = 0; b < 4; ++b)
    for (Index t = 0; t < 300; ++t) gaps(b, t) = (t * 7 + b * 3) % 5 != 0 && t < 300 - 60 * b;
  return {Timeline::rectangular(3, 250), Timeline::from_lengths({300, 0, 10, 280, 150}), Timeline::from_mask(gaps)};
}

template <class C>
MatrixX<double> forward(CellRun<C>& run, Keeping keeping) {
  std::vector<ConstView<double>> inputs, constants;
  for (const auto& m : run.inputs) inputs.push_back(view(m));
  for (const auto& m : run.constants) constants.push_back(view(m));
  auto pass = run.over_time();
  pass.forward({inputs, constants}, run.initial, keeping);
  pass.final_state(run.final_state);
  return pass.output();
}

template <class C>
void checkpoints_change_no_bit(Index units) {
  for (const Direction direction : {Direction::forward, Direction::backward})
    for (const Timeline& timeline : long_timelines()) {
      CellRun<C> whole(timeline, direction, units), parts(timeline, direction, units);
      const MatrixX<double> output = forward(whole, {});
      whole.backward();
      for (const Index every : {0, 1, 40, 1000}) {
        CHECK(same_bits(forward(parts, {Keep::checkpoints, every}), output));
        if (every == 1) CHECK(parts.tape.intervals.size() > 2);
        if (every == 1000) CHECK(parts.tape.intervals.size() == 1);
        parts.backward();
        for (std::size_t s = 0; s < whole.final_state.size(); ++s) {
          CHECK(same_bits(parts.final_state[s], whole.final_state[s]));
          CHECK(same_bits(parts.d_initial[s], whole.d_initial[s]));
        }
        CHECK(same_bits(parts.gradient, whole.gradient));
        for (std::size_t k = 0; k < whole.d_inputs.size(); ++k) CHECK(same_bits(parts.d_inputs[k], whole.d_inputs[k]));
        for (std::size_t k = 0; k < whole.d_constants.size(); ++k)
          CHECK(same_bits(parts.d_constants[k], whole.d_constants[k]));
      }
    }
}

}  // namespace

TEST_CASE("keeping: outputs and gradients have the same bits with checkpoints") {
  checkpoints_change_no_bit<Gru<double>>(60);
  checkpoints_change_no_bit<Lstm<double>>(60);
  checkpoints_change_no_bit<Conditioned>(60);
}

TEST_CASE("keeping: a pass that keeps nothing has equal outputs and refuses a backward pass") {
  for (const Direction direction : {Direction::forward, Direction::backward})
    for (const Timeline& timeline : long_timelines()) {
      CellRun<Lstm<double>> whole(timeline, direction, 60), nothing(timeline, direction, 60);
      const MatrixX<double> output = forward(whole, {});
      CHECK(same_bits(forward(nothing, {Keep::nothing}), output));
      CHECK(nothing.tape.intervals.size() > 2);
      for (std::size_t s = 0; s < 2; ++s) CHECK(same_bits(nothing.final_state[s], whole.final_state[s]));
      CHECK(nothing.tape.work.terms.capacity() < whole.tape.work.terms.capacity() / 2);
      CHECK_THROWS_MATCHES(nothing.backward(), ValueError, says("ran with Keep::nothing"));
      CHECK_THROWS_MATCHES(nothing.over_time().all_columns(), ValueError, says("Keep::everything"));
    }
}

TEST_CASE("keeping: a second pass of the same shape allocates no memory with checkpoints") {
  CellRun<Lstm<double>> run(Timeline::from_lengths({300, 280, 150}), Direction::backward, 60);
  const std::vector<ConstView<double>> inputs{view(std::as_const(run.inputs[0]))};
  std::vector<View<double>> d_inputs{view(run.d_inputs[0])};
  const auto both_ways = [&] {
    auto pass = run.over_time();
    pass.forward({inputs, {}}, run.initial, {Keep::checkpoints});
    pass.backward({inputs, {}}, view(std::as_const(run.d_output)), run.d_final, run.gradient.data(), {d_inputs, {}},
                  run.d_initial);
  };
  run.gradient.setZero(run.theta.size());
  both_ways();
  const support::AllocationCount allocations;
  both_ways();
  const auto count = allocations.count();
  CHECK(count == 0);
}

TEST_CASE("keeping: a pass without an initial state begins with zeros when its tape is reused") {
  for (const Direction direction : {Direction::forward, Direction::backward})
    for (const Keeping keeping : {Keeping{}, Keeping{Keep::checkpoints, 1}, Keeping{Keep::nothing}}) {
      const Timeline timeline = Timeline::from_lengths({300, 0, 10, 280, 150});
      CellRun<Lstm<double>> fresh(timeline, direction, 20), used(timeline, direction, 20);
      forward(used, keeping);
      if (keeping.keep != Keep::nothing) used.backward();
      for (auto* run : {&fresh, &used}) run->initial.clear(), run->d_final.clear();
      const MatrixX<double> output = forward(fresh, keeping);
      CHECK((fresh.tape.intervals.size() > 1) == (keeping.keep != Keep::everything));
      CHECK(same_bits(forward(used, keeping), output));
      for (std::size_t s = 0; s < 2; ++s) {
        CHECK(same_bits(used.final_state[s], fresh.final_state[s]));
        CHECK(used.final_state[s].col(1).isZero(0));  // of the sequence without steps
      }
      if (keeping.keep == Keep::nothing) continue;
      fresh.backward();
      used.backward();
      CHECK(same_bits(used.gradient, fresh.gradient));
      CHECK(same_bits(used.d_inputs[0], fresh.d_inputs[0]));
      for (std::size_t s = 0; s < 2; ++s) {
        CHECK(same_bits(used.d_initial[s], fresh.d_initial[s]));
        CHECK(used.d_initial[s].col(1).isZero(0));
      }
    }
}

}  // namespace test_keeping
