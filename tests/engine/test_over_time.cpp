// The engine: both directions against each other, chunks, several inputs and constants, and wrong arguments.

#include <unroll/cells/elman.hpp>
#include <unroll/cells/gru.hpp>
#include <unroll/cells/layer_norm.hpp>
#include <unroll/cells/lru.hpp>
#include <unroll/cells/rwkv.hpp>
#include <unroll/cells/scrn.hpp>
#include <unroll/engine/over_time.hpp>

#include "cells/cell_run.hpp"
#include "support/catch.hpp"

namespace test_over_time {

using namespace unroll;
using cell_run::CellRun;

namespace two_inputs {
using namespace unroll::symbols;
inline constexpr auto u = input<"u">;
inline constexpr auto k = constant<"k">;
inline constexpr auto equations = cell(state(h), next(h) = tanh(linear(x, h) + linear(k, u, no_bias)));
}  // namespace two_inputs

namespace {

using Conditioned = EquationCell<double, two_inputs::equations>;

/// Columns with the steps of each sequence reversed.
MatrixX<double> reversed(const MatrixX<double>& m, const Timeline& timeline) {
  MatrixX<double> out(m.rows(), m.cols());
  for (Index r = 0; r < timeline.batch(); ++r)
    for (Index k = 0; k < timeline.length(r); ++k)
      out.col(timeline.offset(k) + r) = m.col(timeline.offset(timeline.length(r) - 1 - k) + r);
  return out;
}

}  // namespace

TEST_CASE("over time: the backward direction equals the forward direction of reversed sequences") {
  for (const Timeline& timeline : cell_run::timelines()) {
    CellRun<Gru<double>> forward(timeline, Direction::forward), backward(timeline, Direction::backward);
    backward.inputs[0] = reversed(forward.inputs[0], timeline);
    backward.d_output = reversed(forward.d_output, timeline);
    CHECK(cell_run::same_bits(backward.forward(), reversed(forward.forward(), timeline)));
    CHECK(backward.final_state[0] == forward.final_state[0]);
    forward.backward();
    backward.backward();
    CHECK((backward.gradient - forward.gradient).norm() < 1e-12);
    CHECK((backward.d_inputs[0] - reversed(forward.d_inputs[0], timeline)).norm() < 1e-12);
    CHECK((backward.d_initial[0] - forward.d_initial[0]).norm() < 1e-12);
  }
}

// 3 x 300 columns of 400 kept rows exceed one chunk
TEST_CASE("over time: gradients are correct across chunks of steps") {
  for (const Direction direction : {Direction::forward, Direction::backward}) {
    CellRun<Gru<double>> run(Timeline::from_lengths({300, 120, 290}), direction, 100);
    run.theta *= 0.05;
    run.forward();
    run.backward();
    const auto loss = [&] {
      const double sum = run.forward().cwiseProduct(run.d_output).sum();
      return sum + run.final_state[0].cwiseProduct(run.d_final[0]).sum();
    };
    const GradientCheckOptions few{.step = 1e-5, .most = 12};
    const auto name = [](Index k) { return text("entry ", k); };
    const auto report = check_gradient(loss, run.theta, run.gradient, name, few);
    INFO(report.text());
    CHECK(report.worst < 1e-6);
    CHECK(check_gradient(loss, run.inputs[0].reshaped(), run.d_inputs[0].reshaped(), name, few).worst < 1e-6);
    CHECK(check_gradient(loss, run.initial[0].reshaped(), run.d_initial[0].reshaped(), name, few).worst < 1e-6);
  }
}

namespace {

/// Whether the pass of a cell over several chunks has the same bits for any number of threads.
template <class C>
void has_same_bits_with_threads(const CellSizes& sizes) {
  for (const Direction direction : {Direction::forward, Direction::backward})
    for (const Keep keep : {Keep::everything, Keep::checkpoints}) {
      const auto timeline = Timeline::from_lengths({250, 0, 260, 31});
      CellRun<C> alone(sizes, timeline, direction), shared(sizes, timeline, direction);
      alone.keeping = shared.keeping = {.keep = keep, .every = 200};
      alone.theta *= 0.1, shared.theta *= 0.1;
      const MatrixX<double> y = alone.forward();
      REQUIRE(alone.tape.chunks.size() > (keep == Keep::everything ? 2 : 1));
      alone.backward();
      for (const int threads : {2, 3}) {
        ThreadPool pool(threads);
        shared.threads = &pool;
        INFO(C::name << ", " << threads << " threads");
        CHECK(cell_run::same_bits(shared.forward(), y));
        shared.backward();
        CHECK(cell_run::same_bits(shared.gradient, alone.gradient));
        for (std::size_t k = 0; k < shared.d_inputs.size(); ++k)
          CHECK(cell_run::same_bits(shared.d_inputs[k], alone.d_inputs[k]));
        for (std::size_t s = 0; s < shared.final_state.size(); ++s) {
          CHECK(cell_run::same_bits(shared.final_state[s], alone.final_state[s]));
          CHECK(cell_run::same_bits(shared.d_initial[s], alone.d_initial[s]));
        }
      }
    }
}

}  // namespace

TEST_CASE("over time: threads that share the chunks of a pass do not change its bits") {
  has_same_bits_with_threads<Gru<double>>({.inputs = {9}, .units = 70});
  has_same_bits_with_threads<Lru<double>>({.inputs = {9}, .units = 40, .sizes = {{"outputs", 40}}});
  has_same_bits_with_threads<LayerNormGru<double>>({.inputs = {9}, .units = 70});
}

TEST_CASE("over time: what no state depends on is computed for many steps at once") {
  CHECK((Lru<double>::finishes && Scrn<double>::finishes && Rwkv6<double>::finishes));
  CHECK(!(Gru<double>::finishes || GruResetBefore<double>::finishes || Elman<double>::finishes));
}

TEST_CASE("over time: gradients are correct for two inputs and a constant") {
  for (const Direction direction : {Direction::forward, Direction::backward})
    for (const Timeline& timeline : cell_run::timelines()) {
      CellRun<Conditioned> run(timeline, direction);
      const auto report = run.check();
      INFO(report.text());
      CHECK(report.worst < 1e-6);
    }
}

TEST_CASE("over time: a missing initial state equals zeros") {
  CellRun<Gru<double>> given(Timeline::from_lengths({2, 0, 3})), none(Timeline::from_lengths({2, 0, 3}));
  given.initial[0].setZero();
  none.initial.clear();
  CHECK(cell_run::same_bits(given.forward(), none.forward()));
  CHECK(none.final_state[0].col(1).isZero(0));
}

TEST_CASE("over time: parameter gradients accumulate, and gradients of inputs are optional") {
  CellRun<Gru<double>> run(Timeline::from_lengths({2, 3}));
  run.forward();
  run.backward();
  const std::vector<ConstView<double>> x{view(std::as_const(run.inputs[0]))};
  std::vector<View<double>> unwanted{View<double>(nullptr, 0, 0, Eigen::OuterStride<>(0))};
  VectorX<double> sum = run.gradient;
  run.forward();
  run.over_time().backward({x, {}}, view(std::as_const(run.d_output)), run.d_final, sum.data(), {unwanted, {}});
  CHECK((sum - 2 * run.gradient).norm() < 1e-12);

  run.forward();
  sum.setZero();
  run.over_time().backward({x, {}}, nothing<double>(), {}, sum.data(), {unwanted, {}});
  CHECK(sum.isZero(0));  // without an incoming gradient
}

TEST_CASE("over time: refuses a second backward pass and one without its forward pass") {
  CellRun<Gru<double>> run(Timeline::from_lengths({2, 3}));
  run.forward();
  run.backward();
  CHECK_THROWS_MATCHES(run.backward(), ValueError, says("a backward pass has used its values"));

  CellRun<Gru<double>> never(Timeline::from_lengths({2, 3}));
  CHECK_THROWS_MATCHES(never.backward(), ValueError, says("cell: there was no forward pass"));
  run.forward();
  std::swap(run.tape, never.tape);
  never.timeline = Timeline::from_lengths({2, 4});
  never.inputs[0].resize(3, 6), never.d_inputs[0].resize(3, 6), never.d_output.resize(5, 6);
  CHECK_THROWS_MATCHES(never.backward(), ShapeError,
                       says("columns of the backward pass must be 5, as in the forward pass, got 6"));
}

TEST_CASE("over time: refuses inputs, constants and states of wrong sizes") {
  const auto refused = [](auto&& spoil, const char* message) {
    CellRun<Conditioned> run(Timeline::from_lengths({2, 3}));
    spoil(run);
    CHECK_THROWS_MATCHES(run.forward(), ShapeError, says(message));
  };
  refused([](auto& run) { run.inputs.pop_back(); }, "number of inputs must be 2, got 1");
  refused([](auto& run) { run.constants.clear(); }, "number of constants must be 1, got 0");
  refused([](auto& run) { run.inputs[1].resize(7, 5); }, "features of input 1 must be 2, got 7");
  refused([](auto& run) { run.inputs[0].resize(3, 4); }, "columns of input 0 must be 5, got 4");
  refused([](auto& run) { run.constants[0].resize(4, 3); }, "columns of constant 0 must be 2, got 3");
  refused([](auto& run) { run.initial[0].resize(5, 1); }, "columns of initial state 0 must be 2, got 1");
  refused([](auto& run) { run.initial.push_back(run.initial[0]); }, "matrices of initial state must be 1, got 2");

  CellRun<Conditioned> run(Timeline::from_lengths({2, 3}));
  run.forward();
  run.d_output.resize(5, 4);
  CHECK_THROWS_MATCHES(run.backward(), ShapeError, says("columns of gradient of output 0 must be 5, got 4"));
}

}  // namespace test_over_time
