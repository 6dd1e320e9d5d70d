// Returns::last of cells whose output no state depends on: such a layer computes the outputs of last steps only.

#include <limits>
#include <unroll/cells/lru.hpp>
#include <unroll/cells/matrix_memory.hpp>
#include <unroll/cells/rwkv.hpp>
#include <unroll/cells/scrn.hpp>
#include <unroll/layers/bidirectional.hpp>

#include "layers/model_run.hpp"
#include "support/catch.hpp"

namespace test_last_outputs {

using namespace unroll;
using namespace model_run;

// A late stage behind two others, with an element-wise product of the input's terms, biases, and no other state.
namespace gated {
using namespace unroll::symbols;
inline constexpr auto q = symbol<"q">;
inline constexpr auto y = symbol<"y">;
inline constexpr auto rh = symbol<"rh">;
inline constexpr auto equations =
    cell(state(h), r = sigmoid(linear(x, h)), rh = r * h, next(h) = tanh(linear(x) + linear(rh, no_bias)),
         q = sigmoid(linear(x)), y = q * tanh(linear(next(h), x)) + linear(x), output(y));
}  // namespace gated

namespace {

constexpr Index features = 6;

template <class Options>
struct Run {
  Sequential<double, Options> model;
  typename Sequential<double, Options>::Tape tape;
  Parameters<double> gradient;
  MatrixX<double> out, d_x;
  ModelState<double> d_initial;

  explicit Run(Options options) : model(features, std::move(options)) {
    randomise(model, 5, 0.3);
    gradient = model.parameters().zeros_like();
  }
  void forward(const MatrixX<double>& x, const Timeline& timeline, const Pass& pass,
               const ModelState<double>& initial) {
    out = model.forward(x, timeline, tape, pass, initial);
  }
  void backward(const MatrixX<double>& d_out, const ModelState<double>& d_final) {
    gradient.values().setZero();
    model.backward(tape, d_out, gradient, &d_x, d_final, &d_initial);
  }
};

double distance(const MatrixX<double>& a, const MatrixX<double>& b) { return (a - b).norm() / std::max(1., b.norm()); }

Index last_of(const Timeline& timeline, Index rank, Direction direction) {
  return timeline.offset(direction == Direction::forward ? timeline.length(rank) - 1 : 0) + rank;
}

/// Compares a layer that returns the last output with one that returns all of them.
template <class Options>
void compare(Options options, const Timeline& timeline, Keeping keeping, ThreadPool* threads) {
  const Direction direction = options.direction;
  Run<Options> steps(options);
  options.returns = Returns::last;
  Run<Options> last(options);
  const MatrixX<double> x = noise(features, timeline.columns(), 2);
  const ModelState<double> initial = random_state(steps.model, timeline, 20),
                           d_final = random_state(steps.model, timeline, 30);
  Pass pass;
  pass.keeping = keeping, pass.threads = threads;

  // NaN in all values of an earlier pass: none may be read in the next.
  const MatrixX<double> invalid =
      MatrixX<double>::Constant(features, timeline.columns(), std::numeric_limits<double>::quiet_NaN());
  last.forward(invalid, timeline, {}, {});
  last.model.template trace<0>(last.model.template layer<0>().cell().program.equation[0].name, last.tape);
  steps.forward(x, timeline, pass, initial);
  last.forward(x, timeline, pass, initial);
  MatrixX<double> d_out = noise(steps.out.rows(), timeline.batch(), 8);
  MatrixX<double> d_steps = MatrixX<double>::Zero(steps.out.rows(), timeline.columns());
  for (Index r = 0; r < timeline.batch(); ++r) {
    if (timeline.length(r) == 0) {
      CHECK(last.out.col(r).isZero(0));
      continue;
    }
    CHECK(same_bits(last.out.col(r), steps.out.col(last_of(timeline, r, direction))));
    d_steps.col(last_of(timeline, r, direction)) = d_out.col(r);
  }
  CHECK(last.model.final_state(last.tape)[0][0] == steps.model.final_state(steps.tape)[0][0]);
  if (keeping.keep == Keep::nothing) return;
  steps.backward(d_steps, d_final);
  last.backward(d_out, d_final);
  CHECK(distance(last.gradient.values(), steps.gradient.values()) < 1e-13);
  CHECK(distance(last.d_x, steps.d_x) < 1e-13);
  for (std::size_t s = 0; s < initial[0].size(); ++s)
    CHECK(distance(last.d_initial[0][s], steps.d_initial[0][s]) < 1e-13);
  if (threads == nullptr) return;
  Run<Options> alone(options);
  pass.threads = nullptr;
  alone.forward(x, timeline, pass, initial);
  alone.backward(d_out, d_final);
  CHECK(same_bits(alone.gradient.values(), last.gradient.values()));
  CHECK(same_bits(alone.d_x, last.d_x));
}

template <class Options>
void compare_all(const Options& given, bool leaves_out) {
  using C = typename Options::template Cell<double>;
  CHECK(C::finishes_some == leaves_out);
  ThreadPool two(2);
  for (const Timeline& timeline : {Timeline::from_lengths({2, 0, 5, 3}), Timeline::from_lengths({1, 1, 1}),
                                   Timeline::from_lengths({0, 0}), Timeline::from_lengths({700, 0, 260, 690, 700})})
    for (const Direction direction : {Direction::forward, Direction::backward})
      for (const Keeping keeping : {Keeping{}, Keeping{Keep::checkpoints, 1}, Keeping{Keep::nothing}})
        for (ThreadPool* const threads : {static_cast<ThreadPool*>(nullptr), &two}) {
          Options options = given;
          options.direction = direction;
          INFO(C::program.states << " states, batch " << timeline.batch() << ", keeps " << int(keeping.keep));
          compare(options, timeline, keeping, threads);
        }
}

}  // namespace

TEST_CASE("last outputs: equal those of a layer that returns all steps, and so do all gradients") {
  compare_all(Recurrent<Lru>{.units = 4, .sizes = {{"outputs", 3}}}, true);
  compare_all(Recurrent<EquationsOf<gated::equations>::Cell>{.units = 4}, true);
  compare_all(Recurrent<GatedDeltaNet>{.units = 4, .sizes = {{"keys", 3}}}, true);
  compare_all(Recurrent<Rwkv6>{.units = 4, .sizes = {{"rank", 2}}}, true);
  compare_all(Recurrent<Scrn>{.units = 4, .sizes = {{"context", 3}, {"outputs", 2}}}, false);
}

TEST_CASE("last outputs: gradients agree with finite differences, in both directions") {
  for (const Direction direction : {Direction::forward, Direction::backward}) {
    const Recurrent<Lru> lru{.units = 3, .direction = direction, .returns = Returns::last, .sizes = {{"outputs", 2}}};
    const Recurrent<EquationsOf<gated::equations>::Cell> own{
        .units = 3, .direction = direction, .returns = Returns::last};
    for (const auto& report : {gradients(Sequential<double, Recurrent<Lru>>(2, lru)),
                               gradients(Sequential<double, Recurrent<EquationsOf<gated::equations>::Cell>>(2, own))}) {
      INFO(report.text());
      CHECK(report.worst < 1e-6);
    }
  }
  const Bidirectional<Lru> both{.units = 3, .returns = Returns::last, .sizes = {{"outputs", 2}}};
  const auto report = gradients(Sequential<double, Bidirectional<Lru>>(2, both));
  INFO(report.text());
  CHECK(report.worst < 1e-6);
}

TEST_CASE("last outputs: traces have the values of all steps, and the backward pass after them is the same") {
  const Timeline timeline = Timeline::from_lengths({2, 0, 5, 3});
  const MatrixX<double> x = noise(features, timeline.columns(), 2), d_out = noise(3, timeline.batch(), 8);
  Run<Recurrent<Lru>> steps({.units = 4, .sizes = {{"outputs", 3}}});
  Run<Recurrent<Lru>> last({.units = 4, .returns = Returns::last, .sizes = {{"outputs", 3}}});
  steps.forward(x, timeline, {}, {});
  last.forward(x, timeline, {}, {});
  last.backward(d_out, {});
  const VectorX<double> untraced = last.gradient.values();
  last.forward(x, timeline, {}, {});
  CHECK(same_bits(last.model.trace<0>("y", last.tape), steps.out));
  CHECK(same_bits(last.model.trace<0>("s_re", last.tape), steps.model.trace<0>("s_re", steps.tape)));
  last.backward(d_out, {});
  CHECK(same_bits(last.gradient.values(), untraced));
}

TEST_CASE("last outputs: a value that is not finite is located in the outputs that are left out") {
  const Timeline timeline = Timeline::from_lengths({4, 2});
  Run<Recurrent<Lru>> last({.units = 4, .returns = Returns::last, .sizes = {{"outputs", 3}}});
  MatrixX<double> x = noise(features, timeline.columns(), 2);
  last.model.parameters()["0.y.x"].setConstant(1e200);  // only the output overflows
  x.col(timeline.offset(1)).setConstant(1e200);
  last.forward(x, timeline, {}, {});
  CHECK(last.out.allFinite());
  const std::string found = last.model.locate_non_finite(last.tape);
  INFO(found);
  CHECK(found.find("equation 'y'") != std::string::npos);
  CHECK(found.find("step 1") != std::string::npos);
}

}  // namespace test_last_outputs
