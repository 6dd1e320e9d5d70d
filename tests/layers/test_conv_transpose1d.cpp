#include <unroll/layers/convolution/conv_transpose1d.hpp>

#include "layers/model_run.hpp"
#include "support/allocations.hpp"
#include "support/catch.hpp"

namespace test_conv_transpose1d {

using namespace unroll;
using namespace model_run;

namespace {

using Transpose = ConvTranspose1d;
using Model = Sequential<double, Transpose>;

Transpose layer(Index units, Index kernel, Index stride, Index dilation = 1, WindowPadding padding = valid(),
                Index output_padding = 0, Index groups = 1) {
  return {.units = units,
          .kernel = kernel,
          .stride = stride,
          .dilation = dilation,
          .groups = groups,
          .padding = padding,
          .output_padding = output_padding};
}

/// Transposed convolution of one sequence by its formula: each input step adds its taps to the output.
MatrixX<double> by_formula(const Transpose& conv, const MatrixX<double>& w, const MatrixX<double>& b,
                           const MatrixX<double>& x, Index length) {
  const bool same_length = conv.padding.kind() == WindowPadding::Kind::same;
  const Index span = (conv.kernel - 1) * conv.dilation + 1;
  const Index front = same_length ? std::max<Index>(0, span - conv.stride) / 2 : conv.padding.steps();
  const Index features = x.rows() / conv.groups, units = b.rows() / conv.groups;
  MatrixX<double> y = b.replicate(1, length);
  for (Index q = 0; q < x.cols(); ++q)
    for (Index k = 0; k < conv.kernel; ++k)
      if (const Index p = q * conv.stride + k * conv.dilation - front; p >= 0 && p < length)
        for (Index g = 0; g < conv.groups; ++g)
          y.col(p).segment(g * units, units) +=
              w.block(g * features, k * units, features, units).transpose() * x.col(q).segment(g * features, features);
  return y;
}

MatrixX<double> sequence(const MatrixX<double>& x, const Timeline& timeline, Index sample) {
  const Index rank = timeline.rank(sample), length = timeline.length(rank);
  MatrixX<double> steps(x.rows(), length);
  for (Index k = 0; k < length; ++k) steps.col(k) = x.col(timeline.offset(k) + rank);
  return steps;
}

const auto ragged = Timeline::from_lengths({3, 0, 9, 1, 2});

}  // namespace

TEST_CASE("conv transpose1d: outputs equal the formula for every option and length") {
  for (const WindowPadding padding : {valid(), same(), WindowPadding(1), WindowPadding(3)})
    for (const Index stride : {1, 2, 3, 4})
      for (const Index dilation : {1, 2, 4})
        for (const Index kernel : {1, 2, 4})
          for (const Index groups : {1, 2}) {
            const bool is_same = padding.kind() == WindowPadding::Kind::same;
            const Index more = is_same ? 0 : std::max(stride, dilation) - 1, span = (kernel - 1) * dilation + 1;
            INFO("padding " << int(padding.kind()) << ' ' << padding.steps() << ", stride " << stride << ", dilation "
                            << dilation << ", kernel " << kernel << ", groups " << groups);
            const Transpose conv = layer(6, kernel, stride, dilation, padding, more, groups);
            Model model(4, conv);
            randomise(model);
            const MatrixX<double> x = noise(4, ragged.columns());
            Model::Tape tape;
            const MatrixX<double> y = model.forward(x, ragged, tape);
            const Timeline& out = model.output_timeline(tape);
            for (Index b = 0; b < ragged.batch(); ++b) {
              const MatrixX<double> own = sequence(x, ragged, b);
              const Index full = (own.cols() - 1) * stride + span - 2 * padding.steps() + more;
              const Index length = own.cols() == 0 ? 0 : is_same ? own.cols() * stride : std::max<Index>(0, full);
              const MatrixX<double> got = sequence(y, out, b);
              REQUIRE(got.cols() == length);
              REQUIRE(got.isApprox(
                  by_formula(conv, model.parameters()["0.weight"], model.parameters()["0.bias"], own, length), 1e-12));
            }
          }
}

TEST_CASE("conv transpose1d: gradients match central differences") {
  GradientReport report;
  for (const WindowPadding padding : {valid(), same(), WindowPadding(2)})
    for (const auto& [stride, dilation] : {std::pair<Index, Index>(1, 1), {1, 2}, {2, 1}, {2, 4}, {3, 2}, {4, 2}})
      for (const Index groups : {1, 2}) {
        Model model(2, layer(4, 3, stride, dilation, padding, 0, groups));
        randomise(model);
        report += check_gradients(model, noise(2, ragged.columns(), 3), ragged, weighted(), {}, {.step = 1e-4});
      }
  INFO(report.text());
  CHECK(report.worst < 1e-7);
}

TEST_CASE("conv transpose1d: masked steps are zeros when the number of steps is kept") {
  const Timeline gaps = timelines().back();
  Model model(2, layer(3, 3, 1, 2, same()));
  randomise(model);
  Model::Tape tape;
  const MatrixX<double> x = noise(2, gaps.columns());
  const MatrixX<double> y = gaps.unpack(MatrixX<double>(model.forward(x, gaps, tape)));
  CHECK(&model.output_timeline(tape) == &gaps);
  const MatrixX<double> padded = gaps.unpack(x);
  const auto whole = Timeline::rectangular(gaps.batch(), gaps.padded_steps());
  Model::Tape other;
  const MatrixX<double> want = model.forward(padded, whole, other);
  for (Index c = 0; c < gaps.columns(); ++c)
    CHECK(y.col(gaps.padded_column(c)).isApprox(want.col(gaps.padded_column(c)), 1e-12));
  const auto report = check_gradients(model, noise(2, gaps.columns(), 3), gaps, weighted(), {}, {.step = 1e-4});
  CHECK(report.worst < 1e-7);
  Model longer(2, layer(3, 3, 2));
  CHECK_THROWS_MATCHES(longer.forward(x, gaps, tape), ShapeError,
                       says("layer 0 (conv transpose): masked steps must follow the valid ones"));
}

TEST_CASE("conv transpose1d: same bits alone, in a batch and with threads, no allocation after the first batch") {
  const auto many = Timeline::from_lengths({5, 40, 0, 17, 33, 40}), fewer = Timeline::from_lengths({30, 0, 22, 4});
  Model model(3, layer(5, 4, 2, 3, 2, 1));
  randomise(model);
  const MatrixX<double> x = noise(3, many.columns()), z = noise(3, fewer.columns());
  Model::Tape tape, other, threaded;
  const MatrixX<double> y = model.forward(x, many, tape);
  const Timeline out = model.output_timeline(tape);
  for (Index b = 0; b < many.batch(); ++b) {
    const MatrixX<double> own = sequence(x, many, b);
    CHECK(same_bits(model.forward(own, Timeline::rectangular(1, own.cols()), other), sequence(y, out, b)));
  }
  ThreadPool threads(3);
  CHECK(same_bits(model.forward(x, many, threaded, {.threads = &threads}), y));
  auto gradient = model.parameters().zeros_like(), same_gradient = gradient;
  MatrixX<double> d_x, d_same;
  model.backward(tape, y, gradient, &d_x);
  model.backward(threaded, y, same_gradient, &d_same);
  CHECK(same_bits(gradient.values(), same_gradient.values()));
  CHECK(same_bits(d_x, d_same));

  const auto step = [&](const MatrixX<double>& in, const Timeline& timeline) {
    const auto output = model.forward(in, timeline, tape);
    model.backward(tape, output, gradient);
  };
  step(z, fewer);
  const support::AllocationCount allocations;
  step(x, many), step(z, fewer);
  const auto count = allocations.count();
  CHECK(count == 0);
}

// A matrix without columns has a null pointer; the sanitizers detect arithmetic on it.
TEST_CASE("conv transpose1d: sequences without steps have no output and no gradient") {
  Model model(2, layer(4, 3, 2, 1, valid(), 0, 2));
  model.initialise(1);
  const Timeline timeline = Timeline::from_lengths({0, 0});
  Model::Tape tape;
  const auto y = model.forward(MatrixX<double>(2, 0), timeline, tape);
  CHECK((y.rows() == 4 && y.cols() == 0));
  auto gradient = model.parameters().zeros_like();
  MatrixX<double> d_x;
  model.backward(tape, MatrixX<double>(4, 0), gradient, &d_x);
  CHECK((d_x.rows() == 2 && d_x.cols() == 0));
  CHECK(gradient.values().isZero(0));
}

TEST_CASE("conv transpose1d: refuses options out of range") {
  const auto with = [](const Transpose& conv) { Model(4, conv); };
  CHECK_THROWS_MATCHES(with(layer(0, 1, 1)), ShapeError,
                       says("layer 0 (conv transpose): units must be at least 1, got 0"));
  CHECK_THROWS_MATCHES(with(layer(2, 1, 1, 1, causal())), ValueError, says("got causal()"));
  CHECK_THROWS_MATCHES(with(layer(2, 3, 2, 3, valid(), 3)), ValueError,
                       says("output_padding must be 0 to 2, below stride or dilation, got 3"));
  CHECK_THROWS_MATCHES(with(layer(2, 3, 2, 3, valid(), -1)), ValueError, says("got -1"));
  CHECK_THROWS_MATCHES(with(layer(2, 5, 2, 1, same(), 1)), ValueError, says("padding 2 gives Keras's output"));
  CHECK_THROWS_MATCHES(with(layer(2, 1, 1, 1, valid(), 0, 4)), ShapeError, says("both sides, 2 and 4, got 4"));
  CHECK_THROWS_MATCHES(with(layer(2, 1, 0)), ValueError, says("stride must be 1 to 16777216, got 0"));
}

}  // namespace test_conv_transpose1d
