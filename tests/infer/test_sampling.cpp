#include <unroll/infer/greedy.hpp>
#include <unroll/infer/sampling.hpp>

#include <map>
#include <numeric>

#include "infer/written.hpp"

namespace test_sampling {

using namespace unroll;
using written::Attending;
using written::chain;
using written::infinity;
using written::Law;
using written::Tokens;
using written::Written;

namespace {

const std::vector<std::uint64_t> keys{3, 1, 4, 15, 9};

/// Distribution of a token by definition of the options.
template <class S>
std::vector<double> distribution(const VectorX<S>& logits, const SamplingOptions& options) {
  std::vector<Index> order(std::size_t(logits.size()));
  std::iota(order.begin(), order.end(), 0);
  std::stable_sort(order.begin(), order.end(), [&](Index a, Index b) { return logits[a] > logits[b]; });
  if (options.top_k > 0 && options.top_k < logits.size()) order.resize(std::size_t(options.top_k));
  std::vector<double> p(std::size_t(logits.size()), 0);
  double sum = 0;
  for (const Index i : order)
    sum += p[std::size_t(i)] = std::exp((double(logits[i]) - double(logits.maxCoeff())) / options.temperature);
  double mass = 0, kept = 0;
  for (const Index i : order) {
    if (mass > 0 && mass >= options.top_p * sum) p[std::size_t(i)] = 0;
    mass += p[std::size_t(i)];
  }
  for (const double x : p) kept += x;
  for (double& x : p) x /= kept;
  return p;
}

/// Deviation of counts from their expectation, in standard deviations of chi-square. Outcomes that are expected less
/// than five times are merged; an outcome of probability 0 gives infinity.
template <class Key>
double surprise(const std::map<Key, double>& expected, const std::map<Key, Index>& counts, Index draws) {
  double chi2 = 0, rare = 0, rare_count = 0;
  Index cells = 0;
  for (const auto& [key, count] : counts)
    if (!expected.contains(key) || expected.at(key) == 0) return infinity;
  const auto add = [&](double want, double got) { chi2 += (got - want) * (got - want) / want, ++cells; };
  for (const auto& [key, p] : expected) {
    const double want = p * double(draws), got = counts.contains(key) ? double(counts.at(key)) : 0;
    if (want < 5)
      rare += want, rare_count += got;
    else
      add(want, got);
  }
  if (rare > 0.5) add(rare, rare_count);
  return cells < 2 ? 0 : (chi2 - double(cells - 1)) / std::sqrt(2.0 * double(cells - 1));
}

/// Every possible sequence with its probability; the end token counts as a last token.
void enumerate(const Law<double>& law, std::uint64_t key, const SamplingOptions& options, const Tokens& before,
               double probability, std::map<Tokens, double>& all) {
  if (Index(before.size()) == options.limits.longest) {
    all[before] = probability;
    return;
  }
  VectorX<double> logits = law(key, before);
  for (Index token = 0; token < logits.size(); ++token)
    if (!written::allowed(options.limits, before, token)) logits[token] = -infinity;
  const auto p = distribution<double>(logits, options);
  for (Index token = 0; token < logits.size(); ++token) {
    Tokens longer = before;
    longer.push_back(token);
    const double q = probability * p[std::size_t(token)];
    if (q == 0) continue;
    if (token == options.limits.end)
      all[longer] = q;
    else
      enumerate(law, key, options, longer, q, all);
  }
}

template <class S>
Law<S> always(std::vector<double> logits) {
  return [=](std::uint64_t, const Tokens&) -> VectorX<S> {
    return Eigen::Map<const VectorX<double>>(logits.data(), Index(logits.size())).cast<S>();
  };
}

/// Counts of tokens over samples of one token each.
template <class S>
std::vector<Index> drawn(const Law<S>& law, Index vocabulary, SamplingOptions options) {
  options.limits = {.longest = 1};
  std::vector<Index> counts(std::size_t(vocabulary), 0);
  const auto all = sample(Written<S>({0}, vocabulary, law), options)[0];
  for (const auto& one : all) ++counts[std::size_t(one.tokens[0])];
  return counts;
}

}  // namespace

TEMPLATE_TEST_CASE("sampling: frequencies of tokens match their probabilities", "", float, double) {
  const Index vocabulary = 23, draws = 20000;
  const auto law = chain<TestType>(vocabulary, 1.5);
  SamplingOptions options{.samples = draws, .seed = GENERATE(0u, 12345u)};
  options.temperature = GENERATE(0.4, 1.0, 3.0);
  options.top_k = GENERATE(0, 1, 4, 100);
  options.top_p = GENERATE(1.0, 0.7, 0.2);
  const auto p = distribution<TestType>(law(0, {}), options);
  const auto counts = drawn<TestType>(law, vocabulary, options);
  std::map<Index, double> expected;
  std::map<Index, Index> came;
  for (Index token = 0; token < vocabulary; ++token) {
    expected[token] = p[std::size_t(token)];
    if (counts[std::size_t(token)] > 0) came[token] = counts[std::size_t(token)];
  }
  INFO("temperature " << options.temperature << ", top_k " << options.top_k << ", top_p " << options.top_p);
  CHECK(surprise(expected, came, draws) < 4);
}

TEST_CASE("sampling: frequencies of sequences match their probabilities in Markov chains") {
  const std::size_t order = GENERATE(1u, 2u, 3u);
  const auto law = chain<double>(4, 1.2, order);
  SamplingOptions options{.limits = {.end = 3, .shortest = 1, .longest = 4}, .samples = 10000, .seed = order};
  if (GENERATE(false, true)) {
    options.temperature = 0.8, options.top_k = 3, options.top_p = 0.9;
    options.limits.no_repeat_ngram = 2;
  }
  Written<double> decoder(keys, 4, law);
  const auto all = sample(decoder, options);
  for (std::size_t b = 0; b < keys.size(); ++b) {
    std::map<Tokens, double> expected;
    enumerate(law, keys[b], options, {}, 1, expected);
    std::map<Tokens, Index> came;
    for (const auto& one : all[b]) {
      Tokens tokens = one.tokens;
      if (one.ended) tokens.push_back(3);
      ++came[tokens];
    }
    INFO("source " << b << ", " << expected.size() << " sequences");
    CHECK(surprise(expected, came, options.samples) < 4);
  }
}

TEMPLATE_TEST_CASE("top_p: keeps the smallest set of tokens that has this probability", "", float, double) {
  const double ln2 = std::log(2.0);  // probabilities 1/8, 1/2, 1/8, 1/4: their sums are exact
  const auto law = always<TestType>({-3 * ln2, -ln2, -3 * ln2, -2 * ln2});
  const auto kept = [&](double top_p, Index top_k = 0) {
    Tokens tokens;
    const auto counts = drawn<TestType>(law, 4, {.samples = 400, .top_k = top_k, .top_p = top_p});
    for (std::size_t token = 0; token < 4; ++token)
      if (counts[token] > 0) tokens.push_back(Index(token));
    return tokens;
  };
  CHECK(kept(0) == Tokens{1});
  CHECK(kept(0.49) == Tokens{1});
  CHECK(kept(0.51) == Tokens{1, 3});
  CHECK(kept(0.74) == Tokens{1, 3});
  CHECK(kept(0.76) == Tokens{0, 1, 3});  // the lower one of equals
  CHECK(kept(0.89) == Tokens{0, 1, 2, 3});
  CHECK(kept(1) == Tokens{0, 1, 2, 3});
  CHECK(kept(1, 3) == Tokens{0, 1, 3});
  CHECK(kept(0.66, 2) == Tokens{1});  // after top_k: 2/3 and 1/3
  CHECK(kept(0.67, 2) == Tokens{1, 3});
}

TEST_CASE("top_p: unlikely tokens count in the total probability") {
  std::vector<double> logits(102, std::log(0.002));
  logits[7] = std::log(0.5), logits[90] = std::log(0.3);
  const auto counts = drawn<double>(always<double>(logits), 102, {.samples = 400, .top_p = 0.6});
  CHECK((counts[7] > 150 && counts[90] > 80 && counts[7] + counts[90] == 400));
}

TEST_CASE("top_p: keeps only the first tokens when their probability equals it") {
  const auto counts = drawn<double>(always<double>({0, 0, 0, 0}), 4, {.samples = 400, .top_p = 0.5});
  CHECK((counts[0] > 0 && counts[1] > 0 && counts[2] == 0 && counts[3] == 0));
  CHECK(drawn<double>(always<double>({0, 0, 0, 0}), 4, {.samples = 9, .top_p = 0})[0] == 9);
}

TEMPLATE_TEST_CASE("sampling: equals greedy decoding when the temperature is near 0 or one token remains", "", float,
                   double) {
  const auto law = chain<TestType>(19, 1.5);
  const Limits limits{.end = 2, .shortest = 1, .longest = 15, .no_repeat_ngram = 2};
  const std::vector<Index> lengths{4, 1, 0, 7, 2};
  Attending<TestType> decoder(keys, 19, law, lengths);
  const auto expected = greedy(decoder, {.limits = limits, .keep_attention = true});
  SamplingOptions options{.limits = limits, .keep_attention = true, .samples = 3};
  SECTION("temperature of 0") { options.temperature = 0; }
  SECTION("subnormal temperature") { options.temperature = 1e-310; }
  SECTION("temperature at which other probabilities are 0") { options.temperature = 1e-30; }
  SECTION("top_k of 1") { options.top_k = 1; }
  SECTION("top_p of 0") { options.top_p = 0; }
  const auto all = sample(decoder, options);
  for (std::size_t b = 0; b < keys.size(); ++b) {
    REQUIRE(all[b].size() == 3);
    for (const auto& one : all[b]) written::check_same(one, expected[b]);
  }
}

TEMPLATE_TEST_CASE("sampling: possible tokens are equally likely when the temperature is huge", "", float, double) {
  auto logits = std::vector<double>{-30, 30, -infinity, 0};
  const auto counts = drawn<TestType>(always<TestType>(logits), 4, {.samples = 3000, .temperature = 1e300});
  CHECK(counts[2] == 0);
  for (const std::size_t token : {0u, 1u, 3u}) CHECK(std::abs(double(counts[token]) - 1000) < 120);
}

TEMPLATE_TEST_CASE("sampling: log-probabilities are those of the model without sampling options", "", float, double) {
  const auto law = chain<TestType>(7, 1.5);
  Written<TestType> decoder(keys, 7, law);
  const auto all = sample(decoder, {.limits = {.end = 0, .shortest = 2, .longest = 9, .no_repeat_ngram = 3},
                                    .samples = 20,
                                    .temperature = 1.7,
                                    .top_k = 5,
                                    .top_p = 0.95});
  Index ended = 0;
  for (std::size_t b = 0; b < keys.size(); ++b) {
    for (const auto& one : all[b]) {
      const double expected = written::forced(law, keys[b], one.tokens, one.ended ? 0 : -1);
      CHECK(one.log_probability == Approx(expected).epsilon(sizeof(TestType) == 4 ? 1e-6 : 1e-13));
      CHECK(one.score == one.log_probability);
      ended += one.ended;
    }
  }
  CHECK((ended > 5 && ended < 95));
}

TEMPLATE_TEST_CASE("sampling: a sample depends only on its seed, the key of its source and its number", "", float,
                   double) {
  const auto law = chain<TestType>(21);
  const std::vector<Index> lengths{4, 1, 0, 7, 2};
  const SamplingOptions options{.limits = {.end = 2, .longest = 8}, .keep_attention = true, .samples = 4, .seed = 7};
  Attending<TestType> together(keys, 21, law, lengths);
  const auto all = sample(together, options);
  for (std::size_t b = 0; b < keys.size(); ++b) {
    Attending<TestType> alone({keys[b]}, 21, law, {lengths[b]});
    auto of_one = options;
    of_one.source_keys = {b}, of_one.samples = 2;
    const auto again = sample(alone, of_one)[0];
    for (std::size_t k = 0; k < again.size(); ++k) written::check_same(again[k], all[b][k]);
    written::check_attention(all[b][3], keys[b], lengths[b]);
    CHECK(all[b][0].tokens != all[b][1].tokens);
    of_one.source_keys = {b + 1};
    CHECK(sample(alone, of_one)[0][0].tokens != all[b][0].tokens);
    of_one.source_keys = {b}, of_one.seed = 8;
    CHECK(sample(alone, of_one)[0][0].tokens != all[b][0].tokens);
  }
}

TEST_CASE("sampling: draws other tokens when the most likely token is forbidden") {
  const auto law = always<float>({1000, 0, 0});
  Written<float> decoder({0}, 3, law);
  Index ones = 0;
  const auto all = sample(decoder, {.limits = {.end = 0, .shortest = 1, .longest = 5}, .samples = 1000})[0];
  for (const auto& one : all) {
    REQUIRE(one.tokens.size() == 1);
    CHECK((one.ended && one.log_probability == -1000));
    ones += one.tokens[0] == 1;
  }
  CHECK(std::abs(double(ones) - 500) < 80);
}

TEST_CASE("sampling: a sample without possible tokens stops, and the others continue") {
  const Law<double> law = [](std::uint64_t, const Tokens& tokens) -> VectorX<double> {
    return VectorX<double>::Constant(3, tokens == Tokens{1} ? -infinity : 0);
  };
  Index cut = 0;
  const auto all = sample(Written<double>({0}, 3, law), {.limits = {.longest = 2}, .samples = 100})[0];
  for (const auto& one : all) {
    CHECK((one.tokens.size() == (one.tokens[0] == 1 ? 1 : 2) && !one.ended));
    cut += one.tokens.size() == 1;
  }
  CHECK((cut > 10 && cut < 60));
  const auto none = sample(Written<double>({0}, 3, law), {.limits = {.longest_of = {0}}, .samples = 2})[0];
  CHECK((none.size() == 2 && none[1].tokens.empty()));
}

TEST_CASE("sampling: refuses invalid options") {
  Written<float> decoder(keys, 4, chain<float>(4));
  const auto refused = [&](SamplingOptions options) {
    options.limits.longest = 2;
    sample(decoder, options);
  };
  const double nan = std::numeric_limits<double>::quiet_NaN();
  CHECK_THROWS_MATCHES(refused({.samples = 0}), ValueError, says("samples must be at least 1, got 0"));
  CHECK_THROWS_MATCHES(refused({.temperature = -0.5}), ValueError,
                       says("sampling: temperature must be finite and at least 0"));
  CHECK_THROWS_MATCHES(refused({.temperature = nan}), ValueError, says("temperature must be"));
  CHECK_THROWS_MATCHES(refused({.temperature = infinity}), ValueError, says("temperature must be"));
  CHECK_THROWS_MATCHES(refused({.top_k = -1}), ValueError, says("top_k must be at least 0 tokens (0: all), got -1"));
  CHECK_THROWS_MATCHES(refused({.top_p = 1.01}), ValueError, says("sampling: top_p must be in [0, 1]"));
  CHECK_THROWS_MATCHES(refused({.top_p = -0.1}), ValueError, says("top_p must be"));
  CHECK_THROWS_MATCHES(refused({.top_p = nan}), ValueError, says("top_p must be"));
  CHECK_THROWS_MATCHES(refused({.source_keys = {1, 2}}), ShapeError,
                       says("source_keys must have 5 entries, one for each source, got 2"));
  CHECK_THROWS_MATCHES(sample(decoder, {}), ValueError, says("longest"));
  CHECK_THROWS_MATCHES(sample(decoder, {.limits = {.longest = 1}, .keep_attention = true}), ValueError,
                       says("without attention"));
  CHECK(sample(Written<float>({}, 4, chain<float>(4)), {}).empty());
}

TEST_CASE("sampling: refuses NaN logits with source, step and token") {
  const Law<float> law = [](std::uint64_t key, const Tokens& tokens) -> VectorX<float> {
    VectorX<float> logits = VectorX<float>::Zero(9);
    if (key == 15 && tokens.size() == 1) logits[8] = std::numeric_limits<float>::quiet_NaN();
    return logits;
  };
  CHECK_THROWS_MATCHES(sample(Written<float>(keys, 9, law), {.limits = {.longest = 2}, .samples = 3}), NonFiniteError,
                       says("source 3, step 1: the logit of token 8 must be finite or -inf, got NaN"));
}

}  // namespace test_sampling
