#include <unroll/layers/convolution/upsample.hpp>
#include <unroll/layers/dense.hpp>
#include <unroll/layers/pooling/pooling1d.hpp>

#include "layers/model_run.hpp"
#include "support/allocations.hpp"
#include "support/catch.hpp"

namespace test_pooling1d {

using namespace unroll;
using namespace model_run;

namespace {

constexpr double not_a_number = std::numeric_limits<double>::quiet_NaN();

MatrixX<double> row(std::initializer_list<double> numbers) {
  MatrixX<double> m(1, Index(numbers.size()));
  std::copy(numbers.begin(), numbers.end(), m.data());
  return m;
}

/// Output for one sequence of one feature.
template <class L>
MatrixX<double> run(const L& layer, std::initializer_list<double> numbers) {
  const MatrixX<double> x = row(numbers);
  Sequential<double, L> model(1, layer);
  typename Sequential<double, L>::Tape tape;
  return model.forward(x, Timeline::rectangular(1, x.cols()), tape);
}

using Average = AveragePool1d;
using Max = MaxPool1d;

}  // namespace

TEST_CASE("pooling1d: outputs equal the maximum or mean of each window") {
  CHECK(same_bits(run(Max({.kernel = 2}), {1, 5, 3, 2, 9}), row({5, 3})));
  CHECK(same_bits(run(Max({.kernel = 3, .stride = 1}), {1, 5, 3, 2, 9}), row({5, 5, 9})));
  CHECK(same_bits(run(Max({.kernel = 3, .stride = 2, .padding = same()}), {1, 5, 3, 2, 9}), row({5, 5, 9})));
  CHECK(same_bits(run(Max({.kernel = 3, .stride = 1, .padding = causal()}), {1, 5, 3, 2, 9}), row({1, 5, 5, 5, 9})));
  CHECK(same_bits(run(Max({.kernel = 4}), {1, 2, 3}), row({})));
  CHECK(same_bits(run(Max({.kernel = 2, .stride = 3}), {-1, -2, -9, -7, -4, 0}), row({-1, -4})));
  CHECK(same_bits(run(Average({.kernel = 2}), {1, 5, 3, 2, 9}), row({3, 2.5})));
  CHECK(same_bits(run(Average({.kernel = 4, .stride = 3, .padding = same()}), {1, 5, 3, 2, 9}), row({3, 14. / 3})));
}

TEST_CASE("average pool1d: padding counts only when count_padding is set") {
  CHECK(same_bits(run(Average({.kernel = 3, .stride = 1, .padding = 1}), {3, 6, 9}), row({4.5, 6, 7.5})));
  CHECK(same_bits(run(Average({.kernel = 3, .stride = 1, .padding = 1, .count_padding = true}), {3, 6, 9}),
                  row({3, 6, 5})));
}

TEST_CASE("max pool1d: taps have the distance of the dilation and stay within the sequence") {
  CHECK(same_bits(run(Max({.kernel = 2, .stride = 1, .dilation = 3}), {1, 5, 3, 2, 9, 4}), row({2, 9, 4})));
  CHECK(same_bits(run(Max({.kernel = 3, .stride = 2, .dilation = 2, .padding = 2}), {-1, -5, -3, -2, -9, -4}),
                  row({-1, -1, -3})));
  CHECK(same_bits(run(Max({.kernel = 3, .stride = 1, .dilation = 2, .padding = same()}), {4, 1, 3, 2}),
                  row({4, 2, 4, 2})));
  CHECK(same_bits(run(Max({.kernel = 2, .stride = 1, .dilation = 2, .padding = causal()}), {4, 1, 3, 2}),
                  row({4, 1, 4, 2})));
}

TEST_CASE("pooling1d: ceil_mode adds a last window that begins at a step") {
  const auto max = [](Index kernel, Index stride, Index padding, Index dilation = 1) {
    return Max({.kernel = kernel, .stride = stride, .dilation = dilation, .padding = padding, .ceil_mode = true});
  };
  CHECK(same_bits(run(max(2, 2, 0), {1, 5, 3, 2, 9}), row({5, 3, 9})));
  CHECK(same_bits(run(max(2, 2, 0), {1, 5, 3, 2}), row({5, 3})));
  CHECK(same_bits(run(max(4, 4, 0), {1, 2}), row({2})));              // shorter than a window
  CHECK(same_bits(run(max(4, 2, 0), {1, 2}), row({})));               // an earlier window would contain every step
  CHECK(same_bits(run(max(2, 2, 1), {1, 5, 3, 2}), row({1, 5, 2})));  // the windows cover the padded sequence exactly
  CHECK(same_bits(run(max(3, 3, 1), {1, 5, 3, 2, 9}), row({5, 9})));  // a further window would begin in the padding
  CHECK(same_bits(run(max(2, 3, 0, 2), {1, 5, 3, 2, 9}), row({3, 2})));     // the second tap is beyond the end
  CHECK(same_bits(run(max(4, 2, 2), {1, 5, 3, 2, 9}), row({5, 5, 9, 9})));  // all steps are covered, not all padding
  CHECK(same_bits(run(max(2, 2, 0, 2), {1, 5, 3, 2, 9}), row({3, 9})));     // its second tap is the last step
  CHECK(same_bits(run(max(2, 2, 0), {}), row({})));
}

TEST_CASE("average pool1d: ceil_mode counts padding but no places behind it") {
  const auto mean = [](bool count_padding) {
    return Average({.kernel = 4, .stride = 3, .padding = 1, .count_padding = count_padding, .ceil_mode = true});
  };
  CHECK(same_bits(run(mean(false), {3, 6, 9, 1, 5}), row({6, 5})));
  CHECK(same_bits(run(mean(true), {3, 6, 9, 1, 5}), row({4.5, 3.75})));
  CHECK(same_bits(run(mean(true), {3, 6, 9, 1, 5, 8, 4}), row({4.5, 5.75, 4})));
}

TEST_CASE("max pool1d: a window without steps gives 0 and passes no gradient") {
  auto model = sequential<double>(1, Max({.kernel = 2, .stride = 1, .dilation = 3, .padding = 2}));
  decltype(model)::Tape tape;
  auto gradient = model.parameters().zeros_like();
  MatrixX<double> d_x;
  CHECK(same_bits(model.forward(row({-7}), Timeline::rectangular(1, 1), tape), row({0, 0})));
  CHECK(same_bits(model.forward(row({-7, -8}), Timeline::rectangular(1, 2), tape), row({-8, 0, -7})));
  model.backward(tape, row({1, 10, 100}), gradient, &d_x);
  CHECK(same_bits(d_x, row({100, 1})));
}

TEST_CASE("pooling1d: windows leave out masked steps") {
  MatrixX<bool> mask(1, 6);
  mask << 0, 1, 1, 0, 1, 0;
  const Timeline gaps = Timeline::from_mask(mask);
  const MatrixX<double> x = row({-4, -2, -8});
  auto mean = sequential<double>(1, Average({.kernel = 3, .stride = 1, .padding = same()}));
  auto max = sequential<double>(1, Max({.kernel = 3, .stride = 1, .padding = same()}));
  decltype(mean)::Tape tape;
  decltype(max)::Tape other;
  CHECK(same_bits(mean.forward(x, gaps, tape), row({-3, -3, -8})));
  CHECK(same_bits(max.forward(x, gaps, other), row({-2, -2, -8})));
  CHECK(&max.output_timeline(other) == &gaps);
  auto apart =
      sequential<double>(1, Max({.kernel = 3, .stride = 1, .dilation = 2, .padding = same(), .ceil_mode = false}));
  decltype(apart)::Tape third;
  CHECK(same_bits(apart.forward(x, gaps, third), row({-4, -2, -2})));
  auto fewer = sequential<double>(1, Max({.kernel = 2}));
  CHECK_THROWS_MATCHES(fewer.forward(x, gaps, other), ShapeError,
                       says("layer 0 (max pool1d): masked steps must follow the valid ones"));
}

TEST_CASE("max pool1d: the first of equal values has the gradient of all windows, a NaN is the maximum") {
  auto model = sequential<double>(1, Max({.kernel = 2, .stride = 1}));
  decltype(model)::Tape tape;
  auto gradient = model.parameters().zeros_like();
  MatrixX<double> d_x;
  model.forward(row({5, 5, 4, 3}), Timeline::rectangular(1, 4), tape);
  model.backward(tape, row({1, 10, 100}), gradient, &d_x);
  CHECK(same_bits(d_x, row({1, 10, 100, 0})));
  for (const auto& x : {row({not_a_number, 1}), row({1, not_a_number})})
    CHECK(std::isnan(model.forward(x, Timeline::rectangular(1, 2), tape)(0, 0)));
  CHECK(std::isinf(run(Max({.kernel = 2}), {-INFINITY, -INFINITY})(0, 0)));
}

TEST_CASE("upsample: repeats each step and refuses gaps") {
  auto model = sequential<double>(1, Upsample{.factor = 3});
  decltype(model)::Tape tape;
  const auto timeline = Timeline::from_lengths({1, 2});
  const MatrixX<double> y = model.forward(row({1, 2, 3}), timeline, tape);  // sample 1 has the values 1 and 3
  const Timeline& out = model.output_timeline(tape);
  CHECK(same_bits(y, row({1, 2, 1, 2, 1, 2, 3, 3, 3})));
  CHECK(out.length(out.rank(0)) == 3);
  CHECK(out.length(out.rank(1)) == 6);
  MatrixX<bool> late(1, 2);
  late << 0, 1;
  CHECK_THROWS_MATCHES(model.forward(row({1}), Timeline::from_mask(late), tape), ShapeError,
                       says("layer 0 (upsample): masked steps must follow the valid ones"));
}

TEST_CASE("pooling1d: gradients match central differences, with upsampling and lengths 0 and 1 too") {
  const auto ragged = Timeline::from_lengths({3, 0, 9, 1, 2});
  GradientReport report;
  for (const WindowPadding padding : {valid(), same(), causal(), WindowPadding(1)})
    for (const Index stride : {1, 2, 3})
      for (const Index kernel : {2, 3}) {
        const bool ceil_mode = padding.kind() == WindowPadding::Kind::number && kernel == 3, count = stride == 2;
        auto model =
            sequential<double>(2, Max({kernel, stride, /*dilation=*/stride, padding, ceil_mode}), Upsample{.factor = 2},
                               Average({kernel, stride, padding, count, ceil_mode}), Dense{.units = 2});
        randomise(model);
        report += check_gradients(model, noise(2, ragged.columns(), 3), ragged, weighted(), {}, {.step = 1e-5});
      }
  INFO(report.text());
  CHECK(report.worst < 1e-7);
}

TEST_CASE("pooling1d: same bits in any batch and no allocation after the first") {
  const auto many = Timeline::from_lengths({2, 17, 0, 9});
  const MatrixX<double> x = noise(3, many.columns());
  auto model = sequential<double>(3, Max({.kernel = 3, .stride = 2, .padding = same()}), Upsample{.factor = 2},
                                  Average({.kernel = 3}));
  decltype(model)::Tape tape, other;
  auto gradient = model.parameters().zeros_like();
  const MatrixX<double> y = model.forward(x, many, tape);
  const Timeline out = model.output_timeline(tape);
  for (Index b = 0; b < many.batch(); ++b) {
    const Index length = many.length(many.rank(b));
    MatrixX<double> own(3, length), want(3, out.length(out.rank(b)));
    for (Index k = 0; k < length; ++k) own.col(k) = x.col(many.offset(k) + many.rank(b));
    for (Index k = 0; k < want.cols(); ++k) want.col(k) = y.col(out.offset(k) + out.rank(b));
    CHECK(same_bits(model.forward(own, Timeline::rectangular(1, length), other), want));
  }
  model.backward(tape, y, gradient);
  const support::AllocationCount allocations;
  const auto output = model.forward(x, many, tape);
  model.backward(tape, output, gradient);
  const auto count = allocations.count();
  CHECK(count == 0);
}

TEST_CASE("pooling1d: refuses options out of range") {
  const auto with = [](const MaxPool1d& options) { sequential<double>(2, Max(options)); };
  CHECK_THROWS_MATCHES(with({.kernel = 0}), ValueError,
                       says("layer 0 (max pool1d): kernel must be 1 to 16777215, got 0"));
  CHECK_THROWS_MATCHES(with({.kernel = 2, .stride = -1}), ValueError,
                       says("stride must be 1 to 16777215 (0: the kernel), got -1"));
  CHECK_THROWS_MATCHES(with({.kernel = 3, .padding = 2}), ValueError,
                       says("padding must be 0 to 1, half of a window, got 2"));
  CHECK_NOTHROW(with({.kernel = 3, .dilation = 2, .padding = 2}));
  CHECK_THROWS_MATCHES(with({.kernel = 3, .dilation = 2, .padding = 3}), ValueError,
                       says("padding must be 0 to 2, half of a window, got 3"));
  CHECK_THROWS_MATCHES(with({.dilation = 0}), ValueError, says("dilation must be 1 to 16777215, got 0"));
  CHECK_THROWS_MATCHES(with({.padding = same(), .ceil_mode = true}), ValueError,
                       says("padding must be a number with ceil_mode, got same()"));
  CHECK_THROWS_MATCHES(sequential<double>(2, Average({.padding = causal(), .ceil_mode = true})), ValueError,
                       says("layer 0 (average pool1d): padding must be a number with ceil_mode, got causal()"));
  CHECK_THROWS_MATCHES(with({.kernel = 3, .padding = -1}), ValueError, says("got -1"));
  CHECK_THROWS_MATCHES(sequential<double>(2, Upsample{.factor = 0}), ValueError,
                       says("factor must be 1 to 16777216, got 0"));
}

}  // namespace test_pooling1d
