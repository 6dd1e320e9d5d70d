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

TEST_CASE("cells: mlstm and gated deltanet with heads have right values and gradients") {
  is_right<HeadedMlstm<double>>({.inputs = {3}, .units = 6, .sizes = {{"heads", 2}, {"keys", 3}}});
  is_right<HeadedGatedDeltaNet<double>>({.inputs = {3}, .units = 6, .sizes = {{"heads", 2}, {"keys", 3}}});
}

namespace {

/// Whether a cell with heads equals cells of one head that have the parameters of their heads side by side. `rows` are
/// those of a block in one head, where 0 is a block that the heads share.
template <class Headed, class One>
void has_separate_heads(Index heads, const std::vector<std::string>& blocks) {
  const Index units = 3, keys = 3;
  CellRun<Headed> all({.inputs = {4}, .units = heads * units, .sizes = {{"heads", heads}, {"keys", keys}}},
                      Timeline::rectangular(2, 5));
  for (MatrixX<double>& state : all.initial) state.setZero();
  const Parameters<double> given = [&] {
    Parameters<double> parameters(all.cell.parameters());
    parameters.values() = all.theta;
    return parameters;
  }();
  const MatrixX<double> y = all.forward();
  for (Index head = 0; head < heads; ++head) {
    CellSizes sizes{.inputs = {4}, .units = units};
    if (One::name == "gated deltanet") sizes.sizes = {{"keys", keys}};
    CellRun<One> one(sizes, Timeline::rectangular(2, 5));
    Parameters<double> parameters(one.cell.parameters());
    for (const std::string& block : blocks) {
      const Index rows = parameters[block].rows();
      parameters[block] = given[block].middleRows(head * rows, rows);
    }
    one.theta = parameters.values();
    one.inputs = all.inputs;
    for (MatrixX<double>& state : one.initial) state.setZero();
    INFO(Headed::name << ", head " << head);
    CHECK((one.forward() - y.middleRows(head * units, units)).norm() < 1e-12);
  }
}

}  // namespace

TEST_CASE("cells: a cell with heads equals one cell for each head") {
  has_separate_heads<HeadedMlstm<double>, Mlstm<double>>(
      3, {"q.x", "q.b", "k.x", "k.b", "v.x", "v.b", "o.x", "o.b", "i.x", "i.b", "f.x", "f.b"});
  has_separate_heads<HeadedGatedDeltaNet<double>, GatedDeltaNet<double>>(
      3, {"a.x", "b.x", "v.x", "alpha.x", "alpha.b", "rate", "beta.x", "y.x"});
}

TEST_CASE("cells: heads that do not divide the sizes are refused") {
  const auto made = [](Index units, Index heads) {
    HeadedMlstm<float>({.inputs = {2}, .units = units, .sizes = {{"heads", heads}, {"keys", 2}}});
  };
  CHECK_NOTHROW(made(6, 3));
  CHECK_THROWS_AS(made(6, 4), ShapeError);
  CHECK_THROWS_AS(made(2, 4), ShapeError);
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
