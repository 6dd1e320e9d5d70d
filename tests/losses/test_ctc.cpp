// CTC loss: compared with the sum over all paths; errors thrown.

#include <unroll/losses/ctc.hpp>

#include "support/allocations.hpp"
#include "support/catch.hpp"

namespace test_ctc {

using namespace unroll;

namespace {

constexpr double infinity = std::numeric_limits<double>::infinity();
using Targets = std::vector<std::vector<Index>>;

/// Deterministic numbers in [-2, 2] without a regular pattern.
template <class S = double>
MatrixX<S> wave(Index rows, Index cols, double phase = 0) {
  return MatrixX<S>::NullaryExpr(
      rows, cols, [=](Index r, Index c) { return S(2 * std::sin(double(1 + r * cols + c) * 1.7 + phase)); });
}

/// Labels of a path: repetitions merged, blanks removed.
std::vector<Index> written_by(const std::vector<Index>& path, Index blank) {
  std::vector<Index> labels;
  for (std::size_t t = 0; t < path.size(); ++t)
    if (path[t] != blank && (t == 0 || path[t] != path[t - 1])) labels.push_back(path[t]);
  return labels;
}

/// Probability of a target: the sum over all paths.
double probability_of(const MatrixX<double>& logits, const std::vector<Index>& target, Index blank) {
  const Index classes = logits.rows(), steps = logits.cols();
  MatrixX<double> p = logits.array().exp().matrix();
  for (Index t = 0; t < steps; ++t) p.col(t) /= p.col(t).sum();
  double sum = 0;
  std::vector<Index> path(std::size_t(steps), 0);
  for (bool more = true; more;) {
    double product = 1;
    for (Index t = 0; t < steps; ++t) product *= p(path[std::size_t(t)], t);
    if (written_by(path, blank) == target) sum += product;
    more = false;
    for (std::size_t t = 0; t < path.size() && !more; ++t) {
      more = ++path[t] < classes;
      if (!more) path[t] = 0;
    }
  }
  return sum;
}

/// Three sequences of 2, 4 and 3 steps; ranks in the order of samples 1, 2, 0.
const Timeline three = Timeline::from_lengths({2, 4, 3});
const Targets few{{2}, {1, 1}, {0, 2}};

MatrixX<double> own(const MatrixX<double>& packed, const Timeline& timeline, Index sample) {
  const Index rank = timeline.rank(sample);
  MatrixX<double> out(packed.rows(), timeline.length(rank));
  for (Index t = 0; t < out.cols(); ++t) out.col(t) = packed.col(timeline.offset(t) + rank);
  return out;
}

template <class S>
double worst_gradient(const CtcLoss<S>& loss, const MatrixX<S>& output, const Timeline& timeline,
                      const Targets& targets, const VectorX<double>& weights, double h) {
  MatrixX<S> gradient(output.rows(), output.cols());
  loss(output, timeline, targets, gradient, {.weights = weights});
  const CtcLoss<double> exact({loss.options()});
  double worst = 0;
  for (Index k = 0; k < output.size(); ++k) {
    MatrixX<double> more = output.template cast<double>(), less = more;
    more.data()[k] += h, less.data()[k] -= h;
    const double slope = (exact(more, timeline, targets, {.weights = weights}).value() -
                          exact(less, timeline, targets, {.weights = weights}).value()) /
                         (2 * h);
    worst = std::max(worst, std::abs(slope - double(gradient.data()[k])));
  }
  return worst;
}

}  // namespace

TEST_CASE("ctc: the loss is minus the logarithm of the sum over all paths of the target", "[ctc]") {
  const MatrixX<double> logits = wave(4, 6);
  const auto timeline = Timeline::from_lengths({6});
  const CtcLoss<double> first, second({.blank = 2}), last({.blank = 3});
  VectorX<double> loss(1);
  const auto check = [&](const CtcLoss<double>& ctc, const std::vector<Index>& target) {
    CAPTURE(ctc.options().blank, target);
    ctc.per_sequence(logits, timeline, Targets{target}, loss);
    CHECK(loss[0] == Approx(-std::log(probability_of(logits, target, ctc.options().blank))).epsilon(1e-12));
  };
  for (const auto& target :
       Targets{{}, {1}, {3, 2, 1}, {1, 1}, {2, 2, 2}, {1, 2, 1, 2}, {1, 2, 3, 1, 2, 3}, {3, 3, 2, 2}})
    check(first, target);
  for (const auto& target : Targets{{}, {0}, {0, 0, 3}, {3, 1, 1, 0}}) check(second, target);
  for (const auto& target : Targets{{}, {0, 1, 2}, {2, 2, 1, 1}}) check(last, target);
}

TEST_CASE("ctc: each sequence of a batch uses its own valid steps, with gaps in a mask too", "[ctc]") {
  MatrixX<bool> mask(3, 6);
  mask << false, true, false, true, false, false,  //
      true, true, false, true, true, false,        //
      false, true, true, false, false, true;
  const auto gaps = Timeline::from_mask(mask);
  const MatrixX<double> padded = wave(3, 18);
  const CtcLoss<double> ctc({.blank = 0});
  const Targets targets{{2}, {1, 1}, {1, 2}};
  VectorX<double> losses(3);
  ctc.per_sequence(gaps.pack(padded), gaps, targets, losses);
  for (Index b = 0; b < 3; ++b) {
    MatrixX<double> valid(3, mask.row(b).count());
    for (Index t = 0, k = 0; t < 6; ++t)
      if (mask(b, t)) valid.col(k++) = padded.col(t * 3 + b);
    CHECK(losses[b] == Approx(-std::log(probability_of(valid, targets[std::size_t(b)], 0))).epsilon(1e-12));
  }
}

TEST_CASE("ctc: gradients match central differences under every reduction", "[ctc]") {
  const VectorX<double> weights = (VectorX<double>(3) << 0.5, 2, 1.5).finished();
  for (const auto reduction :
       {Reduction::sum, Reduction::valid, Reduction::weighted, Reduction::per_sequence, Reduction::batch})
    for (const auto& own_weights : {VectorX<double>(), weights}) {
      CAPTURE(int(reduction), own_weights.size());
      CHECK(worst_gradient(CtcLoss<double>({.blank = 3, .reduction = reduction}), wave(5, 9), three, few, own_weights,
                           1e-5) < 1e-9);
      CHECK(worst_gradient(CtcLoss<float>({.blank = 3, .reduction = reduction}), wave<float>(5, 9), three, few,
                           own_weights, 1e-5) < 1e-6);
    }
}

TEST_CASE("ctc: the gradient may overwrite the output", "[ctc]") {
  const CtcLoss<double> ctc({.blank = 3});
  const MatrixX<double> output = wave(5, 9);
  MatrixX<double> apart(5, 9), within = output;
  ctc(output, three, few, apart);
  ctc(within, three, few, within);
  CHECK(apart == within);
}

TEST_CASE("ctc: each reduction divides by its denominator", "[ctc]") {
  const MatrixX<double> output = wave(5, 9);
  const Targets targets{{2}, {}, {0, 2}};
  const VectorX<double> w = (VectorX<double>(3) << 0.5, 2, 1.5).finished();
  VectorX<double> l(3);
  CtcLoss<double>({.blank = 3}).per_sequence(output, three, targets, l);
  const auto value = [&](Reduction reduction, const Columns& columns) {
    return CtcLoss<double>({.blank = 3, .reduction = reduction})(output, three, targets, columns).value();
  };
  CHECK(value(Reduction::sum, {}) == Approx(l.sum()));
  CHECK(value(Reduction::batch, {}) == Approx(l.sum() / 3));
  CHECK(value(Reduction::valid, {}) == Approx(l.sum() / 4));
  CHECK(value(Reduction::per_sequence, {}) == Approx((l[0] + l[1] + l[2] / 2) / 3));
  const double weighted = 0.5 * l[0] + 2 * l[1] + 1.5 * l[2];
  CHECK(value(Reduction::sum, {.weights = w}) == Approx(weighted));
  CHECK(value(Reduction::weighted, {.weights = w}) == Approx(weighted / (0.5 + 2 + 2 * 1.5)));
  CHECK(value(Reduction::per_sequence, {.weights = w}) == Approx((0.5 * l[0] + 2 * l[1] + 0.75 * l[2]) / 3));
}

TEST_CASE("ctc: a target without a path has an infinite loss, or 0 with zero_infinity", "[ctc]") {
  const MatrixX<double> output = wave(5, 9);
  const Targets targets{{1, 1}, {1, 1, 2}, {1, 2, 2}};  // required steps: 3, 4 and 4; available: 2, 4 and 3
  MatrixX<double> gradient(5, 9);
  const LossValue infinite = CtcLoss<double>()(output, three, targets, gradient);
  CHECK(infinite.sum == infinity);
  CHECK(own(gradient, three, 0).array().isNaN().all());
  CHECK(own(gradient, three, 1).allFinite());
  CHECK(own(gradient, three, 2).array().isNaN().all());
  const LossValue zeroed = CtcLoss<double>({.zero_infinity = true})(output, three, targets, gradient);
  const double only = -std::log(probability_of(own(output, three, 1), {1, 1, 2}, 0));
  CHECK(zeroed.value() == Approx(only / 3 / 3));  // 3 labels of sequence 1; all three sequences count
  CHECK(zeroed.scored == 8);
  CHECK(own(gradient, three, 0).isZero(0));
  CHECK(own(gradient, three, 2).isZero(0));
  CHECK_FALSE(own(gradient, three, 1).isZero(1e-3));
}

TEST_CASE("ctc: an impossible class makes only its targets infinite", "[ctc]") {
  MatrixX<double> output = wave(3, 8);
  output.row(2).setConstant(-infinity);
  const auto timeline = Timeline::from_lengths({4, 4});
  MatrixX<double> gradient(3, 8);
  VectorX<double> losses(2);
  const Targets targets{{2}, {1, 1}};
  CtcLoss<double>().per_sequence(output, timeline, targets, losses);
  CHECK(losses[0] == infinity);
  CHECK(losses[1] == Approx(-std::log(probability_of(own(output, timeline, 1), {1, 1}, 0))));
  CtcLoss<double>({.zero_infinity = true})(output, timeline, targets, gradient);
  CHECK(own(gradient, timeline, 0).isZero(0));
  CHECK(gradient.allFinite());
}

TEST_CASE("ctc: a NaN in the output gives a NaN loss and gradient", "[ctc]") {
  for (const bool zeroed : {false, true})
    for (Index k = 0; k < 12; ++k) {
      MatrixX<double> output = wave(3, 4), gradient(3, 4);
      output.data()[k] = std::numeric_limits<double>::quiet_NaN();
      const auto timeline = Timeline::from_lengths({4});
      CHECK(
          std::isnan(CtcLoss<double>({.zero_infinity = zeroed})(output, timeline, Targets{{1, 2}}, gradient).value()));
      CHECK_FALSE(gradient.allFinite());
    }
}

TEST_CASE("ctc: handles sequences without steps and samples without a target", "[ctc]") {
  const auto timeline = Timeline::from_lengths({0, 3, 2});
  const MatrixX<double> output = wave(4, 5);
  MatrixX<double> gradient = MatrixX<double>::Ones(4, 5);
  const LossValue value = CtcLoss<double>()(output, timeline, Targets{{}, {1}, {-1}}, gradient);
  CHECK(value.scored == 2);  // an empty target counts as one label
  CHECK(value.unscored == 1);
  CHECK(value.value() == Approx(-std::log(probability_of(own(output, timeline, 1), {1}, 0)) / 2));
  CHECK(own(gradient, timeline, 2).isZero(0));
  const LossValue none = CtcLoss<double>()(output, timeline, Targets{{-1}, {-1}, {-1}}, gradient);
  CHECK(none.value() == 0);
  CHECK(none.empty == 1);
  CHECK(gradient.isZero(0));
  CHECK(CtcLoss<double>()(output, timeline, Targets{{1}, {1}, {1}}).value() == infinity);
}

TEST_CASE("ctc: weight 0 excludes a sequence, also one with an infinite loss", "[ctc]") {
  const MatrixX<double> output = wave(5, 9);
  MatrixX<double> gradient(5, 9);
  const VectorX<double> weights = (VectorX<double>(3) << 0, 1, 1).finished();
  const LossValue value = CtcLoss<double>()(output, three, Targets{{1, 1}, {1}, {2}}, gradient, {.weights = weights});
  CHECK(std::isfinite(value.value()));
  CHECK(own(gradient, three, 0).isZero(0));
}

TEST_CASE("ctc: log-probabilities have the loss and gradient of their logits", "[ctc]") {
  const MatrixX<double> logits = 3 * wave(5, 9);
  MatrixX<double> logarithms = logits, of_logits(5, 9), of_logarithms(5, 9);
  for (Index c = 0; c < 9; ++c) logarithms.col(c).array() -= std::log(logits.col(c).array().exp().sum());
  const CtcLoss<double> ctc({.blank = 3});
  CHECK(ctc(logits, three, few, of_logits).value() == Approx(ctc(logarithms, three, few, of_logarithms).value()));
  CHECK(of_logits.isApprox(of_logarithms, 1e-12));
}

TEST_CASE("ctc: large outputs have a finite loss and gradient", "[ctc]") {
  for (const double size : {1e2, 1e4, 1e30}) {
    MatrixX<float> output = (size * wave(5, 9)).cast<float>(), gradient(5, 9);
    CHECK(std::isfinite(CtcLoss<float>({.blank = 3})(output, three, few, gradient).value()));
    CHECK(gradient.allFinite());
  }
}

TEST_CASE("ctc: the loss of equal outputs over 4000 steps in float equals the path count", "[ctc]") {
  // With equal outputs all paths have the same probability. A target without equal neighbours has C(T + n, 2 n) paths:
  // each path is a choice of the positions of the 2 n borders of its labels.
  const Index steps = 4000, labels = 600, classes = 30;
  std::vector<Index> target(std::size_t(labels), 0);
  for (Index k = 0; k < labels; ++k) target[std::size_t(k)] = 1 + k % (classes - 1);
  const MatrixX<float> output = MatrixX<float>::Constant(classes, steps, 7.25f);
  const auto timeline = Timeline::from_lengths({steps});
  const double paths = std::lgamma(double(steps + labels + 1)) - std::lgamma(double(2 * labels + 1)) -
                       std::lgamma(double(steps - labels + 1));
  const double right = double(steps) * std::log(double(classes)) - paths;
  const CtcLoss<float> ctc({.reduction = Reduction::sum});
  MatrixX<float> gradient(classes, steps);
  CHECK(ctc(output, timeline, Targets{target}, gradient).value() == Approx(right).epsilon(1e-11));
  CHECK(gradient.colwise().sum().cwiseAbs().maxCoeff() < 1e-5f);
  // The reversed path gives the reversed target.
  CHECK(gradient.row(0).isApprox(gradient.row(0).reverse(), 1e-5f));
}

TEST_CASE("ctc: the bits of a sequence do not depend on its batch", "[ctc]") {
  const MatrixX<float> output = wave<float>(5, 9);
  const CtcLoss<float> ctc({.blank = 3, .reduction = Reduction::sum});
  MatrixX<float> together(5, 9);
  ctc(output, three, few, together);
  for (Index b = 0; b < 3; ++b) {
    const MatrixX<float> mine = own(output.cast<double>(), three, b).cast<float>();
    MatrixX<float> alone(5, mine.cols());
    ctc(mine, Timeline::from_lengths({mine.cols()}), Targets{few[std::size_t(b)]}, alone);
    CHECK(alone == own(together.cast<double>(), three, b).cast<float>());
  }
}

TEST_CASE("ctc: the values of parts add up to the value of the batch", "[ctc]") {
  for (const auto reduction : {Reduction::valid, Reduction::batch}) {
    const CtcLoss<double> ctc({.blank = 3, .reduction = reduction});
    const MatrixX<double> output = wave(5, 9);
    LossCount total;
    for (const auto& target : few) total += ctc.count(Targets{target});
    LossValue sum;
    for (Index b = 0; b < 3; ++b) {
      LossCount part = ctc.count(Targets{few[std::size_t(b)]});
      part.divide_by(total);
      const MatrixX<double> mine = own(output, three, b);
      sum += ctc(mine, Timeline::from_lengths({mine.cols()}), Targets{few[std::size_t(b)]}, {}, part);
    }
    CHECK(sum.value() == Approx(ctc(output, three, few).value()));
  }
}

TEST_CASE("ctc: refuses invalid targets, sizes and options before it writes anything", "[ctc]") {
  const MatrixX<double> output = wave(5, 9);
  MatrixX<double> gradient = MatrixX<double>::Constant(5, 9, 7);
  const CtcLoss<double> ctc({.blank = 3});
  const auto call = [&](const Targets& targets) { ctc(output, three, targets, gradient); };
  CHECK_THROWS_MATCHES(call({{2}, {1, 5}, {0}}), ValueError, says("ctc: label 1 of target 1 must be 0 to 4, got 5"));
  CHECK_THROWS_MATCHES(call({{2}, {1, -1}, {0}}), ValueError, says("label 1 of target 1 must be 0 to 4, got -1"));
  CHECK_THROWS_MATCHES(call({{2}, {1}, {0, 3}}), ValueError,
                       says("label 1 of target 2 must differ from the blank, got 3"));
  CHECK_THROWS_MATCHES(call({{2}, {1}}), ShapeError,
                       says("targets must have as many sequences as the timeline, 3, got 2"));
  CHECK_THROWS_MATCHES(ctc(wave(5, 8), three, few, gradient), ShapeError,
                       says("output must have as many columns as the timeline, 9, got 8"));
  MatrixX<double> narrow(5, 8);
  CHECK_THROWS_MATCHES(ctc(output, three, few, narrow), ShapeError, says("ctc: gradient must be [5 x 9], got [5 x 8]"));
  CHECK_THROWS_MATCHES(ctc(output, three, few, gradient, {.weights = VectorX<double>::Ones(2)}), ShapeError,
                       says("weights must have as many entries as columns, 3, got 2"));
  CHECK_THROWS_MATCHES(CtcLoss<double>({.blank = 5})(output, three, few, gradient), ValueError,
                       says("blank must be below 5, the number of classes, got 5"));
  CHECK_THROWS_MATCHES(CtcLoss<double>({.blank = -1}), ValueError, says("blank must be at least 0, got -1"));
  VectorX<double> losses(2);
  CHECK_THROWS_MATCHES(ctc.per_sequence(output, three, few, losses), ShapeError,
                       says("losses must have as many entries as samples, 3, got 2"));
  CHECK_THROWS_MATCHES(ctc.check_steps(Targets{{1, 1, 2}}, 0, 3), ValueError,
                       says("output must have at least 4 steps for a target of 3 labels, got 3"));
  CHECK_NOTHROW(ctc.check_steps(Targets{{1, 1, 2}}, 0, 4));
  CHECK(gradient == MatrixX<double>::Constant(5, 9, 7));
}

TEST_CASE("ctc: allocates nothing after the first call", "[ctc]") {
  const MatrixX<float> output = wave<float>(5, 9);
  MatrixX<float> gradient(5, 9);
  const CtcLoss<float> ctc({.blank = 3});
  const LabelSequences targets(few);
  ctc(output, three, targets, gradient);
  const support::AllocationCount allocations;
  ctc(output, three, targets, gradient);
  const auto made = allocations.count();
  CHECK(made == 0);
}

}  // namespace test_ctc
