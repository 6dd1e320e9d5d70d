#include <unroll/layers/dense.hpp>
#include <unroll/layers/pooling/global_pooling.hpp>

#include "layers/model_run.hpp"
#include "support/catch.hpp"

namespace test_pooling {

using namespace unroll;
using namespace model_run;

namespace {

constexpr double not_a_number = std::numeric_limits<double>::quiet_NaN();

/// Output by sample.
template <class L>
MatrixX<double> pooled(const MatrixX<double>& x, const Timeline& timeline) {
  auto model = sequential<double>(x.rows(), L{});
  typename decltype(model)::Tape tape;
  const MatrixX<double> out = model.forward(x, timeline, tape);
  CHECK(model.output_timeline(tape).columns() == timeline.batch());
  return timeline.by_sample(out);
}

/// Timeline of 3, 0, 2 and 1 steps; step k of sample b has the value 10 b + k.
const auto timeline = Timeline::from_lengths({3, 0, 2, 1});
MatrixX<double> numbered() {
  MatrixX<double> x(1, timeline.columns());
  for (Index c = 0; c < x.cols(); ++c) x(0, c) = double(10 * timeline.sample_of(c) + timeline.step_of(c));
  return x;
}

template <class... Numbers>
MatrixX<double> row(Numbers... numbers) {
  MatrixX<double> m(1, Index(sizeof...(numbers)));
  Index k = 0;
  ((m(0, k++) = numbers), ...);
  return m;
}

}  // namespace

TEST_CASE("pooling: reads valid steps only and gives 0 for a sequence without steps") {
  CHECK(same_bits(pooled<LastStep>(numbered(), timeline), row(2., 0., 21., 30.)));
  CHECK(same_bits(pooled<MeanOverTime>(numbered(), timeline), row(1., 0., 20.5, 30.)));
  CHECK(same_bits(pooled<MaxOverTime>(numbered(), timeline), row(2., 0., 21., 30.)));
  CHECK(same_bits(pooled<MaxOverTime>(-1.0 * numbered(), timeline), row(-0., 0., -20., -30.)));
}

TEST_CASE("pooling: gives zeros when no sequence has steps") {
  const auto empty = Timeline::from_lengths({0, 0});
  const MatrixX<double> none(2, 0);
  CHECK(pooled<LastStep>(none, empty).isZero(0));
  CHECK(pooled<MeanOverTime>(none, empty).isZero(0));
  CHECK(pooled<MaxOverTime>(none, empty).isZero(0));
  auto model = sequential<double>(2, MeanOverTime{}, Dense{.units = 3});
  randomise(model);
  auto gradient = model.parameters().zeros_like();
  decltype(model)::Tape tape;
  const MatrixX<double> out = model.forward(none, empty, tape);
  model.backward(tape, MatrixX<double>::Ones(3, 2), gradient);
  CHECK(same_bits(out.col(0), model.parameters()["1.bias"]));
  CHECK(gradient["1.weight"].isZero(0));
  CHECK((gradient["1.bias"].array() == 2).all());
}

TEST_CASE("max over time: the first of equal values has the gradient, a NaN is the maximum") {
  auto model = sequential<double>(1, MaxOverTime{});
  decltype(model)::Tape tape;
  auto gradient = model.parameters().zeros_like();
  MatrixX<double> d_x;
  const auto one = Timeline::rectangular(1, 4);
  model.forward(row(1., 5., 5., 2.), one, tape);
  model.backward(tape, row(3.), gradient, &d_x);
  CHECK(same_bits(d_x, row(0., 3., 0., 0.)));
  for (const auto& x : {row(not_a_number, 1., 2., 3.), row(1., not_a_number, 7., 3.), row(1., 2., 3., not_a_number)}) {
    const double greatest = model.forward(x, one, tape)(0, 0);
    CHECK(std::isnan(greatest));
  }
  CHECK(std::isnan(pooled<MeanOverTime>(row(1., not_a_number, 7., 3.), one)(0, 0)));
  CHECK(pooled<LastStep>(row(1., not_a_number, 7., 3.), one)(0, 0) == 3);
  const double minus = -std::numeric_limits<double>::infinity();
  CHECK(pooled<MaxOverTime>(row(minus, minus, minus, minus), one)(0, 0) == minus);
}

TEMPLATE_TEST_CASE("pooling: gradients match central differences", "", LastStep, MeanOverTime, MaxOverTime) {
  const auto report = gradients(sequential<double>(2, Dense{.units = 3}, TestType{}, Dense{.units = 2}));
  INFO(report.text());
  CHECK(report.worst < 1e-7);
}

TEMPLATE_TEST_CASE("pooling: a sample has the same bits in any batch", "", LastStep, MeanOverTime, MaxOverTime) {
  const auto many = Timeline::from_lengths({2, 7, 5, 7});
  const MatrixX<double> x = noise(3, many.columns());
  const auto out = pooled<TestType>(x, many);
  for (Index b = 0; b < many.batch(); ++b) {
    const auto one = Timeline::rectangular(1, many.length(many.rank(b)));
    MatrixX<double> alone(3, one.columns());
    for (Index c = 0; c < x.cols(); ++c)
      if (many.sample_of(c) == b) alone.col(many.step_of(c)) = x.col(c);
    CHECK(same_bits(pooled<TestType>(alone, one), out.col(b)));
  }
}

TEST_CASE("pooling: refuses an input that is pooled already") {
  CHECK_THROWS_MATCHES(
      sequential<double>(2, LastStep{}, MeanOverTime{}), ShapeError,
      says("layer 1 (mean over time): input must have a column for every step, got one for every sequence"));
}

TEST_CASE("pooling: an overflow is located by its sample") {
  auto model = sequential<double>(1, MeanOverTime{});
  decltype(model)::Tape tape;
  MatrixX<double> x = numbered();
  for (Index c = 0; c < x.cols(); ++c)
    if (timeline.sample_of(c) == 2) x(0, c) = std::numeric_limits<double>::max();
  model.forward(x, timeline, tape);
  CHECK(model.locate_non_finite(tape) == "layer 0 (mean over time): its output at sample 2");
}

}  // namespace test_pooling
