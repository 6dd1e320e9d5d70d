// Element-wise operations: values, gradients, notation, and equal results of stream and pass.

#include <unroll/recurrence/describe.hpp>
#include <unroll/recurrence/run/stream/cell_stream.hpp>

#include "cells/cell_run.hpp"
#include "support/catch.hpp"

namespace test_operations {

using namespace unroll;
using cell_run::CellRun;

// clang-format off: equations keep their lines
namespace written {
using namespace unroll::symbols;
inline constexpr auto powers =
    cell(state(h), a = 1 + sigmoid(linear(x)), s = a + linear(h), next(h) = tanh(1 - pow(a, s - 1) * pow(2, s)));
inline constexpr auto operators =
    cell(state(h), a = linear(x, h), s = exp2(-a) * max(a / (2 + square(h)), -0.5) - min(a, clip(h, 0.75)),
         next(h) = tanh(0.5 * pow(1 + square(a), s) + s));
inline constexpr auto many_terms =
    cell(state(h), next(h) = tanh(linear(x) * linear(h) + linear(h) * linear(x) - linear(h)));
}  // namespace written
// clang-format on

namespace {

using One = Lanes<double>;

/// Gradient of the left or right operand for gradient `g` of the result, given operands and result.
template <class Operation>
double gradient(const Operation& operation, double left, double right, bool of_left, double g) {
  const One l{left}, r{right}, y = operation.value(l, r);
  const GradientOperands<Reads{true, true, true}, One> operands{l, r, y};
  return (of_left ? operation.left_gradient(One{g}, operands) : operation.right_gradient(One{g}, operands)).v;
}

template <class Operation>
double value(const Operation& operation, double left, double right) {
  return operation.value(One{left}, One{right}).v;
}

template <const auto& equations>
void check_stream_of() {
  using C = EquationCell<double, equations>;
  for (const Index units : {1, 5, 16, 21}) {
    CellRun<C> run(Timeline::rectangular(1, 9), Direction::forward, units);
    run.initial[0].setZero();
    const MatrixX<double> forward = run.forward();
    const detail::CellStream<double, typename C::Derivation, detail::FixedRows{}> stream(run.cell.layout(),
                                                                                         run.theta.data());
    VectorX<double> memory = VectorX<double>::Zero(stream.memory_rows());
    for (Index t = 0; t < forward.cols(); ++t) {
      const double* const output = stream.step(run.inputs[0].col(t).data(), memory.data(), t % 2);
      CHECK((Eigen::Map<const VectorX<double>>(output, units) - forward.col(t)).norm() < 1e-12);
    }
  }
}

}  // namespace

TEMPLATE_TEST_CASE("operations: gradients of two operands match central differences", "", language::Add,
                   language::Subtract, language::Multiply, language::Divide, language::Maximum, language::Minimum,
                   language::Power) {
  const TestType operation;
  const double step = 1e-6;
  for (const double left : {0.25, 1.5, 3.0})
    for (const double right : {-2.0, 0.75, 2.5}) {
      const double by_left = value(operation, left + step, right) - value(operation, left - step, right);
      const double by_right = value(operation, left, right + step) - value(operation, left, right - step);
      INFO(left << " " << TestType::name << " " << right);
      CHECK(std::abs(gradient(operation, left, right, true, 0.5) - by_left / (4 * step)) < 1e-7);
      CHECK(std::abs(gradient(operation, left, right, false, 0.5) - by_right / (4 * step)) < 1e-7);
    }
}

TEST_CASE("pow: values equal those of the standard library, NaN for a negative base") {
  for (const double a : {1e-3, 0.5, 1.0, 7.25})
    for (const double b : {-3.0, 0.0, 0.5, 4.0})
      CHECK(std::abs(value(language::Power{}, a, b) - std::pow(a, b)) <= 1e-14 * std::pow(a, b));
  CHECK(value(language::Power{}, 0, 2) == 0);
  CHECK(std::isnan(value(language::Power{}, -1, 2)));
}

TEST_CASE("pow: text, LaTeX and source notation are correct") {
  const EquationCell<double, written::powers> cell({.inputs = {3}, .units = 4});
  CHECK(describe(cell).ends_with("h' = tanh(1 - pow(a, s - 1) * pow(2, s))\n"));
  CHECK(describe(cell, Notation::source).ends_with("next(h) = tanh(1 - pow(a, s - 1) * pow(2, s))\n"));
  CHECK(describe(cell, Notation::latex).find("\\mathrm{pow}\\left(a_{t}, s_{t} - 1\\right)") != std::string::npos);
}

TEST_CASE("exp2: text and LaTeX are correct") {
  const EquationCell<double, written::operators> cell({.inputs = {3}, .units = 4});
  CHECK(describe(cell).find("s = exp2(-a) * max(") != std::string::npos);
  CHECK(describe(cell, Notation::latex).find("\\mathrm{exp2}\\left(-a_{t}\\right) \\odot \\max\\left(") !=
        std::string::npos);
}

TEST_CASE("operations: a stream computes the values of a pass") {
  check_stream_of<written::powers>();
  check_stream_of<written::operators>();
  check_stream_of<written::many_terms>();
}

}  // namespace test_operations
