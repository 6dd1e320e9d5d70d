// CTC decoding against the sum over all paths.

#include <map>
#include <unroll/infer/ctc.hpp>

#include "support/catch.hpp"

namespace test_ctc {

using namespace unroll;

namespace {

using Sequence = std::vector<Index>;

/// Reproducible logits in [-2, 2] without a regular pattern.
MatrixX<double> wave(Index rows, Index cols, double phase) {
  return MatrixX<double>::NullaryExpr(
      rows, cols, [=](Index r, Index c) { return 2 * std::sin(double(1 + r * cols + c) * 1.7 + phase); });
}

Sequence written_by(const Sequence& path, Index blank) {
  Sequence labels;
  for (std::size_t t = 0; t < path.size(); ++t)
    if (path[t] != blank && (t == 0 || path[t] != path[t - 1])) labels.push_back(path[t]);
  return labels;
}

/// Probability of every label sequence, by enumeration of paths.
std::map<Sequence, double> all_sequences(const MatrixX<double>& logits, Index blank) {
  MatrixX<double> p = logits.array().exp().matrix();
  for (Index t = 0; t < p.cols(); ++t) p.col(t) /= p.col(t).sum();
  std::map<Sequence, double> sum;
  Sequence path(std::size_t(p.cols()), 0);
  for (bool more = true; more;) {
    double product = 1;
    for (Index t = 0; t < p.cols(); ++t) product *= p(path[std::size_t(t)], t);
    sum[written_by(path, blank)] += product;
    more = false;
    for (std::size_t t = 0; t < path.size() && !more; ++t) {
      more = ++path[t] < p.rows();
      if (!more) path[t] = 0;
    }
  }
  return sum;
}

Timeline one(Index steps) { return Timeline::from_lengths({steps}); }

}  // namespace

TEST_CASE("ctc greedy: returns the path of the largest outputs without repetitions and blanks", "[ctc]") {
  const Sequence path{1, 1, 0, 1, 2, 2, 0, 0, 2, 1};
  MatrixX<float> output = MatrixX<float>::Zero(3, 10);
  for (Index t = 0; t < 10; ++t) output(path[std::size_t(t)], t) = 2;
  const auto result = ctc_greedy(output, one(10));
  CHECK(result.at(0).labels == Sequence{1, 1, 2, 2, 1});
  CHECK(result.at(0).log_probability == Approx(10 * (2 - std::log(std::exp(2.0) + 2))));
  CHECK(ctc_greedy(output, one(10), 1).at(0).labels == Sequence{0, 2, 0, 2});
  CHECK(ctc_greedy(output, one(10), 2).at(0).labels == Sequence{1, 0, 1, 0, 1});
  CHECK(ctc_greedy(MatrixX<float>(MatrixX<float>::Zero(3, 4)), one(4), 2).at(0).labels == Sequence{0});
}

TEST_CASE("ctc beam search: probabilities are exact when the beams cover all label sequences", "[ctc]") {
  for (const Index blank : {0, 2})
    for (const auto& [classes, steps] : {std::pair{3, 5}, std::pair{4, 4}, std::pair{2, 6}, std::pair{3, 1}}) {
      if (blank >= classes) continue;
      CAPTURE(blank, classes, steps);
      const MatrixX<double> logits = wave(classes, steps, 0.3 * double(blank));
      const auto right = all_sequences(logits, blank);
      const auto found = ctc_beam_search(logits, one(steps), {.blank = blank, .beams = 2000, .n_best = 2000}).at(0);
      CHECK(found.size() == right.size());
      double sum = 0, before = 0;
      for (const auto& result : found) {
        REQUIRE(right.contains(result.labels));
        CHECK(std::exp(result.log_probability) == Approx(right.at(result.labels)).epsilon(1e-10));
        CHECK(result.log_probability <= before + 1e-12);
        before = result.log_probability;
        sum += std::exp(result.log_probability);
      }
      CHECK(sum == Approx(1).epsilon(1e-12));
    }
}

TEST_CASE("ctc beam search: probabilities do not exceed the exact ones when beams are few", "[ctc]") {
  Index best_found = 0;
  for (int trial = 0; trial < 20; ++trial) {
    const MatrixX<double> logits = wave(4, 5, trial);
    const auto right = all_sequences(logits, 0);
    const auto best = std::ranges::max_element(right, {}, [](const auto& entry) { return entry.second; });
    for (const Index beams : {1, 2, 4, 8}) {
      const auto found = ctc_beam_search(logits, one(5), {.beams = beams, .n_best = beams}).at(0);
      CHECK(Index(found.size()) <= beams);
      for (const auto& result : found) CHECK(std::exp(result.log_probability) <= right.at(result.labels) * (1 + 1e-12));
      if (beams == 8) best_found += found.front().labels == best->first;
    }
  }
  CHECK(best_found >= 19);
}

TEST_CASE("ctc beam search: the sum over paths of the same labels outweighs the best path", "[ctc]") {
  // The blank has probability 0.4 at both steps, each label 0.3. The best path has no labels and probability 0.16;
  // label 1 has 0.09 + 2 * 0.12.
  MatrixX<double> output(3, 2);
  output.row(0).setConstant(std::log(0.4));
  output.bottomRows(2).setConstant(std::log(0.3));
  CHECK(ctc_greedy(output, one(2)).at(0).labels.empty());
  CHECK(std::exp(ctc_greedy(output, one(2)).at(0).log_probability) == Approx(0.16));
  const auto found = ctc_beam_search(output, one(2), {.beams = 8, .n_best = 2}).at(0);
  CHECK(found.at(0).labels == Sequence{1});  // as likely as {2}, with a lower label
  CHECK(std::exp(found.at(0).log_probability) == Approx(0.33));
  CHECK(found.at(1).labels == Sequence{2});
}

TEST_CASE("ctc beam search: a dropped prefix that is found again merges with its continuations", "[ctc]") {
  // Reference values are from a table of prefixes by label sequence. The third step drops prefix 2, 1 and keeps 2 and
  // 2, 1, 2. The fourth step finds 2, 1 again, and at the last step its paths that end with 2 belong to 2, 1, 2.
  MatrixX<double> p(3, 5);
  p << 0.02, 0.02, 0.01, 0.1, 0.1,  //
      0.02, 0.48, 0.01, 0.8, 0.1,   //
      0.96, 0.5, 0.98, 0.1, 0.8;
  const MatrixX<double> logits = p.array().log().matrix();
  const auto check = [&](Index beams, std::vector<std::pair<Sequence, double>> right) {
    const auto found = ctc_beam_search(logits, one(5), {.beams = beams, .n_best = beams}).at(0);
    CAPTURE(beams);
    REQUIRE(found.size() == right.size());
    for (std::size_t k = 0; k < right.size(); ++k) {
      CHECK(found[k].labels == right[k].first);
      CHECK(std::exp(found[k].log_probability) == Approx(right[k].second).epsilon(1e-12));
    }
  };
  check(3, {{{2, 1, 2}, 0.31058688}, {{2, 1, 2, 1, 2}, 0.28901376}, {{2, 1}, 0.08730164}});
  check(4, {{{2, 1, 2}, 0.35574528}, {{2, 1, 2, 1, 2}, 0.28901376}, {{2, 1}, 0.08730164}, {{2, 1, 2, 1}, 0.08128512}});
}

TEST_CASE("ctc decoding: results of a batch equal those of each sample alone, in sample order", "[ctc]") {
  const auto timeline = Timeline::from_lengths({2, 0, 5});
  const MatrixX<double> output = wave(4, 7, 1);
  const auto paths = ctc_greedy(output, timeline);
  const auto beams = ctc_beam_search(output, timeline, {.beams = 6, .n_best = 3});
  REQUIRE(paths.size() == 3);
  REQUIRE(beams.size() == 3);
  CHECK(paths[1].labels.empty());
  CHECK(paths[1].log_probability == 0);
  REQUIRE(beams[1].size() == 1);
  CHECK(beams[1][0].labels.empty());
  CHECK(beams[1][0].log_probability == 0);
  for (const Index b : {0, 2}) {
    const Index rank = timeline.rank(b), steps = timeline.length(rank);
    MatrixX<double> mine(4, steps);
    for (Index t = 0; t < steps; ++t) mine.col(t) = output.col(timeline.offset(t) + rank);
    CHECK(ctc_greedy(mine, one(steps)).at(0).labels == paths[std::size_t(b)].labels);
    const auto alone = ctc_beam_search(mine, one(steps), {.beams = 6, .n_best = 3}).at(0);
    REQUIRE(alone.size() == beams[std::size_t(b)].size());
    for (std::size_t k = 0; k < alone.size(); ++k) {
      CHECK(alone[k].labels == beams[std::size_t(b)][k].labels);
      CHECK(alone[k].log_probability == beams[std::size_t(b)][k].log_probability);
    }
  }
}

TEST_CASE("ctc decoding: classes with logit -inf do not occur in results", "[ctc]") {
  MatrixX<float> output = wave(4, 6, 2).cast<float>();
  output.row(2).setConstant(-std::numeric_limits<float>::infinity());
  const auto without_2 = ctc_beam_search(output, one(6), {.beams = 5000, .n_best = 5000}).at(0);
  CHECK(without_2.size() > 20);
  for (const auto& result : without_2) CHECK(std::ranges::find(result.labels, 2) == result.labels.end());
  output.row(0).setConstant(-std::numeric_limits<float>::infinity());  // the blank
  const auto without_blank = ctc_beam_search(output, one(6), {.beams = 9, .n_best = 9}).at(0);
  CHECK(without_blank.size() == 9);
  for (const auto& result : without_blank) {
    CHECK_FALSE(result.labels.empty());
    CHECK(std::isfinite(result.log_probability));
  }
}

TEST_CASE("ctc decoding: refuses inconsistent sizes, invalid options and non-finite outputs", "[ctc]") {
  MatrixX<double> output = wave(4, 6, 0);
  CHECK_THROWS_MATCHES(ctc_greedy(output, one(5)), ShapeError,
                       says("the output must have 5 columns, as the timeline, got 6"));
  CHECK_THROWS_MATCHES(ctc_greedy(output, one(6), 4), ValueError, says("blank must be 0 to 3, got 4"));
  CHECK_THROWS_MATCHES(ctc_beam_search(output, one(5)), ShapeError, says("must have 5 columns, as the timeline"));
  CHECK_THROWS_MATCHES(ctc_beam_search(output, one(6), {.blank = -1}), ValueError,
                       says("blank must be 0 to 3, got -1"));
  CHECK_THROWS_MATCHES(ctc_beam_search(output, one(6), {.beams = 0}), ValueError,
                       says("beams must be at least 1, got 0"));
  CHECK_THROWS_MATCHES(ctc_beam_search(output, one(6), {.beams = 2, .n_best = 3}), ValueError,
                       says("n_best must be 1 to 2, the number of beams, got 3"));
  for (const double bad : {std::numeric_limits<double>::quiet_NaN(), std::numeric_limits<double>::infinity()}) {
    output(1, 3) = bad;
    CHECK_THROWS_MATCHES(ctc_greedy(output, one(6)), NonFiniteError, says("ctc greedy: sample 0, step 3"));
    CHECK_THROWS_MATCHES(ctc_beam_search(output, one(6)), NonFiniteError, says("ctc beam search: sample 0, step 3"));
  }
}

}  // namespace test_ctc
