// Cells with several inputs or restricted sizes and parameters, which the list of all_cells.hpp does not have.

#include <unroll/unroll.hpp>

#include "cells/every_cell.hpp"

namespace test_sized_cells {

namespace {

using namespace cell_run;

/// Gradients and values for all timelines. Parameters of `positive` are between 0.4 and 0.9.
template <class C>
void is_right(const CellSizes& sizes, const std::vector<std::string>& positive = {}) {
  for (const Direction direction : {Direction::forward, Direction::backward})
    for (const Timeline& timeline : timelines()) {
      CellRun<C> run(sizes, timeline, direction);
      Parameters<double> parameters(run.cell.parameters());
      parameters.values() = run.theta;
      for (const std::string& block : positive) parameters[block] = 0.65 + 0.25 * parameters[block].array().sin();
      run.theta = parameters.values();
      const GradientReport report = run.check();
      INFO(C::name << ", " << timeline.steps() << " steps: " << report.text());
      CHECK(report.worst < 1e-6);
      const ReferenceValues expected = Reference<C>(run)();
      CHECK((run.forward() - expected.output).norm() < 1e-12);
      for (std::size_t s = 0; s < run.final_state.size(); ++s)
        CHECK((run.final_state[s] - expected.final_state[s]).norm() < 1e-12);
    }
}

}  // namespace

TEST_CASE("cells: cfc, gru-d and phased lstm have right values and gradients") {
  is_right<Cfc<double>>({.inputs = {3, 1}, .units = 5, .sizes = {{"backbone", 4}}});
  is_right<GruD<double>>({.inputs = {3, 3, 3}, .units = 5, .constants = {3}});
  is_right<StandardizedGruD<double>>({.inputs = {3, 3, 3}, .units = 5});
  is_right<PhasedLstm<double>>({.inputs = {1, 3}, .units = 5}, {"period", "r_on"});
}

TEST_CASE("cells: ltc and slstm with heads have right values and gradients") {
  is_right<Ltc<double>>({.inputs = {3}, .units = 5}, {"cm", "gleak", "w_x", "w_h"});
  is_right<HeadedSlstm<double>>({.inputs = {3}, .units = 8});
}

TEST_CASE("slstm: heads do not read each other, and one head is the cell without heads") {
  using One = SlstmWith<1>::Cell<double>;
  CellRun<HeadedSlstm<double>> run(CellSizes{.inputs = {3}, .units = 8}, Timeline::rectangular(1, 3));
  const MatrixX<double> y = run.forward();
  run.initial[0](7, 0) += 1;  // of the last head
  const MatrixX<double> changed = run.forward();
  CHECK(same_bits(y.topRows(6), changed.topRows(6)));
  CHECK((y - changed).bottomRows(2).norm() > 1e-3);
  CellRun<One> one(CellSizes{.inputs = {3}, .units = 5}, Timeline::rectangular(2, 4));
  CellRun<Slstm<double>> whole(CellSizes{.inputs = {3}, .units = 5}, Timeline::rectangular(2, 4));
  Parameters<double> ours(one.cell.parameters()), theirs(whole.cell.parameters());
  theirs.values() = whole.theta;
  for (const std::string gate : {"i", "f", "z", "o"}) {
    ours[gate + ".x"] = theirs[gate + ".x"], ours[gate + ".b"] = theirs[gate + ".b"];
    ours[gate + "2.h"] = theirs[gate + ".h"];
  }
  one.theta = ours.values();
  one.inputs = whole.inputs, one.initial = whole.initial;
  CHECK((one.forward() - whole.forward()).norm() < 1e-12);
}

}  // namespace test_sized_cells
