// Variants of a cell: units fixed at compile time, float, and hand-written.

#include "cells/all_cells.hpp"
#include "cells/every_cell.hpp"

namespace test_variants {

namespace {

using namespace cell_run;

template <class Fixed, class Dynamic>
void same_bits_with_fixed_units(Index units) {
  const Timeline timeline = timelines().back();
  CellRun<Fixed> fixed(timeline, Direction::forward, units);
  CellRun<Dynamic> dynamic(timeline, Direction::forward, units);
  CHECK(same_bits(fixed.forward(), dynamic.forward()));
  fixed.backward();
  dynamic.backward();
  CHECK(same_bits(fixed.gradient, dynamic.gradient));
  CHECK(same_bits(fixed.d_inputs[0], dynamic.d_inputs[0]));
}

}  // namespace

TEST_CASE("cells: results have the same bits when units are fixed at compile time") {
  same_bits_with_fixed_units<Gru<double, 8>, Gru<double>>(8);
  same_bits_with_fixed_units<Gru<float, 5>, Gru<float>>(5);
  same_bits_with_fixed_units<ProjectedLstm<double, 5>, ProjectedLstm<double>>(5);
  same_bits_with_fixed_units<Mgu<float, 13>, Mgu<float>>(13);
}

TEST_CASE("cells: float results do not depend on the batch and are reproducible") {
  batch_mates_change_nothing<Gru<float>>();
  batch_mates_change_nothing<PeepholeLstm<float>>();
  batch_mates_change_nothing<Mgu<float>>();
  batch_mates_change_nothing<Slstm<float>>();
  batch_mates_change_nothing<Scrn<float>>();
  runs_repeat_bit_for_bit<Gru<float>>();
  runs_repeat_bit_for_bit<Mgu<float>>();
}

TEST_CASE("gru: the cell derived from equations agrees with a hand-written cell") {
  for (const Direction direction : {Direction::forward, Direction::backward})
    for (const Timeline& timeline : timelines()) {
      CellRun<Gru<double>> derived(timeline, direction);
      CellRun<HandWrittenGru<double>> by_hand(timeline, direction);
      Parameters<double> from(derived.cell.parameters()), to(by_hand.cell.parameters());
      from.values() = derived.theta;
      for (const ParameterBlock& block : to.table().blocks()) to.block(block) = from[block.name];
      by_hand.theta = to.values();
      CHECK((by_hand.forward() - derived.forward()).norm() < 1e-12);
      CHECK((by_hand.final_state[0] - derived.final_state[0]).norm() < 1e-12);
      derived.backward();
      by_hand.backward();
      from.values() = derived.gradient;
      to.values() = by_hand.gradient;
      for (const ParameterBlock& block : to.table().blocks()) {
        INFO(block.name);
        CHECK((to.block(block) - from[block.name]).norm() < 1e-11);
      }
      CHECK((by_hand.d_inputs[0] - derived.d_inputs[0]).norm() < 1e-11);
      CHECK((by_hand.d_initial[0] - derived.d_initial[0]).norm() < 1e-11);
    }
}

TEST_CASE("slstm: outputs are finite when exponentials of its inputs overflow") {
  CellRun<Slstm<float>> run(Timeline::rectangular(3, 20));
  run.inputs[0] *= 400.f;
  for (auto& part : run.initial) part.setZero();
  const auto output = run.forward();
  CHECK(output.allFinite());
  CHECK(output.cwiseAbs().maxCoeff() <= 1.001f);
}

}  // namespace test_variants
