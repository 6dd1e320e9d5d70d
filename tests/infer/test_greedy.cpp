#include <unroll/infer/greedy.hpp>

#include <array>

#include "infer/written.hpp"
#include "support/allocations.hpp"

namespace test_greedy {

using namespace unroll;
using written::Attending;
using written::chain;
using written::infinity;
using written::Law;
using written::Tokens;
using written::Written;

namespace {

const std::vector<std::uint64_t> keys{3, 1, 4, 15, 9};

/// Plain reference of greedy decoding.
template <class S>
Hypothesis<S> by_hand(const Law<S>& law, std::uint64_t key, const Limits& limits, Index most) {
  Hypothesis<S> one;
  while (Index(one.tokens.size()) < most) {
    const VectorX<S> logits = law(key, one.tokens);
    Index best = -1;
    for (Index token = 0; token < logits.size(); ++token) {
      if (!written::allowed(limits, one.tokens, token) || logits[token] == -infinity) continue;
      if (best < 0 || logits[token] > logits[best]) best = token;
    }
    if (best < 0) break;
    one.ended = best == limits.end;
    if (one.ended) break;
    one.tokens.push_back(best);
  }
  one.log_probability = written::forced(law, key, one.tokens, one.ended ? limits.end : -1);
  return one;
}

template <class S>
void check_by_hand(const Law<S>& law, Index vocabulary, const Limits& limits) {
  Written<S> decoder(keys, vocabulary, law);
  const auto all = greedy(decoder, {.limits = limits});
  REQUIRE(all.size() == keys.size());
  for (std::size_t b = 0; b < keys.size(); ++b) {
    const auto expected = by_hand(law, keys[b], limits, written::longest(limits, b));
    INFO("source " << b);
    CHECK(all[b].tokens == expected.tokens);
    CHECK(all[b].ended == expected.ended);
    CHECK(all[b].log_probability == Approx(expected.log_probability).epsilon(sizeof(S) == 4 ? 1e-6 : 1e-13));
    CHECK(all[b].score == all[b].log_probability);
    CHECK(all[b].attention.size() == 0);
  }
}

/// Decoder with constant logits that does not allocate.
struct Constant {
  using Scalar = float;
  MatrixX<float> logits;

  Index vocabulary() const { return logits.rows(); }
  Index sources() const { return logits.cols(); }
  ConstView<float> start() { return view(std::as_const(logits)); }
  ConstView<float> step(std::span<const Index> parents, std::span<const Index>) {
    return view(std::as_const(logits).leftCols(Index(parents.size())));
  }
};

}  // namespace

static_assert(Decoder<Constant> && !AttentionDecoder<Constant> && !Decoder<int>);
static_assert(AttentionDecoder<Attending<float>> && !AttentionDecoder<Written<float>>);

TEMPLATE_TEST_CASE("greedy decoding: selects the most likely allowed token", "", float, double) {
  // Smaller than a register, multiples and non-multiples of one, and more than the 256 registers of a partial sum.
  const Index vocabulary = GENERATE(1, 2, 5, 16, 37, 5000);
  const auto law = chain<TestType>(vocabulary, 2);
  check_by_hand(law, vocabulary, {.longest = 9});
  check_by_hand(law, vocabulary, {.end = vocabulary / 2, .longest = 9});
  check_by_hand(law, vocabulary, {.end = 0, .shortest = 3, .longest = 9});
  check_by_hand(law, vocabulary, {.longest_of = {0, 3, 1, 0, 7}});
  check_by_hand(law, vocabulary, {.end = 0, .longest_of = {2, 3, 1, 8, 7}});
}

TEST_CASE("greedy decoding: no n-gram repeats when no_repeat_ngram is given") {
  const Index n = GENERATE(1, 2, 3);
  const auto law = chain<double>(4, 1, 1);  // depends on the last token only, so it runs into a cycle
  const Limits free{.end = 3, .longest = 30}, limits{.end = 3, .longest = 30, .no_repeat_ngram = n};
  check_by_hand(law, 4, limits);
  const auto repeated = [n](const Tokens& tokens) {
    for (std::size_t t = 1; t <= tokens.size(); ++t)
      if (written::repeats(Tokens(tokens.begin(), tokens.begin() + std::ptrdiff_t(t)), n)) return true;
    return false;
  };
  Written<double> decoder(keys, 4, law);
  bool freely = false;
  for (const auto& one : greedy(decoder, {.limits = free})) freely = freely || repeated(one.tokens);
  CHECK(freely);
  for (const auto& one : greedy(decoder, {.limits = limits})) CHECK_FALSE(repeated(one.tokens));
}

TEST_CASE("greedy decoding: selects the lowest of equally likely tokens") {
  const Law<float> law = [](std::uint64_t, const Tokens& tokens) -> VectorX<float> {
    VectorX<float> logits = VectorX<float>::Zero(40);
    if (tokens.size() == 1) logits[37] = logits[22] = 1;
    return logits;
  };
  Written<float> decoder({0}, 40, law);
  const auto one = greedy(decoder, {.limits = {.longest = 3}})[0];
  CHECK(one.tokens == Tokens{0, 22, 0});
}

TEST_CASE("greedy decoding: a hypothesis stops without an end token when no token is possible") {
  const Law<double> law = [](std::uint64_t key, const Tokens& tokens) -> VectorX<double> {
    VectorX<double> logits = chain<double>(5)(key, tokens);
    if (tokens.size() == key) logits.setConstant(-infinity);
    return logits;
  };
  Written<double> decoder({0, 2, 9}, 5, law);
  const auto all = greedy(decoder, {.limits = {.longest = 4}});
  CHECK((all[0].tokens.empty() && !all[0].ended && all[0].log_probability == 0));
  CHECK((all[1].tokens.size() == 2 && !all[1].ended));
  CHECK(all[1].log_probability == Approx(written::forced(law, 2, all[1].tokens)));
  CHECK(all[2].tokens.size() == 4);
}

TEST_CASE("greedy decoding: never selects impossible tokens or an end before the shortest length") {
  const Law<double> law = [](std::uint64_t, const Tokens& tokens) -> VectorX<double> {
    VectorX<double> logits = VectorX<double>::Constant(3, -infinity);
    logits[tokens.size() == 1 ? 2 : 1] = -1e300;
    return logits;
  };
  Written<double> decoder({0}, 3, law);
  CHECK(greedy(decoder, {.limits = {.longest = 3}})[0].tokens == Tokens{1, 2, 1});
  CHECK(greedy(decoder, {.limits = {.longest = 3}})[0].log_probability == 0);
  const auto cut = greedy(decoder, {.limits = {.end = 2, .shortest = 2, .longest = 3}})[0];
  CHECK((cut.tokens == Tokens{1} && !cut.ended));
}

TEMPLATE_TEST_CASE("greedy decoding: refuses NaN and infinite logits with source, step and token", "", float, double) {
  const TestType bad = TestType(GENERATE(std::numeric_limits<double>::quiet_NaN(), infinity));
  const Index token = GENERATE(0, 18, 21);
  const bool alone = GENERATE(false, true);
  const Law<TestType> law = [=](std::uint64_t key, const Tokens& tokens) -> VectorX<TestType> {
    VectorX<TestType> logits = chain<TestType>(22)(key, tokens);
    if (key != 4 || tokens.size() != 3) return logits;
    if (alone) logits.setConstant(TestType(-infinity));
    logits[token] = bad;
    return logits;
  };
  Written<TestType> decoder(keys, 22, law);
  const std::string message = text("decoding: source 2, step 3: the logit of token ", token,
                                   " must be finite or -inf, got ", std::isnan(bad) ? "NaN" : "+inf");
  CHECK_THROWS_MATCHES(greedy(decoder, {.limits = {.longest = 5}}), NonFiniteError, says(message));
  CHECK_NOTHROW(greedy(decoder, {.limits = {.longest = 3}}));
  CHECK_NOTHROW(greedy(decoder, {.limits = {.longest_of = {5, 5, 0, 5, 5}}}));
}

TEST_CASE("greedy decoding: keeps attention for each token when keep_attention is set") {
  const std::vector<Index> lengths{4, 1, 0, 7, 2};
  Attending<float> decoder(keys, 6, chain<float>(6, 2), lengths);
  const auto all = greedy(decoder, {.limits = {.end = 2, .longest = 8}, .keep_attention = true});
  for (std::size_t b = 0; b < keys.size(); ++b) written::check_attention(all[b], keys[b], lengths[b]);
  const auto without = greedy(decoder, {.limits = {.end = 2, .longest = 8}});
  for (std::size_t b = 0; b < keys.size(); ++b) {
    CHECK(without[b].tokens == all[b].tokens);
    CHECK(without[b].attention.size() == 0);
  }
  Written<float> blind(keys, 6, chain<float>(6, 2));
  CHECK_THROWS_MATCHES(greedy(blind, {.limits = {.longest = 8}, .keep_attention = true}), ValueError,
                       says("keep_attention must be false for a decoder without attention, got true"));
}

TEMPLATE_TEST_CASE("greedy decoding: hypotheses do not depend on other sources of the batch", "", float, double) {
  const auto law = chain<TestType>(21, 1.5);
  const std::vector<Index> lengths{4, 1, 0, 7, 2};
  const GreedyOptions options{.limits = {.end = 2, .shortest = 1, .longest = 12, .no_repeat_ngram = 2},
                              .keep_attention = true};
  Attending<TestType> together(keys, 21, law, lengths);
  const auto all = greedy(together, options);
  for (std::size_t b = 0; b < keys.size(); ++b) {
    Attending<TestType> alone({keys[b]}, 21, law, {lengths[b]});
    written::check_same(greedy(alone, options)[0], all[b]);
  }
}

TEST_CASE("greedy decoding: runs the decoder only for unfinished hypotheses") {
  const Law<float> law = [](std::uint64_t key, const Tokens& tokens) -> VectorX<float> {
    return tokens.size() == key ? VectorX<float>::Unit(3, 2) : VectorX<float>::Unit(3, 1);
  };
  Written<float> decoder({1, 4, 0, 2}, 3, law);
  const auto all = greedy(decoder, {.limits = {.end = 2, .longest = 4}});
  CHECK(decoder.widths == std::vector<std::size_t>{4, 3, 2, 1});
  CHECK((all[0].tokens == Tokens{1} && all[0].ended));
  CHECK((all[1].tokens == Tokens{1, 1, 1, 1} && !all[1].ended));
  CHECK((all[2].tokens.empty() && all[2].ended));

  Written<float> no_sources({}, 3, law);
  CHECK(greedy(no_sources, {.limits = {.longest = 4}}).empty());
  CHECK(no_sources.widths.empty());
  CHECK(greedy(Written<float>({1}, 3, law), {.limits = {.longest = 1}}).size() == 1);  // of a temporary
}

TEST_CASE("greedy decoding: allocates memory for results, not for steps") {
  Constant decoder{MatrixX<float>::Ones(3000, 8)};
  const auto allocations = [&](Index longest) {
    const support::AllocationCount count;
    greedy(decoder, {.limits = {.longest = longest, .no_repeat_ngram = 2}});
    return count.count();
  };
  CHECK(allocations(1000) < allocations(100) + 40);  // tokens are in lists that double their capacity
}

TEST_CASE("greedy decoding: refuses invalid limits") {
  Written<float> decoder(keys, 4, chain<float>(4));
  const auto refused = [&](const Limits& limits) { greedy(decoder, {.limits = limits}); };
  CHECK_THROWS_MATCHES(refused({}), ValueError, says("longest must be at least 1 token, got 0"));
  CHECK_THROWS_MATCHES(refused({.longest = -3}), ValueError, says("at least 1 token, got -3"));
  CHECK_THROWS_MATCHES(refused({.end = 4, .longest = 3}), ValueError, says("end must be -1 to 3 (-1: none), got 4"));
  CHECK_THROWS_MATCHES(refused({.end = -2, .longest = 3}), ValueError, says("(-1: none), got -2"));
  CHECK_THROWS_MATCHES(refused({.shortest = -1, .longest = 3}), ValueError,
                       says("shortest must be at least 0 tokens, got -1"));
  CHECK_THROWS_MATCHES(refused({.shortest = 4, .longest = 3}), ValueError,
                       says("source 0: longest must be at least 4 tokens, as shortest, got 3"));
  CHECK_THROWS_MATCHES(refused({.longest = 3, .no_repeat_ngram = -1}), ValueError,
                       says("no_repeat_ngram must be at least 0 tokens (0: none), got -1"));
  CHECK_THROWS_MATCHES(refused({.longest = 3, .longest_of = {1, 1, 1, 1, 1}}), ValueError,
                       says("longest must be 0 if longest_of is given, got 3"));
  CHECK_THROWS_MATCHES(refused({.longest_of = {1, 1}}), ShapeError,
                       says("longest_of must have 5 entries, one for each source, got 2"));
  CHECK_THROWS_MATCHES(refused({.longest_of = {1, 1, 1, -1, 1}}), ValueError, says("source 3"));
  CHECK_NOTHROW(refused({.longest = 1, .no_repeat_ngram = std::numeric_limits<Index>::max()}));
  Written<float> wordless(keys, 0, chain<float>(0));
  CHECK_THROWS_MATCHES(greedy(wordless, {.limits = {.longest = 1}}), ValueError,
                       says("the vocabulary must have at least 1 token, got 0"));
}

TEST_CASE("greedy decoding: refuses logits and attention of wrong shapes") {
  struct Wrong : Constant {
    Index rows, cols;
    Index vocabulary() const { return rows; }
    Index sources() const { return cols; }
  };
  Wrong narrow{{MatrixX<float>::Ones(4, 2)}, 4, 3}, low{{MatrixX<float>::Ones(4, 2)}, 5, 2};
  CHECK_THROWS_MATCHES(greedy(narrow, {.limits = {.longest = 2}}), ShapeError,
                       says("4 rows, one for each token, and 3 columns, one for each hypothesis, got 4 x 2"));
  CHECK_THROWS_MATCHES(greedy(low, {.limits = {.longest = 2}}), ShapeError, says("got 4 x 2"));

  struct Blind : Attending<float> {
    using Attending<float>::Attending;
    Index extra = 0;
    ConstView<float> attention() {
      const auto all = Attending<float>::attention();
      return view(all.leftCols(all.cols() - extra));
    }
    Index source_length(Index) const { return 3; }
  };
  Blind decoder({1, 2}, 4, chain<float>(4), {2, 2});
  const GreedyOptions options{.limits = {.longest = 2}, .keep_attention = true};
  CHECK_THROWS_MATCHES(greedy(decoder, options), ShapeError,
                       says("source 0: its length must be 0 to 2 steps, the rows of the attention, got 3"));
  decoder.extra = 1;
  CHECK_THROWS_MATCHES(greedy(decoder, options), ShapeError,
                       says("the attention must have 2 columns, one for each hypothesis, got 1"));
}

}  // namespace test_greedy
