#include "decoding.hpp"

#include <algorithm>
#include <numeric>

#include "unroll/infer/beam.hpp"
#include "unroll/infer/greedy.hpp"

namespace g2p {

using namespace unroll;

namespace {

/// Words decoded at a time.
constexpr Index group = 100;

using Group = std::span<const MatrixX<float>>;

/// Decoder of an ensemble.
class Ensemble final : public WordDecoder {
 public:
  explicit Ensemble(std::vector<std::unique_ptr<WordDecoder>> members) : members_(std::move(members)) {}

  void read(const MatrixX<float>& letters, const Timeline& timeline) override {
    for (const auto& member : members_) member->read(letters, timeline);
  }
  Index vocabulary() const override { return members_.front()->vocabulary(); }
  Index sources() const override { return members_.front()->sources(); }
  Index source_length(Index source) const override { return members_.front()->source_length(source); }
  ConstView<float> start() override {
    return mean([](WordDecoder& member) { return member.start(); });
  }
  ConstView<float> step(std::span<const Index> parents, std::span<const Index> tokens) override {
    return mean([&](WordDecoder& member) { return member.step(parents, tokens); });
  }
  ConstView<float> attention() const override {
    attention_.resize(0, 0);
    for (const auto& member : members_) {
      const auto weights = member->attention();
      if (weights.data() == nullptr) return nothing<float>();
      if (attention_.size() == 0) attention_.setZero(weights.rows(), weights.cols());
      attention_ += weights / float(members_.size());
    }
    return view(std::as_const(attention_));
  }

 private:
  /// Mean of the logits of all members, which is that of their log-probabilities except for a constant.
  template <class Logits>
  ConstView<float> mean(const Logits& logits_of) {
    mean_ = logits_of(*members_.front());
    for (std::size_t k = 1; k < members_.size(); ++k) mean_ += logits_of(*members_[k]);
    mean_ /= float(members_.size());
    return view(std::as_const(mean_));
  }

  std::vector<std::unique_ptr<WordDecoder>> members_;
  MatrixX<float> mean_;
  mutable MatrixX<float> attention_;
};

std::unique_ptr<WordDecoder> decoder_of(const Networks& networks) {
  std::vector<std::unique_ptr<WordDecoder>> members;
  for (const Network* network : networks) members.push_back(network->decoder());
  if (members.size() == 1) return std::move(members.front());
  return std::make_unique<Ensemble>(std::move(members));
}

void read(Group words, WordDecoder& decoder) {
  std::vector<Index> lengths;
  for (const auto& word : words) lengths.push_back(word.cols());
  const Timeline timeline = Timeline::from_lengths(lengths);
  MatrixX<float> letters(1, timeline.columns());
  for (Index c = 0; c < letters.cols(); ++c)
    letters(0, c) = words[std::size_t(timeline.sample_of(c))](0, timeline.step_of(c));
  decoder.read(letters, timeline);
}

/// Twice the letters plus 8. In data/, "kwh" has the most phonemes per letter: 11 for 3.
Limits limits(Group words) {
  Limits limits{.end = special_tokens.end};
  for (const auto& word : words) limits.longest_of.push_back(2 * word.cols() + 8);
  return limits;
}

Hypotheses search_best(WordDecoder& decoder, const Limits& limits, const Search& search) {
  if (search.beams > 0)
    return beam_search(decoder, {.limits = limits,
                                 .keep_attention = search.keep_attention,
                                 .beams = search.beams,
                                 .n_best = search.n_best,
                                 .length_penalty = LengthPenalty::wu(search.length_penalty)});
  Hypotheses hypotheses;
  for (auto& one : greedy(decoder, {.limits = limits, .keep_attention = search.keep_attention}))
    hypotheses.push_back({std::move(one)});
  return hypotheses;
}

}  // namespace

Hypotheses decode(const Networks& networks, const std::vector<MatrixX<float>>& words, const Search& search,
                  const Threads& threads) {
  Hypotheses hypotheses(words.size());
  threads.pool().run((Index(words.size()) + group - 1) / group, [&](Index k) {
    const auto first = std::size_t(k * group);
    const Group some(words.data() + first, std::min(std::size_t(group), words.size() - first));
    const auto decoder = decoder_of(networks);
    read(some, *decoder);
    auto part = search_best(*decoder, limits(some), search);
    std::move(part.begin(), part.end(), hypotheses.begin() + Index(first));
  });
  return hypotheses;
}

Index edit_distance(std::span<const Index> hypothesis, std::span<const Index> reference) {
  std::vector<Index> row(reference.size() + 1);
  std::iota(row.begin(), row.end(), Index(0));
  for (std::size_t i = 0; i < hypothesis.size(); ++i) {
    Index diagonal = row[0];
    row[0] = Index(i) + 1;
    for (std::size_t j = 0; j < reference.size(); ++j) {
      const Index replaced = diagonal + (hypothesis[i] == reference[j] ? 0 : 1);
      diagonal = row[j + 1];
      row[j + 1] = std::min({row[j + 1] + 1, row[j] + 1, replaced});
    }
  }
  return row.back();
}

const std::vector<Index>& nearest(const std::vector<Index>& hypothesis,
                                  const std::vector<std::vector<Index>>& pronunciations) {
  return *std::min_element(pronunciations.begin(), pronunciations.end(), [&](const auto& a, const auto& b) {
    return edit_distance(hypothesis, a) < edit_distance(hypothesis, b);
  });
}

ErrorRates error_rates(const Hypotheses& hypotheses, const Words& words) {
  const auto all = error_rates_of_words(hypotheses, words);
  return std::accumulate(all.begin(), all.end(), ErrorRates(),
                         [](ErrorRates sum, const ErrorRates& word) { return sum += word; });
}

std::vector<ErrorRates> error_rates_of_words(const Hypotheses& hypotheses, const Words& words) {
  std::vector<ErrorRates> rates;
  for (std::size_t k = 0; k < hypotheses.size(); ++k) {
    const auto& reference = nearest(hypotheses[k].front().tokens, words.pronunciations[k]);
    const Index edits = edit_distance(hypotheses[k].front().tokens, reference);
    rates.push_back({edits, Index(reference.size()), edits > 0, 1});
  }
  return rates;
}

}  // namespace g2p
