#include <unroll/cells/elman.hpp>
#include <unroll/cells/gru.hpp>
#include <unroll/cells/lstm.hpp>
#include <unroll/layers/bidirectional.hpp>
#include <unroll/layers/dense.hpp>
#include <unroll/layers/dropout.hpp>
#include <unroll/layers/pooling/global_pooling.hpp>
#include <unroll/models/summary.hpp>

#include "layers/model_run.hpp"
#include "support/allocations.hpp"
#include "support/catch.hpp"

namespace test_sequential {

using namespace unroll;
using namespace model_run;

namespace {

constexpr Pass training{.training = true, .seed = 7, .update = 3};

/// Three recurrent layers of different cells and widths, one bidirectional, with other layers between them.
auto deep() {
  return sequential<double>(
      3, Dense{.units = 4}, Recurrent<Gru>{.units = 5}, Dropout{.rate = 0.3}, Bidirectional<Lstm>{.units = 3},
      Recurrent<Elman>{.units = 7, .direction = Direction::backward}, MeanOverTime{}, Dense{.units = 2});
}
using Deep = decltype(deep());

Deep random_deep() {
  Deep model = deep();
  randomise(model);
  return model;
}

struct Result {
  MatrixX<double> output, d_x;  // output by sample, d_x by column
  VectorX<double> gradient;
};

Result run(const Deep& model, const MatrixX<double>& x, const Timeline& timeline, const Pass& pass = {}) {
  Deep::Tape tape;
  Result result;
  auto gradient = model.parameters().zeros_like();
  const MatrixX<double> out = model.forward(x, timeline, tape, pass);
  MatrixX<double> by_sample = noise(2, 1, 9).replicate(1, timeline.batch());
  model.backward(tape, by_sample, gradient, &result.d_x);
  result.output = timeline.by_sample(out);
  result.gradient = gradient.values();
  return result;
}

}  // namespace

TEST_CASE("sequential: gradients of a deep model match central differences, with dropout too") {
  const auto report = gradients(deep(), GENERATE(Pass{}, training));
  INFO(report.text());
  CHECK(report.worst < 1e-6);
}

TEST_CASE("sequential: a sample has the same bits alone and in any batch") {
  const Deep model = random_deep();
  const std::vector<Index> lengths{4, 7, 0, 1, 7};
  const auto timeline = Timeline::from_lengths(lengths);
  const MatrixX<double> x = noise(3, timeline.columns(), 3);
  const auto whole = run(model, x, timeline);
  const auto part_of = [&](const std::vector<Index>& samples) {
    std::vector<Index> chosen;
    for (const Index b : samples) chosen.push_back(lengths[std::size_t(b)]);
    const auto part = Timeline::from_lengths(chosen);
    std::vector<Index> source;
    for (Index c = 0; c < part.columns(); ++c)
      source.push_back(timeline.offset(part.step_of(c)) + timeline.rank(samples[std::size_t(part.sample_of(c))]));
    const auto result = run(model, x(Eigen::all, source), part);
    CHECK(same_bits(result.output, whole.output(Eigen::all, samples)));
    CHECK(same_bits(result.d_x, whole.d_x(Eigen::all, source)));
  };
  for (Index b = 0; b < timeline.batch(); ++b) part_of({b});
  part_of({4, 3, 2, 1, 0});
  part_of({2, 1});
}

TEST_CASE("sequential: values and number of masked steps change no bit") {
  const Deep model = random_deep();
  const auto timeline = Timeline::from_lengths({2, 5, 3});
  const MatrixX<double> x = noise(3, timeline.columns(), 3);
  const auto want = run(model, x, timeline, training);
  MatrixX<bool> mask = MatrixX<bool>::Constant(3, 9, false);  // 4 steps more than the longest sample
  for (Index c = 0; c < x.cols(); ++c) mask(timeline.sample_of(c), timeline.step_of(c)) = true;
  const auto padded = Timeline::from_mask(mask);
  MatrixX<double> memory = MatrixX<double>::Constant(3, 27, std::numeric_limits<double>::quiet_NaN());
  for (Index c = 0; c < x.cols(); ++c) memory.col(timeline.step_of(c) * 3 + timeline.sample_of(c)) = x.col(c);
  const auto got = run(model, padded.pack(memory), padded, training);
  CHECK(same_bits(got.output, want.output));
  CHECK(same_bits(got.d_x, want.d_x));
  CHECK(same_bits(got.gradient, want.gradient));
}

TEST_CASE("sequential: repeated passes have the same bits with buffers of other batches") {
  const Deep model = random_deep();
  const auto timeline = Timeline::from_lengths({2, 5, 3}), larger = Timeline::from_lengths({9, 4, 8, 8, 0});
  const MatrixX<double> x = noise(3, timeline.columns(), 3), other = noise(3, larger.columns(), 4);
  Deep::Tape tape;
  const MatrixX<double> first = model.forward(x, timeline, tape, training);
  auto want = model.parameters().zeros_like(), gradient = want;
  model.backward(tape, first, want);
  model.forward(other, larger, tape);
  model.backward(tape, MatrixX<double>::Ones(2, 5), gradient);
  CHECK(same_bits(model.forward(x, timeline, tape, training), first));
  gradient.values().setZero();
  model.backward(tape, first, gradient);
  CHECK(same_bits(gradient.values(), want.values()));
}

TEST_CASE("sequential: backward adds to the gradient") {
  const Deep model = random_deep();
  const auto timeline = Timeline::from_lengths({2, 3});
  const MatrixX<double> x = noise(3, 5), d_out = noise(2, 2);
  Deep::Tape tape;
  auto once = model.parameters().zeros_like(), twice = once;
  model.forward(x, timeline, tape);
  model.backward(tape, d_out, once);
  for (int k = 0; k < 2; ++k) {
    model.forward(x, timeline, tape);
    model.backward(tape, d_out, twice);
  }
  CHECK(twice.values().isApprox(2 * once.values(), 1e-14));
}

TEST_CASE("sequential: initial values depend on the seed, biases and gates on their role") {
  auto model = deep(), again = deep(), other = deep();
  model.initialise(1), again.initialise(1), other.initialise(2);
  CHECK(same_bits(model.parameters().values(), again.parameters().values()));
  CHECK(!same_bits(model.parameters()["1.n.x"], other.parameters()["1.n.x"]));
  CHECK(!same_bits(model.parameters()["1.r.h"], model.parameters()["1.z.h"]));
  CHECK((model.parameters()["3.backward.f.b"].array() == 1).all());
  CHECK(model.parameters()["3.backward.i.b"].isZero(0));
  const MatrixX<double> h = model.parameters()["4.h.h"];
  CHECK((h * h.transpose()).isIdentity(1e-12));
}

TEST_CASE("sequential: passes allocate nothing after the first batch, for smaller batches too") {
  auto model =
      sequential<double>(3, Recurrent<Gru>{.units = 5}, Dropout{.rate = 0.3},
                         Bidirectional<Lstm>{.units = 3, .merge = Merge::product}, MaxOverTime{}, Dense{.units = 2});
  randomise(model);
  const auto large = Timeline::from_lengths({9, 4, 8, 8, 0}), small = Timeline::from_lengths({3, 0, 7});
  const MatrixX<double> x = noise(3, large.columns()), y = noise(3, small.columns());
  const MatrixX<double> d_large = noise(2, 5), d_small = noise(2, 3);
  auto gradient = model.parameters().zeros_like();
  decltype(model)::Tape tape;
  const auto step = [&](const auto& input, const auto& timeline, const auto& d_out) {
    model.forward(input, timeline, tape, training);
    model.backward(tape, d_out, gradient);
  };
  step(x, large, d_large);
  support::AllocationCount allocations;
  Eigen::internal::set_is_malloc_allowed(false);
  step(x, large, d_large);
  step(y, small, d_small);
  step(x, large, d_large);
  Eigen::internal::set_is_malloc_allowed(true);
  const auto count = allocations.count();
  CHECK(count == 0);
}

TEST_CASE("model: a temporary input or timeline lives until the backward pass") {
  // h = 5 x + 4 h_before: from h = 7, the inputs x = 2, 3 give 38, then 167; the loss is the last value.
  auto model = sequential<double>(1, Recurrent<ElmanWith<Identity>::Cell>{.units = 1});
  model.parameters().values() << 5, 4, 0;
  MatrixX<double> longer(1, 3);
  longer << 2, 3, 9;
  decltype(model)::Tape tape;
  decltype(model)::Weights weights;
  model.prepare(weights);
  model.prepare_back(weights);
  const int given = GENERATE(range(0, 6));
  MatrixX<double> output;
  const auto two = [] { return Timeline::rectangular(1, 2); };
  const ModelState<double> initial{{MatrixX<double>::Constant(1, 1, 7)}};
  if (given == 0) output = model.forward(longer.leftCols(2), two(), tape, {}, {{MatrixX<double>::Constant(1, 1, 7)}});
  if (given == 1) output = model.forward(MatrixX<double>(longer.leftCols(2)), two(), tape, {}, initial);
  if (given == 2) output = model.forward(weights, longer.leftCols(2) * 1., two(), tape, {}, initial);
  if (given == 3)
    output = model.forward(Eigen::Map<const MatrixX<double>>(longer.data(), 1, 2), two(), tape, {}, initial);
  if (given == 4) model.begin_learning(weights, longer.leftCols(2), two(), tape, {}, initial);
  if (given == 5) {
    Timeline moved = two();
    model.forward(MatrixX<double>{{1}}, Timeline::rectangular(1, 1), tape);
    output = model.forward(longer.leftCols(2), std::move(moved), tape, {}, initial);
  }
  const MatrixX<double> noise_in_freed_memory = noise(1, 2);
  const Timeline other = Timeline::from_lengths({7, 5, 1});
  auto gradient = model.parameters().zeros_like();
  ModelState<double> d_initial;
  MatrixX<double> d_output(1, 2), d_x;
  d_output << 0, 1;
  if (given != 4) CHECK(same_bits(output, MatrixX<double>{{38, 167}}));
  model.backward(tape, d_output, gradient, &d_x, {}, &d_initial);
  CHECK(same_bits(gradient.values(), VectorX<double>{{11, 66, 1 + 4}}));
  CHECK(same_bits(d_x, MatrixX<double>{{20, 5}}));
  CHECK(d_initial.at(0).at(0)(0, 0) == 16);
}

}  // namespace test_sequential
