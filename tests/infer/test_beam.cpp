#include <unroll/infer/beam.hpp>
#include <unroll/infer/greedy.hpp>

#include "infer/written.hpp"

namespace test_beam {

using namespace unroll;
using written::Attending;
using written::chain;
using written::infinity;
using written::Law;
using written::Tokens;
using written::Written;

namespace {

const std::vector<std::uint64_t> keys{3, 1, 4, 15, 9};
const std::vector<Index> lengths{4, 1, 0, 7, 2};

/// Reference score of a hypothesis, computed from its tokens alone.
template <class S>
struct Judge {
  Law<S> law;
  BeamOptions options;
  std::uint64_t key;
  Index length;  // of the source

  Hypothesis<S> operator()(const Tokens& tokens, bool ended) const {
    Hypothesis<S> one{.tokens = tokens, .ended = ended};
    one.log_probability = written::forced(law, key, tokens, ended ? options.limits.end : -1);
    const double n = double(tokens.size()) + (ended ? 1 : 0);
    const LengthPenalty& p = options.length_penalty;
    one.score = n == 0 ? 0 : one.log_probability / std::pow((p.offset + n) / p.scale, p.alpha);
    if (options.coverage_penalty > 0) one.score += options.coverage_penalty * coverage(tokens, n);
    return one;
  }

  double coverage(const Tokens& tokens, double n) const {
    VectorX<double> sum = VectorX<double>::Zero(length);
    Tokens before;
    for (double t = 0; t < std::max(n, 1.0); ++t) {  // without predictions there is still one column of attention
      sum += Attending<S>::of(key, before, length).template cast<double>();
      if (before.size() < tokens.size()) before.push_back(tokens[before.size()]);
    }
    return sum.cwiseMin(1).cwiseMax(1e-6).array().log().sum();
  }
};

template <class S>
bool by_score(const Hypothesis<S>& a, const Hypothesis<S>& b) {
  return a.score > b.score;
}

/// Lists all hypotheses that the limits allow.
template <class S>
void enumerate(const Judge<S>& judge, const Tokens& tokens, Index most, std::vector<Hypothesis<S>>& all) {
  if (Index(tokens.size()) == most) {
    all.push_back(judge(tokens, false));
    return;
  }
  const VectorX<S> logits = judge.law(judge.key, tokens);
  for (Index token = 0; token < logits.size(); ++token) {
    if (!written::allowed(judge.options.limits, tokens, token) || logits[token] == -infinity) continue;
    if (token == judge.options.limits.end) {
      all.push_back(judge(tokens, true));
    } else {
      Tokens longer = tokens;
      longer.push_back(token);
      enumerate(judge, longer, most, all);
    }
  }
}

/// Plain reference of beam search: sorts all candidates and continues up to the largest length.
template <class S>
std::vector<Hypothesis<S>> by_hand(const Judge<S>& judge, Index most) {
  struct One {
    Tokens tokens;
    double log_probability;
    Index token, parent;
  };
  std::vector<Hypothesis<S>> all;
  std::vector<One> live{{{}, 0, 0, 0}};
  for (Index t = 0; t < most; ++t) {
    std::vector<One> next, kept;
    for (std::size_t k = 0; k < live.size(); ++k) {
      const auto p = written::log_probabilities<S>(judge.law(judge.key, live[k].tokens));
      for (Index token = 0; token < p.size(); ++token)
        if (written::allowed(judge.options.limits, live[k].tokens, token))
          next.push_back({live[k].tokens, live[k].log_probability + p[token], token, Index(k)});
    }
    std::sort(next.begin(), next.end(), [](const One& a, const One& b) {
      if (a.log_probability != b.log_probability) return a.log_probability > b.log_probability;
      return a.token != b.token ? a.token < b.token : a.parent < b.parent;
    });
    for (std::size_t i = 0; i < next.size() && Index(i) < judge.options.beams; ++i) {
      if (next[i].token == judge.options.limits.end) {
        all.push_back(judge(next[i].tokens, true));
      } else {
        next[i].tokens.push_back(next[i].token);
        kept.push_back(next[i]);
      }
    }
    live = kept;
  }
  for (const One& one : live) all.push_back(judge(one.tokens, false));
  std::stable_sort(all.begin(), all.end(), by_score<S>);
  if (Index(all.size()) > judge.options.n_best) all.resize(std::size_t(judge.options.n_best));
  return all;
}

template <class S>
void check_near(const std::vector<Hypothesis<S>>& found, const std::vector<Hypothesis<S>>& expected) {
  const double tolerance = sizeof(S) == 4 ? 2e-6 : 1e-12;
  REQUIRE(found.size() == expected.size());
  for (std::size_t i = 0; i < found.size(); ++i) {
    INFO("hypothesis " << i);
    CHECK(found[i].tokens == expected[i].tokens);
    CHECK(found[i].ended == expected[i].ended);
    CHECK(found[i].log_probability == Approx(expected[i].log_probability).epsilon(tolerance).margin(tolerance));
    CHECK(found[i].score == Approx(expected[i].score).epsilon(tolerance).margin(tolerance));
  }
}

const std::vector<LengthPenalty> penalties{
    {}, LengthPenalty::wu(0.6), LengthPenalty::wu(2), LengthPenalty::average(), LengthPenalty::average(0.4)};

}  // namespace

TEST_CASE("beam search: finds the best of all hypotheses when the beam covers them") {
  BeamOptions options{.beams = 1000, .n_best = 6};
  options.length_penalty = penalties[std::size_t(GENERATE(range(0, 5)))];
  options.coverage_penalty = GENERATE(0.0, 0.3, 2.0);
  options.limits = GENERATE(Limits{.end = 1, .longest = 4}, Limits{.end = 3, .shortest = 2, .longest = 4},
                            Limits{.longest = 4}, Limits{.end = 0, .longest = 5, .no_repeat_ngram = 1},
                            Limits{.end = 0, .longest_of = {3, 1, 4, 0, 2}, .no_repeat_ngram = 2});
  const auto law = chain<double>(4, 1.3, std::size_t(GENERATE(1, 1000)));
  Attending<double> decoder(keys, 4, law, lengths);
  const auto found = beam_search(decoder, options);
  for (std::size_t b = 0; b < keys.size(); ++b) {
    const Index most = written::longest(options.limits, b);
    std::vector<Hypothesis<double>> all;
    enumerate<double>({law, options, keys[b], lengths[b]}, {}, most, all);
    std::stable_sort(all.begin(), all.end(), by_score<double>);
    if (all.size() > 6) all.resize(6);
    if (options.limits.no_repeat_ngram == 1) {  // the last ones may be dead ends, which the enumeration omits
      REQUIRE(all.size() <= found[b].size());
      check_near({found[b].begin(), found[b].begin() + std::ptrdiff_t(all.size())}, all);
    } else {
      check_near(found[b], all);
    }
  }
}

namespace {
struct Case {
  Index vocabulary;
  int penalty;
};
}  // namespace

TEMPLATE_TEST_CASE("beam search: agrees with a plain reference without early stopping", "", float, double) {
  const auto [vocabulary, penalty] =
      GENERATE(Case{5, 0}, Case{5, 1}, Case{5, 3}, Case{37, 2}, Case{37, 4}, Case{200, 3});
  BeamOptions options{.beams = GENERATE(1, 2, 3, 7)};
  options.n_best = GENERATE(1, 3);
  if (options.n_best > options.beams) return;
  options.length_penalty = penalties[std::size_t(penalty)];
  options.coverage_penalty = GENERATE(0.0, 0.2);
  options.limits = GENERATE(Limits{.end = 1, .longest = 12}, Limits{.longest = 6},
                            Limits{.end = 2, .shortest = 3, .longest_of = {8, 3, 5, 12, 4}, .no_repeat_ngram = 2});
  const auto law = chain<TestType>(vocabulary, 1.6);
  Attending<TestType> decoder(keys, vocabulary, law, lengths);
  const auto found = beam_search(decoder, options);
  REQUIRE(found.size() == keys.size());
  for (std::size_t b = 0; b < keys.size(); ++b) {
    INFO("source " << b);
    const Judge<TestType> judge{law, options, keys[b], lengths[b]};
    check_near(found[b], by_hand(judge, written::longest(options.limits, b)));
    for (const auto& one : found[b]) check_near<TestType>({one}, {judge(one.tokens, one.ended)});
  }
  for (const std::size_t width : decoder.widths) CHECK(Index(width) <= options.beams * Index(keys.size()));
}

TEMPLATE_TEST_CASE("beam search: one beam equals greedy decoding for every penalty and limit", "", float, double) {
  const Index vocabulary = GENERATE(1, 6, 41);
  const auto order = std::size_t(GENERATE(1, 2, 3, 1000));
  const auto limits = GENERATE(Limits{.longest = 7}, Limits{.end = 0, .longest = 15},
                               Limits{.end = 0, .shortest = 4, .longest = 9, .no_repeat_ngram = 2},
                               Limits{.end = 0, .longest_of = {0, 1, 9, 3, 4}, .no_repeat_ngram = 1});
  Attending<TestType> decoder(keys, vocabulary, chain<TestType>(vocabulary, 1.5, order), lengths);
  const auto expected = greedy(decoder, {.limits = limits, .keep_attention = true});
  const auto widths = decoder.widths;
  for (const LengthPenalty& penalty : penalties) {
    for (const double coverage : {0.0, 0.5}) {
      const auto found = beam_search(decoder, {.limits = limits,
                                               .keep_attention = true,
                                               .beams = 1,
                                               .length_penalty = penalty,
                                               .coverage_penalty = coverage});
      CHECK(decoder.widths == widths);
      for (std::size_t b = 0; b < keys.size(); ++b) {
        REQUIRE(found[b].size() == 1);
        auto one = found[b][0];
        if (penalty.alpha > 0 || coverage > 0) one.score = one.log_probability;
        written::check_same(one, expected[b]);
      }
    }
  }
}

TEMPLATE_TEST_CASE("beam search: hypotheses of a source do not depend on other sources of the batch", "", float,
                   double) {
  const auto law = chain<TestType>(21, 1.5);
  const BeamOptions options{.limits = {.end = 2, .shortest = 1, .longest = 12, .no_repeat_ngram = 2},
                            .keep_attention = true,
                            .beams = 5,
                            .n_best = 3,
                            .length_penalty = LengthPenalty::wu(0.7),
                            .coverage_penalty = 0.2};
  Attending<TestType> together(keys, 21, law, lengths);
  const auto all = beam_search(together, options);
  for (std::size_t b = 0; b < keys.size(); ++b) {
    Attending<TestType> alone({keys[b]}, 21, law, {lengths[b]});
    const auto again = beam_search(alone, options)[0];
    REQUIRE(again.size() == all[b].size());
    for (std::size_t i = 0; i < again.size(); ++i) {
      written::check_same(again[i], all[b][i]);
      written::check_attention(again[i], keys[b], lengths[b]);
    }
  }
}

TEST_CASE("beam search: stops for a source when no continuation can be better") {
  // The end is nearly impossible before `key` tokens, and nearly certain afterwards.
  const Law<double> law = [](std::uint64_t key, const Tokens& tokens) -> VectorX<double> {
    VectorX<double> logits = 0.1 * chain<double>(6)(key, tokens);
    logits[5] = tokens.size() >= key ? 12 : -12;
    return logits;
  };
  Written<double> decoder({1, 3}, 6, law);
  const auto found = beam_search(decoder, {.limits = {.end = 5, .longest = 50}, .beams = 3});
  CHECK((found[0][0].tokens.size() == 1 && found[1][0].tokens.size() == 3));
  CHECK(decoder.widths == std::vector<std::size_t>{2, 6, 3, 3});
}

TEST_CASE("beam search: continues when a length penalty can favour longer hypotheses") {
  const Law<double> law = [](std::uint64_t, const Tokens&) -> VectorX<double> {
    return VectorX<double>::Unit(6, 5) + VectorX<double>::Unit(6, 0) + VectorX<double>::Constant(6, -20);
  };
  Written<double> decoder({0}, 6, law);
  BeamOptions options{.limits = {.end = 5, .longest = 9}, .beams = 2};
  CHECK(beam_search(decoder, options)[0][0].tokens.empty());
  CHECK(decoder.widths.size() == 1);
  options.length_penalty = LengthPenalty::average(1.1);
  CHECK(beam_search(decoder, options)[0][0].tokens.size() == 9);
  CHECK(decoder.widths.size() == 9);
}

TEST_CASE("beam search: prefers the lower token, then the earlier hypothesis, when scores are equal") {
  const Index vocabulary = GENERATE(4, 200);
  const Law<float> law = [=](std::uint64_t, const Tokens&) -> VectorX<float> {
    return VectorX<float>::Zero(vocabulary);
  };
  Written<float> decoder({0}, vocabulary, law);
  for (const Index longest : {1, 2, 3}) {
    const auto found = beam_search(decoder, {.limits = {.longest = longest}, .beams = 3, .n_best = 3})[0];
    REQUIRE(found.size() == 3);
    for (std::size_t i = 0; i < 3; ++i) {
      Tokens expected(std::size_t(longest), 0);
      expected[0] = Index(i);
      CHECK(found[i].tokens == expected);
    }
  }
}

TEST_CASE("beam search: a dead end is a result only when no other hypothesis exists") {
  // Nothing is possible after token 0, the most likely token by far.
  const Law<double> law = [](std::uint64_t key, const Tokens& tokens) -> VectorX<double> {
    VectorX<double> logits = 0.1 * chain<double>(4)(key, tokens);
    if (tokens.empty()) logits[0] = 5;
    if (!tokens.empty() && (tokens[0] == 0 || (key == 2 && tokens.size() == 2))) logits.setConstant(-infinity);
    return logits;
  };
  Written<double> decoder({1, 2, 3}, 4, law);
  BeamOptions options{.limits = {.end = 3, .shortest = 3, .longest = 3}, .beams = 4, .n_best = 2};
  const auto found = beam_search(decoder, options);
  for (const std::size_t b : {0u, 2u}) {
    REQUIRE(found[b].size() == 2);
    for (const auto& one : found[b]) CHECK((one.tokens.size() == 3 && one.tokens[0] != 0));
  }
  REQUIRE(found[1].size() == 2);
  CHECK(found[1][0].tokens == Tokens{0});
  CHECK((found[1][1].tokens.size() == 2 && !found[1][1].ended && found[1][1].tokens[0] != 0));
  options.n_best = 1;
  CHECK(beam_search(decoder, options)[0][0].tokens.size() == 3);  // the others are less likely
  options.beams = 1;
  CHECK(beam_search(decoder, options)[0][0].tokens == Tokens{0});

  const Law<double> nothing = [](std::uint64_t, const Tokens&) -> VectorX<double> {
    return VectorX<double>::Constant(4, -infinity);
  };
  for (const LengthPenalty& penalty : penalties) {
    options.length_penalty = penalty;
    const auto none = beam_search(Written<double>({0}, 4, nothing), options)[0];
    REQUIRE(none.size() == 1);
    CHECK((none[0].tokens.empty() && !none[0].ended && none[0].score == 0 && none[0].log_probability == 0));
  }
}

TEST_CASE("beam search: returns all hypotheses when they are fewer than the beams") {
  Written<double> decoder({0, 7}, 2, chain<double>(2));
  const auto found = beam_search(decoder, {.limits = {.end = 1, .longest = 2}, .beams = 100, .n_best = 100});
  for (const auto& of_source : found) {
    REQUIRE(of_source.size() == 3);
    double mass = 0;
    for (const auto& one : of_source) mass += std::exp(one.log_probability);
    CHECK(mass == Approx(1));
    CHECK((of_source[0].score >= of_source[1].score && of_source[1].score >= of_source[2].score));
  }
  CHECK(beam_search(Written<double>({}, 2, chain<double>(2)), {}).empty());
}

TEST_CASE("beam search: finds a better hypothesis than greedy decoding") {
  // The likelier first token has four equal continuations, the other one a single continuation.
  const Law<double> law = [](std::uint64_t, const Tokens& tokens) -> VectorX<double> {
    VectorX<double> logits = VectorX<double>::Constant(4, 0);
    if (tokens.empty()) logits << 1, 0.9, -infinity, -infinity;
    if (tokens == Tokens{1}) logits << -infinity, -infinity, 0, -infinity;
    return logits;
  };
  Written<double> decoder({0}, 4, law);
  const BeamOptions options{.limits = {.longest = 2}, .beams = 2};
  CHECK(greedy(decoder, {.limits = options.limits})[0].tokens == Tokens{0, 0});
  CHECK(beam_search(decoder, options)[0][0].tokens == Tokens{1, 2});
}

TEST_CASE("beam search: refuses NaN attention when a coverage penalty uses it") {
  struct Broken : Attending<float> {
    using Attending<float>::Attending;
    ConstView<float> attention() {
      this->weights_ = Attending<float>::attention();
      if (this->widths.size() == 3) weights_.row(2).setConstant(std::numeric_limits<float>::quiet_NaN());
      return view(std::as_const(weights_));
    }
    MatrixX<float> weights_;
  };
  Broken decoder({5}, 6, chain<float>(6), {4});
  BeamOptions options{.limits = {.longest = 4}, .beams = 2, .n_best = 2};
  CHECK_NOTHROW(beam_search(decoder, options));
  options.coverage_penalty = 0.1;
  CHECK_THROWS_MATCHES(beam_search(decoder, options), NonFiniteError, says("source 0, step 3: the score"));
}

TEST_CASE("beam search: refuses invalid options") {
  Written<float> decoder(keys, 4, chain<float>(4));
  const auto refused = [&](BeamOptions options) {
    options.limits.longest = 2;
    beam_search(decoder, options);
  };
  const double nan = std::numeric_limits<double>::quiet_NaN();
  CHECK_THROWS_MATCHES(refused({.beams = 0}), ValueError, says("beams must be at least 1, got 0"));
  CHECK_THROWS_MATCHES(refused({.n_best = 0}), ValueError, says("n_best must be 1 to 4, the number of beams, got 0"));
  CHECK_THROWS_MATCHES(refused({.n_best = 5}), ValueError, says("n_best must be 1 to 4, the number of beams, got 5"));
  CHECK_THROWS_MATCHES(refused({.length_penalty = LengthPenalty::wu(-1)}), ValueError,
                       says("alpha of the length penalty must be finite and at least 0"));
  CHECK_THROWS_MATCHES(refused({.length_penalty = LengthPenalty::average(nan)}), ValueError,
                       says("alpha of the length penalty must be finite and at least 0"));
  CHECK_THROWS_MATCHES(refused({.length_penalty = {1, 0, 0}}), ValueError, says("(0 + n) / 0"));
  CHECK_THROWS_MATCHES(refused({.length_penalty = {1, 0, 5}}), ValueError,
                       says("the length penalty must be finite and at least 1"));
  CHECK_THROWS_MATCHES(refused({.length_penalty = {1, infinity, 5}}), ValueError, says("length penalty"));
  CHECK_THROWS_MATCHES(refused({.coverage_penalty = -0.1}), ValueError,
                       says("coverage_penalty must be finite and at least 0"));
  CHECK_THROWS_MATCHES(refused({.coverage_penalty = nan}), ValueError,
                       says("coverage_penalty must be finite and at least 0"));
  CHECK_THROWS_MATCHES(refused({.coverage_penalty = 0.1}), ValueError,
                       says("coverage_penalty must be 0 for a decoder without attention"));
  CHECK_THROWS_MATCHES(refused({.keep_attention = true}), ValueError, says("keep_attention must be false"));
  CHECK_THROWS_MATCHES(beam_search(decoder, {}), ValueError, says("longest"));
  CHECK_NOTHROW(refused({.beams = std::numeric_limits<Index>::max()}));
}

TEST_CASE("beam search: refuses infinite logits with source, step and token") {
  const Law<float> law = [](std::uint64_t key, const Tokens& tokens) -> VectorX<float> {
    VectorX<float> logits = chain<float>(9)(key, tokens);
    if (key == 15 && tokens.size() == 2) logits[4] = std::numeric_limits<float>::infinity();
    return logits;
  };
  CHECK_THROWS_MATCHES(beam_search(Written<float>(keys, 9, law), {.limits = {.longest = 3}}), NonFiniteError,
                       says("source 3, step 2: the logit of token 4 must be finite or -inf, got +inf"));
}

}  // namespace test_beam
