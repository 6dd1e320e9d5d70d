#include <unroll/cells/elman.hpp>
#include <unroll/cells/lru.hpp>
#include <unroll/cells/lstm.hpp>
#include <unroll/layers/bidirectional.hpp>
#include <unroll/layers/dense.hpp>

#include "layers/model_run.hpp"
#include "support/catch.hpp"

namespace test_recurrent {

using namespace unroll;
using namespace model_run;

namespace {

template <class S>
using TwoStates = Lstm<S>;  // two states, to test their order
constexpr Index units = 4, features = 3;

const auto timeline = Timeline::from_lengths({2, 0, 5, 3});
const MatrixX<double> x = noise(features, timeline.columns(), 2);

State<double> some_state(std::uint64_t seed, int states = 2) {
  State<double> state;
  for (int s = 0; s < states; ++s) state.push_back(noise(units, timeline.batch(), seed + std::uint64_t(s)));
  return state;
}

template <class L>
struct One {
  Sequential<double, L> model;
  typename Sequential<double, L>::Tape tape;
  Parameters<double> gradient;

  explicit One(L layer) : model(features, std::move(layer)) {
    randomise(model);
    gradient = model.parameters().zeros_like();
  }
  MatrixX<double> forward(const State<double>& initial = {}) {
    if (initial.empty()) return model.forward(x, timeline, tape);
    return model.forward(x, timeline, tape, {}, {initial});
  }
};

using OneRecurrent = One<Recurrent<TwoStates>>;
using OneBidirectional = One<Bidirectional<TwoStates>>;

/// Last column of each sequence in the given direction, by rank; 0 for a sequence without steps.
MatrixX<double> ends(const MatrixX<double>& steps, Direction direction) {
  MatrixX<double> last = MatrixX<double>::Zero(steps.rows(), timeline.batch());
  for (Index c = 0; c < steps.cols(); ++c) {
    const Index rank = timeline.rank_of(c);
    if (timeline.step_of(c) == (direction == Direction::forward ? timeline.length(rank) - 1 : 0))
      last.col(rank) = steps.col(c);
  }
  return last;
}

}  // namespace

TEST_CASE("recurrent: outputs, states and gradients equal those of its cell over time") {
  const auto direction = GENERATE(Direction::forward, Direction::backward);
  OneRecurrent one({.units = units, .direction = direction});
  const auto initial = some_state(20), d_final = some_state(30);
  const MatrixX<double> out = one.forward(initial);

  const TwoStates<double> cell(CellSizes{.inputs = {features}, .units = units});
  Tape<TwoStates<double>> tape;
  OverTime<TwoStates<double>> run(cell, timeline, direction, tape, one.model.parameters().values().data());
  const ConstView<double> in = view(x);
  run.forward({{&in, 1}, {}}, initial);
  CHECK(same_bits(out, run.output()));
  State<double> want(2);
  run.final_state(want);
  const auto got = one.model.final_state(one.tape);
  REQUIRE(got.size() == 1);
  for (std::size_t s = 0; s < 2; ++s) {
    CHECK(same_bits(got[0][s], want[s]));
    CHECK(same_bits(got[0][s].col(1), initial[s].col(1)));  // the sample without steps
  }

  const MatrixX<double> d_out = noise(units, x.cols(), 8);
  MatrixX<double> d_x, want_d_x(features, x.cols());
  ModelState<double> d_initial;
  one.model.backward(one.tape, d_out, one.gradient, &d_x, {d_final}, &d_initial);
  VectorX<double> want_gradient = VectorX<double>::Zero(one.gradient.size());
  State<double> want_initial(2);
  View<double> d_in = view(want_d_x);
  run.backward({{&in, 1}, {}}, view(d_out), d_final, want_gradient.data(), {{&d_in, 1}, {}}, want_initial);
  CHECK(same_bits(one.gradient.values(), want_gradient));
  CHECK(same_bits(d_x, want_d_x));
  for (std::size_t s = 0; s < 2; ++s) CHECK(same_bits(d_initial[0][s], want_initial[s]));
  CHECK(same_bits(d_initial[0][1].col(1), d_final[1].col(1)));
}

TEST_CASE("recurrent: Returns::last gives the last column of the direction") {
  const auto direction = GENERATE(Direction::forward, Direction::backward);
  OneRecurrent steps({.units = units, .direction = direction});
  OneRecurrent last({.units = units, .direction = direction, .returns = Returns::last});
  const auto initial = some_state(20);
  CHECK(same_bits(last.forward(initial), ends(steps.forward(initial), direction)));
  CHECK(!last.model.per_step());
  CHECK(last.model.output_timeline(last.tape).columns() == 4);
}

TEST_CASE("recurrent: gradients of Returns::last equal those of steps whose gradient is 0 but at the last one") {
  const auto direction = GENERATE(Direction::forward, Direction::backward);
  const bool with_final = GENERATE(false, true);
  const MatrixX<double> d_out = noise(units, timeline.batch(), 8);
  const auto initial = some_state(20);
  const ModelState<double> d_final = with_final ? ModelState<double>{some_state(30)} : ModelState<double>{};

  const auto check = [&](auto steps, auto last, double tolerance) {
    steps.forward(initial), last.forward(initial);
    MatrixX<double> d_steps = MatrixX<double>::Zero(units, x.cols()), d_x, want_d_x;
    for (Index c = 0; c < x.cols(); ++c)
      if (timeline.step_of(c) == (direction == Direction::forward ? timeline.length(timeline.rank_of(c)) - 1 : 0))
        d_steps.col(c) = d_out.col(timeline.rank_of(c));
    ModelState<double> d_initial, want_d_initial;
    steps.model.backward(steps.tape, d_steps, steps.gradient, &want_d_x, d_final, &want_d_initial);
    last.model.backward(last.tape, d_out, last.gradient, &d_x, d_final, &d_initial);
    CHECK((last.gradient.values() - steps.gradient.values()).norm() <= tolerance);
    CHECK((d_x - want_d_x).norm() <= tolerance);
    for (std::size_t s = 0; s < 2; ++s) CHECK(d_initial[0][s] == want_d_initial[0][s]);
  };
  check(OneRecurrent({.units = units, .direction = direction}),
        OneRecurrent({.units = units, .direction = direction, .returns = Returns::last}), 0);
  using Lrus = Recurrent<Lru>;  // its output is no state, and the sums of its gradient have fewer terms
  check(One<Lrus>({.units = units, .direction = direction, .sizes = {{"outputs", units}}}),
        One<Lrus>({.units = units, .direction = direction, .returns = Returns::last, .sizes = {{"outputs", units}}}),
        1e-13);
}

TEST_CASE("recurrent: Returns::last refuses gradients of final states of other sizes") {
  OneRecurrent last({.units = units, .returns = Returns::last});
  const MatrixX<double> d_out = noise(units, timeline.batch(), 8);
  const auto refused = [&](State<double> d_final, const std::string& message) {
    last.forward();
    CHECK_THROWS_MATCHES(last.model.backward(last.tape, d_out, last.gradient, nullptr, {std::move(d_final)}),
                         ShapeError, says(message));
  };
  refused(some_state(30, 1), "2, got 1");
  refused(some_state(30, 3), "2, got 3");
  for (const std::size_t s : {std::size_t(0), std::size_t(1)}) {
    State<double> narrow = some_state(30);
    narrow[s].conservativeResize(Eigen::NoChange, 3);
    refused(narrow, "4, got 3");
  }
}

TEST_CASE("bidirectional: merges two cells of opposite directions") {
  const auto merge = GENERATE(Merge::concat, Merge::sum, Merge::product, Merge::average);
  const auto returns = GENERATE(Returns::steps, Returns::last);
  OneBidirectional both({.units = units, .merge = merge, .returns = returns});
  OneRecurrent forward({.units = units}), backward({.units = units, .direction = Direction::backward});
  const Index half = forward.model.parameters().size();
  forward.model.parameters().values() = both.model.parameters().values().head(half);
  backward.model.parameters().values() = both.model.parameters().values().tail(half);
  CHECK(same_bits(both.model.parameters()["0.backward.f.h"], backward.model.parameters()["0.f.h"]));

  const auto first = some_state(20), second = some_state(40);
  State<double> initial = first;
  initial.insert(initial.end(), second.begin(), second.end());
  MatrixX<double> a = forward.forward(first), b = backward.forward(second);
  if (returns == Returns::last) a = ends(a, Direction::forward), b = ends(b, Direction::backward);
  MatrixX<double> want = a;
  if (merge == Merge::concat) want.conservativeResize(2 * units, Eigen::NoChange), want.bottomRows(units) = b;
  if (merge == Merge::sum) want = a + b;
  if (merge == Merge::product) want = a.cwiseProduct(b);
  if (merge == Merge::average) want = (a + b) / 2;
  CHECK(same_bits(both.forward(initial), want));
  CHECK(both.model.outputs() == want.rows());

  const auto state = both.model.final_state(both.tape)[0];
  CHECK(same_bits(state[1], forward.model.final_state(forward.tape)[0][1]));
  CHECK(same_bits(state[2], backward.model.final_state(backward.tape)[0][0]));

  auto model =
      sequential<double>(features, Bidirectional<TwoStates>{.units = units, .merge = merge, .returns = returns});
  const auto report = gradients(model);
  INFO(report.text());
  CHECK(report.worst < 1e-6);
}

TEST_CASE("recurrent: gradients match central differences for each direction and Returns") {
  const auto direction = GENERATE(Direction::forward, Direction::backward);
  const auto returns = GENERATE(Returns::steps, Returns::last);
  const auto report = gradients(
      sequential<double>(features, Recurrent<TwoStates>{.units = units, .direction = direction, .returns = returns}));
  INFO(report.text());
  CHECK(report.worst < 1e-6);
}

TEST_CASE("recurrent: gradients of final states alone match central differences") {
  // The layers after the recurrent one get no gradient and must propagate none.
  auto model = sequential<double>(features, Dense{.units = 3}, Recurrent<TwoStates>{.units = units}, Dense{.units = 2});
  randomise(model);
  decltype(model)::Tape tape;
  ModelState<double> initial{{}, some_state(20), {}}, d_final{{}, some_state(30), {}}, d_initial;
  MatrixX<double> input = x, d_x;
  const auto loss = [&] {
    model.forward(input, timeline, tape, {}, initial);
    const auto state = model.final_state(tape);
    return state[1][0].cwiseProduct(d_final[1][0]).sum() + state[1][1].cwiseProduct(d_final[1][1]).sum();
  };
  auto gradient = model.parameters().zeros_like();
  for (int k = 0; k < 2; ++k) {  // with new buffers, then with those of a pass with an output gradient
    loss();
    gradient.values().setZero();
    model.backward(tape, MatrixX<double>(), gradient, &d_x, d_final, &d_initial);
    auto report = check_gradient(loss, model.parameters().values(), gradient.values(),
                                 [&](Index e) { return entry_name(model.parameters().table(), e); }, {.step = 1e-5});
    report += check_gradient(loss, input.reshaped(), d_x.reshaped(), [](Index e) { return text("input ", e); },
                             {.step = 1e-5});
    for (std::size_t s = 0; s < 2; ++s)
      report += check_gradient(loss, initial[1][s].reshaped(), d_initial[1][s].reshaped(),
                               [](Index e) { return text("state ", e); }, {.step = 1e-5});
    INFO(report.text());
    CHECK(report.worst < 1e-6);
    CHECK(gradient["2.weight"].isZero(0));
    loss();
    model.backward(tape, MatrixX<double>(noise(2, x.cols())), gradient);
  }
  auto plain = sequential<double>(features, Dense{.units = 3});
  decltype(plain)::Tape plain_tape;
  auto none = plain.parameters().zeros_like();
  plain.forward(x, timeline, plain_tape);
  plain.backward(plain_tape, MatrixX<double>(), none, &d_x);
  CHECK(d_x.isZero(0));
}

TEST_CASE("recurrent: windows with carried states have the bits of the whole sequence") {
  auto model = sequential<double>(features, Recurrent<TwoStates>{.units = units}, Dense{.units = 3},
                                  Recurrent<Elman>{.units = 2});
  randomise(model);
  CHECK(model.causal());
  decltype(model)::Tape whole, part;
  const MatrixX<double> want = model.forward(x, timeline, whole);
  const auto want_state = model.final_state(whole);
  ModelState<double> state;
  for (const auto& [first, last] : {std::pair<Index, Index>{0, 1}, {1, 4}, {4, 5}}) {
    const auto window = timeline.window(first, last);
    const auto columns = x.middleCols(timeline.offset(first), window.columns());
    CHECK(same_bits(model.forward(view(columns), window, part, {}, state),
                    want.middleCols(timeline.offset(first), window.columns())));
    model.final_state(part, state);
  }
  for (std::size_t k : {0u, 2u})
    for (std::size_t s = 0; s < state[k].size(); ++s) CHECK(same_bits(state[k][s], want_state[k][s]));
  CHECK(state[1].empty());
}

TEST_CASE("recurrent: a reset state starts from zero and the other samples continue") {
  OneRecurrent one({.units = units});
  one.forward();
  auto state = one.model.final_state(one.tape);
  const std::array where{true, false, true, false};
  reset(state[0], where);
  const auto fresh = one.forward();
  const MatrixX<double> kept = one.forward(one.model.final_state(one.tape)[0]), some = one.forward(state[0]);
  for (Index c = 0; c < x.cols(); ++c)
    CHECK(same_bits(some.col(c), where[std::size_t(timeline.sample_of(c))] ? fresh.col(c) : kept.col(c)));
  CHECK_THROWS_MATCHES(reset(state[0], std::span(where).first(3)), ShapeError,
                       says("marks must have as many entries as samples, 4, got 3"));
}

TEST_CASE("model: is not causal when a layer reads later steps") {
  CHECK(!sequential<double>(2, Bidirectional<TwoStates>{.units = 2}).causal());
  CHECK(!sequential<double>(2, Recurrent<TwoStates>{.units = 2, .direction = Direction::backward}, Dense{.units = 1})
             .causal());
  CHECK(!sequential<double>(2, Recurrent<TwoStates>{.units = 2, .returns = Returns::last}).causal());
}

}  // namespace test_recurrent
