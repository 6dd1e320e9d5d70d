#include <unroll/layers/convolution/conv1d.hpp>

#include "layers/model_run.hpp"
#include "support/allocations.hpp"
#include "support/catch.hpp"

namespace test_conv1d {

using namespace unroll;
using namespace model_run;

namespace {

using Kind = WindowPadding::Kind;

constexpr double not_a_number = std::numeric_limits<double>::quiet_NaN();

Conv1d layer(Index units, Index kernel, WindowPadding padding = valid(), Index stride = 1, Index dilation = 1,
             Index groups = 1) {
  return {
      .units = units, .kernel = kernel, .stride = stride, .dilation = dilation, .groups = groups, .padding = padding};
}

/// Convolution of one sequence by its formula, x [features x steps], zero-padded at both ends.
MatrixX<double> by_formula(const Conv1d& conv, const MatrixX<double>& w, const MatrixX<double>& b,
                           const MatrixX<double>& x) {
  const Index span = (conv.kernel - 1) * conv.dilation + 1, steps = x.cols();
  Index front = conv.padding.steps(), behind = front;
  if (conv.padding.kind() == Kind::causal) front = span - 1, behind = 0;
  if (conv.padding.kind() == Kind::same) {
    const Index all = std::max<Index>(0, ((steps + conv.stride - 1) / conv.stride - 1) * conv.stride + span - steps);
    front = all / 2, behind = all - front;
  }
  MatrixX<double> padded = MatrixX<double>::Zero(x.rows(), front + steps + behind);
  padded.middleCols(front, steps) = x;
  const Index count = steps == 0 || padded.cols() < span ? 0 : (padded.cols() - span) / conv.stride + 1;
  MatrixX<double> y = b.replicate(1, count);
  const Index features = x.rows() / conv.groups, units = w.rows() / conv.groups;
  for (Index q = 0; q < count; ++q)
    for (Index k = 0; k < conv.kernel; ++k)
      for (Index g = 0; g < conv.groups; ++g)
        y.col(q).segment(g * units, units) +=
            w.block(g * units, k * features, units, features) *
            padded.col(q * conv.stride + k * conv.dilation).segment(g * features, features);
  return y;
}

/// Steps of one sample [features x steps]; masked steps are zero.
MatrixX<double> sequence(const MatrixX<double>& x, const Timeline& timeline, Index sample) {
  Index places = 0;
  for (Index c = 0; c < x.cols(); ++c)
    if (timeline.sample_of(c) == sample) places = timeline.step_of(c) + 1;
  MatrixX<double> steps = MatrixX<double>::Zero(x.rows(), places);
  for (Index c = 0; c < x.cols(); ++c)
    if (timeline.sample_of(c) == sample) steps.col(timeline.step_of(c)) = x.col(c);
  return steps;
}

void check_formula(const Conv1d& conv, Index features, const Timeline& timeline) {
  auto model = sequential<double>(features, conv);
  randomise(model);
  const MatrixX<double> x = noise(features, timeline.columns());
  decltype(model)::Tape tape;
  const MatrixX<double> y = model.forward(x, timeline, tape);
  const Timeline& out = model.output_timeline(tape);
  for (Index b = 0; b < timeline.batch(); ++b) {
    const MatrixX<double> want =
        by_formula(conv, model.parameters()["0.weight"], model.parameters()["0.bias"], sequence(x, timeline, b));
    REQUIRE(out.rank(b) == timeline.rank(b));
    if (&out != &timeline) REQUIRE(out.length(out.rank(b)) == want.cols());
    for (Index k = 0; k < out.length(out.rank(b)); ++k) {
      const Index column = out.offset(k) + out.rank(b);
      REQUIRE(y.col(column).isApprox(want.col(out.step_of(column)), 1e-12));
    }
  }
}

const auto ragged = Timeline::from_lengths({3, 0, 9, 1, 2});

}  // namespace

TEST_CASE("conv1d: outputs equal the formula for every option and length") {
  for (const WindowPadding padding : {valid(), same(), causal(), WindowPadding(2), WindowPadding(5)})
    for (const Index stride : {1, 2, 3})
      for (const Index dilation : {1, 2, 4})
        for (const Index kernel : {1, 2, 3})
          for (const Index groups : {1, 2}) {
            INFO("padding " << int(padding.kind()) << ' ' << padding.steps() << ", stride " << stride << ", dilation "
                            << dilation << ", kernel " << kernel << ", groups " << groups);
            check_formula(layer(6, kernel, padding, stride, dilation, groups), 4, ragged);
          }
}

TEST_CASE("conv1d: gradients match central differences") {
  GradientReport report;
  for (const WindowPadding padding : {valid(), same(), causal(), WindowPadding(2)})
    for (const auto& [stride, dilation] : {std::pair<Index, Index>(1, 1), {1, 2}, {2, 1}, {2, 4}, {3, 2}, {4, 2}})
      for (const Index groups : {1, 2}) {
        auto model = sequential<double>(4, layer(2, 3, padding, stride, dilation, groups));
        randomise(model);
        report += check_gradients(model, noise(4, ragged.columns(), 3), ragged, weighted(), {}, {.step = 1e-4});
      }
  INFO(report.text());
  CHECK(report.worst < 1e-7);
}

TEST_CASE("conv1d: masked steps are zeros when the number of steps is kept") {
  const Timeline gaps = timelines().back();
  REQUIRE(gaps.has_gaps());
  for (const WindowPadding padding : {same(), causal(), WindowPadding(2)}) {
    const auto conv = layer(2, 3, padding, 1, 2);
    check_formula(conv, 4, gaps);
    auto model = sequential<double>(4, conv);
    decltype(model)::Tape tape;
    model.forward(noise(4, gaps.columns()), gaps, tape);
    CHECK(&model.output_timeline(tape) == &gaps);
  }
  auto model = sequential<double>(4, layer(2, 3, same(), 1, 2));
  randomise(model);
  const auto report = check_gradients(model, noise(4, gaps.columns(), 3), gaps, weighted(), {}, {.step = 1e-4});
  INFO(report.text());
  CHECK(report.worst < 1e-7);
}

TEST_CASE("conv1d: refuses gaps when the number of steps changes or a state is given") {
  const Timeline gaps = timelines().back();
  const MatrixX<double> x = noise(4, gaps.columns());
  auto shorter = sequential<double>(4, layer(2, 3)), carrying = sequential<double>(4, layer(2, 3, causal()));
  decltype(shorter)::Tape tape;
  CHECK_THROWS_MATCHES(shorter.forward(x, gaps, tape), ShapeError,
                       says("layer 0 (conv1d): masked steps must follow the valid ones"));
  const ModelState<double> state = {{MatrixX<double>::Zero(8, 3)}};
  CHECK_THROWS_MATCHES(carrying.forward(x, gaps, tape, {}, state), ShapeError,
                       says("masked steps must follow the valid ones"));
}

TEST_CASE("conv1d: a sequence has the same bits alone, in a batch and with threads") {
  const auto many = Timeline::from_lengths({5, 40, 0, 17, 33, 40});
  const MatrixX<double> x = noise(3, many.columns()), d_y = noise(5, many.columns(), 8);
  auto model = sequential<double>(3, layer(5, 4, same(), 1, 3), layer(4, 5, same(), 2), layer(5, 3, causal()));
  randomise(model);
  decltype(model)::Tape tape, other, threaded;
  const MatrixX<double> y = model.forward(x, many, tape);
  const Timeline out = model.output_timeline(tape);
  for (Index b = 0; b < many.batch(); ++b) {
    const MatrixX<double> own = sequence(x, many, b);
    const auto one = Timeline::rectangular(1, own.cols());
    CHECK(same_bits(model.forward(own, one, other), sequence(y, out, b)));
  }
  ThreadPool threads(3);
  CHECK(same_bits(model.forward(x, many, threaded, {.threads = &threads}), y));
  auto gradient = model.parameters().zeros_like(), same = gradient;
  MatrixX<double> d_x, d_same;
  const MatrixX<double> d = noise(y.rows(), y.cols(), 8);
  model.backward(tape, d, gradient, &d_x);
  model.backward(threaded, d, same, &d_same);
  CHECK(same_bits(gradient.values(), same.values()));
  CHECK(same_bits(d_x, d_same));
}

TEST_CASE("conv1d: NaN in one sequence does not reach other sequences") {
  auto model = sequential<double>(2, layer(3, 5, same(), 1, 2), layer(2, 3, same(), 2));
  randomise(model);
  MatrixX<double> x = noise(2, ragged.columns());
  decltype(model)::Tape tape;
  const MatrixX<double> before = model.forward(x, ragged, tape);
  for (Index c = 0; c < x.cols(); ++c)
    if (ragged.sample_of(c) == 2) x.col(c).setConstant(not_a_number);
  const MatrixX<double> after = model.forward(x, ragged, tape);
  const Timeline& out = model.output_timeline(tape);
  for (Index c = 0; c < after.cols(); ++c)
    CHECK((out.sample_of(c) == 2 ? after.col(c).hasNaN() : same_bits(after.col(c), before.col(c))));
  CHECK(model.locate_non_finite(tape) == "input at sample 2, step 0");
}

TEST_CASE("conv1d: causal windows continue from the state of the previous window") {
  const Index steps = 11, batch = 3;
  const auto whole = Timeline::from_lengths({steps, 4, 9});
  auto model = sequential<double>(2, layer(3, 3, causal(), 1, 2), layer(2, 2, causal()));
  randomise(model);
  REQUIRE(model.causal());
  const MatrixX<double> x = noise(2, whole.columns());
  decltype(model)::Tape tape;
  const MatrixX<double> y = model.forward(x, whole, tape);
  const ModelState<double> end = model.final_state(tape);
  for (const Index window : {1, 3, 5}) {
    ModelState<double> state;
    for (Index first = 0; first < steps; first += window) {
      const Timeline part = whole.window(first, std::min(steps, first + window));
      const MatrixX<double> some = x.middleCols(whole.offset(first), part.columns());
      CHECK(same_bits(model.forward(some, part, tape, {}, state), y.middleCols(whole.offset(first), part.columns())));
      state = model.final_state(tape);
    }
    REQUIRE(state.size() == 2);
    for (std::size_t k = 0; k < 2; ++k) CHECK(same_bits(state[k][0], end[k][0]));
  }
  CHECK(end[0][0].cols() == batch);
  CHECK_FALSE(sequential<double>(2, layer(3, 3, causal(), 2)).causal());
  CHECK_FALSE(sequential<double>(2, layer(3, 3, same())).causal());
}

TEST_CASE("conv1d: gradients of states match central differences, also of the final state alone") {
  auto model = sequential<double>(2, layer(2, 3, causal(), 1, 2));
  randomise(model);
  ModelState<double> initial = {{noise(8, ragged.batch(), 4)}}, d_initial;
  const ModelState<double> d_final = {{noise(8, ragged.batch(), 6)}};
  MatrixX<double> x = noise(2, ragged.columns()), d_x;
  decltype(model)::Tape tape;
  auto gradient = model.parameters().zeros_like();
  const auto loss = [&] {
    model.forward(x, ragged, tape, {}, initial);
    return model.final_state(tape)[0][0].cwiseProduct(d_final[0][0]).sum();
  };
  loss();
  model.backward(tape, nothing<double>(), gradient, &d_x, d_final, &d_initial);
  CHECK(gradient.values().isZero(0));
  const auto name = [](Index k) { return text(k); };
  VectorX<double> values = initial[0][0].reshaped();
  auto report = check_gradient(
      [&] {
        initial[0][0].reshaped() = values;
        return loss();
      },
      values, d_initial[0][0].reshaped(), name);
  values = x.reshaped();
  report += check_gradient(
      [&] {
        x.reshaped() = values;
        return loss();
      },
      values, d_x.reshaped(), name);
  INFO(report.text());
  CHECK(report.worst < 1e-7);
  initial[0][0].resize(3, 5);
  CHECK_THROWS_MATCHES(model.forward(x, ragged, tape, {}, initial), ShapeError,
                       says("initial state must be [8 x 5], got [3 x 5]"));
}

TEST_CASE("conv1d: allocates nothing after the first batch") {
  auto model = sequential<double>(3, layer(5, 4, same(), 1, 3), layer(4, 5, same(), 2), layer(5, 3, causal()));
  randomise(model);
  const auto large = Timeline::from_lengths({9, 20, 0, 17}), small = Timeline::from_lengths({8, 3, 16, 5});
  const MatrixX<double> x = noise(3, large.columns()), y = noise(3, small.columns());
  decltype(model)::Tape tape;
  auto gradient = model.parameters().zeros_like();
  ModelState<double> state;
  const auto step = [&](const MatrixX<double>& in, const Timeline& timeline) {
    const auto out = model.forward(in, timeline, tape);
    model.final_state(tape, state);
    model.backward(tape, out, gradient);
  };
  step(x, large), step(y, small);
  const support::AllocationCount allocations;
  step(y, small), step(x, large);
  const auto count = allocations.count();
  CHECK(count == 0);
}

TEST_CASE("conv1d: refuses options out of range") {
  const auto with = [](Conv1d conv) { sequential<double>(4, conv); };
  CHECK_THROWS_MATCHES(with({}), ShapeError, says("layer 0 (conv1d): units must be at least 1, got 0"));
  CHECK_THROWS_MATCHES(with(layer(2, 0)), ValueError, says("kernel must be 1 to 16777216, got 0"));
  CHECK_THROWS_MATCHES(with(layer(2, 1, valid(), 0)), ValueError, says("stride must be 1 to 16777216, got 0"));
  CHECK_THROWS_MATCHES(with(layer(2, 1, valid(), 1, -3)), ValueError, says("dilation must be 1 to 16777216, got -3"));
  CHECK_THROWS_MATCHES(with(layer(2, 1, valid(), 1, Index(1) << 40)), ValueError,
                       says("dilation must be 1 to 16777216, got "));
  CHECK_THROWS_MATCHES(with(layer(2, 1, -1)), ValueError, says("padding must be 0 to 16777216, got -1"));
  for (const Index groups : {0, 3, -2})
    CHECK_THROWS_MATCHES(with(layer(2, 1, valid(), 1, 1, groups)), ShapeError,
                         says("groups must divide the features of both sides"));
  CHECK_THROWS_MATCHES(with(layer(3, 1, valid(), 1, 1, 2)), ShapeError, says("both sides, 4 and 3, got 2"));
}

TEST_CASE("conv1d: initial values count all taps in the fans, as Keras and PyTorch do") {
  auto model = sequential<double>(2, Conv1d{.units = 64, .kernel = 9});
  model.initialise(1);
  const double limit = std::sqrt(6. / (9 * 2 + 9 * 64)), most = model.parameters()["0.weight"].cwiseAbs().maxCoeff();
  CHECK(most < limit);
  CHECK(most > 0.98 * limit);
}

TEST_CASE("conv1d: an overflow is located by the step of the output") {
  auto model = sequential<double>(1, layer(1, 2, valid(), 2));
  model.parameters().values().setConstant(1);
  MatrixX<double> x = MatrixX<double>::Zero(1, ragged.columns());
  for (Index c = 0; c < x.cols(); ++c)
    if (ragged.sample_of(c) == 2 && ragged.step_of(c) >= 6) x(0, c) = std::numeric_limits<double>::max();
  decltype(model)::Tape tape;
  model.forward(x, ragged, tape);
  CHECK(model.locate_non_finite(tape) == "layer 0 (conv1d): its output at sample 2, step 3");
}

}  // namespace test_conv1d
