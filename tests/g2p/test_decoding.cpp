#include "g2p/decoding.hpp"
#include "support/catch.hpp"

using namespace unroll;
using namespace g2p;

namespace {

Index distance(std::vector<Index> a, std::vector<Index> b) {
  const Index there = edit_distance(a, b);
  CHECK(there == edit_distance(b, a));
  return there;
}

/// Writes every word as its letters, each number plus 2, then the end.
class Speller : public Writer {
 public:
  void read(const Matrix<float>& letters, const Timeline& timeline) override {
    words_.assign(std::size_t(timeline.batch()), {});
    for (Index c = 0; c < letters.cols(); ++c)
      words_[std::size_t(timeline.sample_of(c))].push_back(Index(letters(0, c)) + 2);
  }
  Index vocabulary() const override { return 8; }
  Index sources() const override { return Index(words_.size()); }
  Index source_length(Index source) const override { return Index(words_[std::size_t(source)].size()); }
  ConstView<float> start() override {
    of_.clear();
    for (Index k = 0; k < sources(); ++k) of_.push_back(k);
    step_ = 0;
    return logits();
  }
  ConstView<float> step(std::span<const Index> parents, std::span<const Index>) override {
    std::vector<Index> next;
    for (const Index parent : parents) next.push_back(of_[std::size_t(parent)]);
    of_ = next;
    ++step_;
    return logits();
  }
  ConstView<float> attention() const override { return nothing<float>(); }

 private:
  ConstView<float> logits() {
    logits_.setZero(8, Index(of_.size()));
    for (std::size_t k = 0; k < of_.size(); ++k) {
      const auto& word = words_[std::size_t(of_[k])];
      logits_(step_ < word.size() ? word[step_] : marks.end, Index(k)) = 5;
    }
    return view(std::as_const(logits_));
  }

  std::vector<std::vector<Index>> words_;
  std::vector<Index> of_;
  std::size_t step_ = 0;
  Matrix<float> logits_;
};

class SpellerNetwork : public Network {
 public:
  bool attends() const override { return false; }
  void initialise(std::uint64_t) override {}
  Index parameters() const override { return 0; }
  SafeTensors tensors(std::map<std::string, std::string>) const override { return {}; }
  void take(const SafeTensors&) override {}
  BatchStep step(Adam<float>&, const Seq2SeqStepOptions&) override { return {}; }
  std::unique_ptr<Writer> writer() const override { return std::make_unique<Speller>(); }
};

}  // namespace

TEST_CASE("the edit distance counts insertions, omissions and replacements", "[g2p]") {
  CHECK(distance({}, {}) == 0);
  CHECK(distance({}, {2, 3, 4}) == 3);
  CHECK(distance({2, 3, 4}, {2, 3, 4}) == 0);
  CHECK(distance({2, 3, 4}, {2, 4}) == 1);
  CHECK(distance({2, 3, 4}, {2, 5, 4}) == 1);
  CHECK(distance({2, 3}, {3, 2}) == 2);
  CHECK(distance({10, 9, 19, 19, 5, 13}, {18, 9, 19, 19, 9, 13, 6}) == 3);  // kitten, sitting
}

TEST_CASE("words come back in their order however many groups and threads there are", "[g2p]") {
  Words words;
  for (Index k = 0; k < 250; ++k) {
    std::vector<Index> letters, right;
    for (Index s = 0; s <= k % 7; ++s) letters.push_back((k + s) % 6), right.push_back((k + s) % 6 + 2);
    words.spelled.push_back("word");
    words.sources.push_back(token_row<float>(letters));
    words.pronunciations.push_back({right});
  }
  for (const int threads : {1, 3})
    for (const Index beams : {0, 2}) {
      const auto written = write(SpellerNetwork(), words.sources, {.beams = beams}, threads);
      CHECK(error_rates(written, words).edits == 0);
      CHECK(error_rates(written, words).words == 250);
    }
}

TEST_CASE("error rates are sums over all words", "[g2p]") {
  Words words;
  for (const auto& right : {std::vector<Index>{2, 3, 4, 5}, std::vector<Index>{2}, std::vector<Index>{2, 3, 4}})
    words.pronunciations.push_back({right});
  Written written(3, std::vector<Hypothesis<float>>(1));
  written[0][0].tokens = {2, 3, 4, 5};
  written[1][0].tokens = {3, 4};
  written[2][0].tokens = {2, 4};
  const auto rates = error_rates(written, words);
  CHECK(rates.phoneme() == 3.0 / 8);
  CHECK(rates.word() == 2.0 / 3);
  CHECK(ErrorRates{}.phoneme() == 0);
}

TEST_CASE("a word is compared with the nearest of its pronunciations", "[g2p]") {
  Words words;
  words.pronunciations = {{{2, 3, 4, 5}, {2, 3}}, {{2, 3}, {4, 5, 6, 7}}, {{2, 3}, {4, 5, 6}}};
  Written written(3, std::vector<Hypothesis<float>>(1));
  written[0][0].tokens = {2, 3};     // right by the second
  written[1][0].tokens = {4, 5, 6};  // one of four missing in the second
  written[2][0].tokens = {2, 5};     // one edit from the first, two from the second
  const auto rates = error_rates(written, words);
  CHECK(rates.edits == 2);
  CHECK(rates.phonemes == 2 + 4 + 2);
  CHECK(rates.wrong_words == 2);
  CHECK(nearest({9}, {{2}, {3}}) == std::vector<Index>{2});
}
