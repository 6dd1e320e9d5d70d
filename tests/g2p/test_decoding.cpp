#include <cmath>

#include "speller.hpp"
#include "support/catch.hpp"

namespace test_decoding {

using namespace unroll;
using namespace g2p;

namespace {

Index distance(std::vector<Index> a, std::vector<Index> b) {
  const Index there = edit_distance(a, b);
  CHECK(there == edit_distance(b, a));
  return there;
}

}  // namespace

TEST_CASE("edit distance: counts insertions, deletions and substitutions", "[g2p]") {
  CHECK(distance({}, {}) == 0);
  CHECK(distance({}, {2, 3, 4}) == 3);
  CHECK(distance({2, 3, 4}, {2, 3, 4}) == 0);
  CHECK(distance({2, 3, 4}, {2, 4}) == 1);
  CHECK(distance({2, 3, 4}, {2, 5, 4}) == 1);
  CHECK(distance({2, 3}, {3, 2}) == 2);
  CHECK(distance({10, 9, 19, 19, 5, 13}, {18, 9, 19, 19, 9, 13, 6}) == 3);  // kitten, sitting
}

TEST_CASE("decoding: words keep their order for any number of groups and threads", "[g2p]") {
  Words words;
  for (Index k = 0; k < 250; ++k) {
    std::vector<Index> letters, reference;
    for (Index s = 0; s <= k % 7; ++s) letters.push_back((k + s) % 6), reference.push_back((k + s) % 6 + 2);
    words.spellings.push_back("word");
    words.sources.push_back(token_row<float>(letters));
    words.pronunciations.push_back({reference});
  }
  const SpellerNetwork network;
  for (const int threads : {1, 3})
    for (const Index beams : {0, 2}) {
      const auto hypotheses = decode({&network}, words.sources, {.beams = beams}, threads);
      CHECK(error_rates(hypotheses, words).edits == 0);
      CHECK(error_rates(hypotheses, words).words == 250);
    }
}

TEST_CASE("decoding: a word has at most twice its letters plus eight phonemes", "[g2p]") {
  const std::vector<MatrixX<float>> words{token_row<float>(std::vector<Index>{0, 1, 2}),
                                          token_row<float>(std::vector<Index>{3})};
  for (const Index beams : {0, 2}) {
    const SpellerNetwork repeating(4), endless(100);
    const auto four_times = decode({&repeating}, words, {.beams = beams}, 1);
    CHECK(four_times[0][0].tokens == std::vector<Index>{2, 2, 2, 2, 3, 3, 3, 3, 4, 4, 4, 4});
    CHECK(four_times[0][0].ended);
    const auto too_long = decode({&endless}, words, {.beams = beams}, 1);
    CHECK(too_long[0][0].tokens == std::vector<Index>(2 * 3 + 8, 2));
    CHECK_FALSE(too_long[0][0].ended);
    CHECK(too_long[1][0].tokens == std::vector<Index>(2 * 1 + 8, 5));
  }
}

TEST_CASE("ensemble: averages log-probabilities", "[g2p]") {
  const std::vector<MatrixX<float>> words{token_row<float>(std::vector<Index>{0, 1})};
  const SpellerNetwork sure(1, 0, 6), other(1, 2, 4);
  for (const Index beams : {0, 4}) {
    const auto alone = decode({&sure}, words, {.beams = beams}, 1),
               twice = decode({&sure, &sure}, words, {.beams = beams}, 1);
    CHECK(twice[0][0].tokens == alone[0][0].tokens);
    CHECK(twice[0][0].log_probability == Approx(alone[0][0].log_probability).epsilon(1e-5));
    const auto both = decode({&other, &sure}, words, {.beams = beams}, 1);
    CHECK(both[0][0].tokens == std::vector<Index>{2, 3});
    // Logits of 3 and 2 for the two tokens of each step, 0 for six others, and of (6 + 4) / 2 for the end.
    const double step = 3 - std::log(std::exp(3.0) + std::exp(2.0) + 6), end = 5 - std::log(std::exp(5.0) + 7);
    CHECK(both[0][0].log_probability == Approx(2 * step + end).epsilon(1e-5));
  }
}

TEST_CASE("error rates: are sums over all words", "[g2p]") {
  Words words;
  for (const auto& reference : {std::vector<Index>{2, 3, 4, 5}, std::vector<Index>{2}, std::vector<Index>{2, 3, 4}})
    words.pronunciations.push_back({reference});
  Hypotheses hypotheses(3, std::vector<Hypothesis<float>>(1));
  hypotheses[0][0].tokens = {2, 3, 4, 5};
  hypotheses[1][0].tokens = {3, 4};
  hypotheses[2][0].tokens = {2};
  const auto rates = error_rates(hypotheses, words);
  CHECK(rates.edits == 4);
  CHECK(rates.phonemes == 8);  // of the correct pronunciations; 7 are decoded
  CHECK(rates.phoneme() == 4.0 / 8);
  CHECK(rates.word() == 2.0 / 3);
  CHECK(ErrorRates{}.phoneme() == 0);
}

TEST_CASE("error rates: a word is compared with its nearest pronunciation", "[g2p]") {
  Words words;
  words.pronunciations = {{{2, 3, 4, 5}, {2, 3}}, {{2, 3}, {4, 5, 6, 7}}, {{2, 3}, {4, 5, 6}}};
  Hypotheses hypotheses(3, std::vector<Hypothesis<float>>(1));
  hypotheses[0][0].tokens = {2, 3};     // correct by the second
  hypotheses[1][0].tokens = {4, 5, 6};  // one of the four of the second is missing
  hypotheses[2][0].tokens = {2, 5};     // one edit from the first, two from the second
  const auto rates = error_rates(hypotheses, words);
  CHECK(rates.edits == 2);
  CHECK(rates.phonemes == 2 + 4 + 2);
  CHECK(rates.wrong_words == 2);
  CHECK(nearest({9}, {{2}, {3}}) == std::vector<Index>{2});
}

}  // namespace test_decoding
