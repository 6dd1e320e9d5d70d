// Numbers of units around the register widths, and more columns than share a register: the last rows of several columns
// may be in one.

#include <unroll/recurrence/equation_cell.hpp>

#include "cells/cell_run.hpp"
#include "support/catch.hpp"

namespace test_registers {

using namespace unroll;
using cell_run::CellRun;

// clang-format off: equations keep their lines
namespace registers {
using namespace unroll::symbols;
inline constexpr auto p = symbol<"p">;
inline constexpr auto q = symbol<"q">;
inline constexpr auto r = symbol<"r">;
inline constexpr auto b = symbol<"b">;

// Stand-alone weights of every kind: one read in an early and again in a later stage, one shared by all units.
inline constexpr auto single_weights =
    cell(state(h, c), a = tanh(linear(x) + weight(p) * c + bias(b)), next(c) = a * scalar(q) + c * weight(p),
         next(h) = tanh(linear(a) + weight(r) * next(c)));

inline constexpr auto larger_and_smaller = cell(state(h, c), next(h) = max(h, c), next(c) = min(h, c));
}  // namespace registers
// clang-format on

TEST_CASE("pass kernel: gradients of single weights are correct for every number of units and columns") {
  using C = EquationCell<double, registers::single_weights>;
  using Narrow = EquationCell<float, registers::single_weights>;
  for (const auto& timeline : {Timeline::rectangular(4, 2), Timeline::from_lengths({2, 3, 1, 2, 3, 3, 2, 3, 1})})
    for (Index units = 1; units <= 20; ++units) {
      INFO(units << " units, " << timeline.batch() << " sequences");
      CellRun<C> run(timeline, Direction::forward, units);
      const GradientReport report = run.check();
      INFO(report.text());
      CHECK(report.worst < 1e-6);
      CellRun<Narrow> narrow(timeline, Direction::forward, units);
      narrow.forward();
      narrow.backward();
      CHECK((narrow.gradient.cast<double>() - run.gradient).norm() < 1e-5 * run.gradient.norm());
    }
}

TEST_CASE("pass kernel: equal operands of max and min have half of the gradient each, as in PyTorch") {
  CellRun<EquationCell<double, registers::larger_and_smaller>> run(Timeline::rectangular(3, 1));
  run.initial[0].rowwise() = Eigen::RowVector3d(2, 1, 1);  // larger, equal, smaller
  run.initial[1].rowwise() = Eigen::RowVector3d(1, 1, 2);
  run.d_output.setZero();
  run.d_final[0].setConstant(8);  // gradient of max(h, c)
  run.d_final[1].setConstant(2);
  run.forward();
  run.backward();
  for (Index unit = 0; unit < 5; ++unit) {
    CHECK(run.d_initial[0].row(unit) == Eigen::RowVector3d(8, 5, 2));
    CHECK(run.d_initial[1].row(unit) == Eigen::RowVector3d(2, 5, 8));
  }
}

}  // namespace test_registers
