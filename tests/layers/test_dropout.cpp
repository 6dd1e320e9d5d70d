#include <unroll/layers/dropout.hpp>

#include "layers/model_run.hpp"
#include "support/catch.hpp"

namespace test_dropout {

using namespace unroll;
using namespace model_run;

namespace {

/// Dropout mask: the output for an input of ones.
MatrixX<double> mask(const Timeline& timeline, Pass pass, Dropout options = {.rate = 0.4}, Index features = 6) {
  auto model = sequential<double>(features, options);
  typename decltype(model)::Tape tape;
  return model.forward(MatrixX<double>::Ones(features, timeline.columns()), timeline, tape, pass);
}

constexpr Pass training{.training = true, .seed = 7, .update = 3};

}  // namespace

TEST_CASE("dropout: drops values independently and scales the others") {
  const auto timeline = Timeline::rectangular(20, 30);
  const MatrixX<double> m = mask(timeline, training, {.rate = 0.4}, 10);
  CHECK((m.array() == 0 || m.array() == 1 / 0.6).all());
  const double kept = double((m.array() != 0).count()) / double(m.size());
  CHECK(std::abs(kept - 0.6) < 0.02);  // 6000 values: 0.02 is 3 standard deviations
  CHECK(std::abs(m.mean() - 1) < 0.03);
  // Neighbours in feature, step and sample are independent: they agree as often as by chance.
  const auto agree = [](const auto& a, const auto& b) {
    return double((a.array() == b.array()).count()) / double(a.size());
  };
  const double chance = 0.6 * 0.6 + 0.4 * 0.4;
  CHECK(std::abs(agree(m.topRows(9), m.bottomRows(9)) - chance) < 0.03);
  CHECK(std::abs(agree(m.leftCols(580), m.rightCols(580)) - chance) < 0.03);
  CHECK(std::abs(agree(m.leftCols(599), m.rightCols(599)) - chance) < 0.03);
}

TEST_CASE("dropout: changes nothing in evaluation and at rate 0") {
  const auto timeline = Timeline::from_lengths({3, 1});
  CHECK(same_bits(mask(timeline, {}), MatrixX<double>::Ones(6, 4)));
  CHECK(same_bits(mask(timeline, training, {.rate = 0}), MatrixX<double>::Ones(6, 4)));
}

TEST_CASE("dropout: same_for_all_steps draws one mask for each sample") {
  const auto timeline = Timeline::from_lengths({3, 5, 5});
  const MatrixX<double> m = mask(timeline, training, {.rate = 0.5, .same_for_all_steps = true}, 16);
  for (Index c = 0; c < m.cols(); ++c) CHECK(same_bits(m.col(c), m.col(timeline.rank_of(c))));
  CHECK(!same_bits(m.col(0), m.col(1)));
  CHECK(!same_bits(m.col(1), m.col(2)));
}

TEST_CASE("dropout: masks depend on seed, update, layer, sample, step and feature, not on the rank") {
  const auto timeline = Timeline::from_lengths({2, 4, 3});
  const MatrixX<double> m = mask(timeline, training);
  CHECK(same_bits(m, mask(timeline, training)));
  CHECK(!same_bits(m, mask(timeline, {.training = true, .seed = 8, .update = 3})));
  CHECK(!same_bits(m, mask(timeline, {.training = true, .seed = 7, .update = 4})));

  const auto other = Timeline::from_lengths({6, 3, 1, 9});  // samples 0 and 1 at other ranks of another batch
  const MatrixX<double> n = mask(other, training);
  for (Index a = 0; a < timeline.columns(); ++a)
    for (Index b = 0; b < other.columns(); ++b)
      if (timeline.sample_of(a) == other.sample_of(b) && timeline.step_of(a) == other.step_of(b))
        CHECK(same_bits(m.col(a), n.col(b)));

  MatrixX<bool> gaps(1, 5);
  gaps << 0, 1, 0, 1, 1;  // the mask depends on the index of the step in the padded batch
  const MatrixX<double> p = mask(Timeline::from_mask(gaps), training);
  CHECK(same_bits(p.col(1), mask(Timeline::rectangular(1, 5), training).col(3)));

  auto two = sequential<double>(6, Dropout{.rate = 0.4}, Dropout{.rate = 0.4});
  decltype(two)::Tape tape;
  two.forward(MatrixX<double>::Ones(6, 9), timeline, tape, training);
  CHECK(same_bits(tape.in[1].values, m));
  CHECK(!same_bits(tape.in[2].values, MatrixX<double>(m.cwiseProduct(m))));  // the second layer has a different mask
}

TEST_CASE("dropout: a window of a batch has the masks of the whole batch") {
  const auto timeline = Timeline::from_lengths({2, 5, 3});
  const auto window = timeline.window(1, 4);
  CHECK(same_bits(mask(window, training), mask(timeline, training).middleCols(timeline.offset(1), window.columns())));
}

TEST_CASE("dropout: gradients match central differences") {
  auto model = sequential<double>(3, Dropout{.rate = 0.5}, Dropout{.rate = 0.3, .same_for_all_steps = true});
  const auto report = gradients(model, training);
  INFO(report.text());
  CHECK(report.worst < 1e-7);
}

TEST_CASE("dropout: refuses rates out of range") {
  const auto with = [](double rate) { sequential<double>(3, Dropout{.rate = rate}); };
  CHECK_THROWS_MATCHES(with(1), ValueError, says("layer 0 (dropout): rate must be in [0, 1) in double, got 1"));
  CHECK_THROWS_AS(with(-0.1), ValueError);
  CHECK_THROWS_AS(with(std::nan("")), ValueError);
}

TEST_CASE("dropout: an overflow is located by sample and step") {
  auto model = sequential<double>(2, Dropout{.rate = 0.5});
  decltype(model)::Tape tape;
  MatrixX<double> x = MatrixX<double>::Ones(2, 20);
  x.col(13).setConstant(std::numeric_limits<double>::max());
  const auto timeline = Timeline::rectangular(2, 10);
  Pass pass = training;
  while (mask(timeline, pass, {.rate = 0.5}, 2).col(13).isZero(0)) ++pass.update;
  model.forward(x, timeline, tape, pass);
  CHECK(model.locate_non_finite(tape) == "layer 0 (dropout): its output at sample 1, step 6");
}

}  // namespace test_dropout
