#pragma once

#include <algorithm>
#include <cstdint>
#include <span>
#include <utility>
#include <vector>

#include "unroll/core/checked.hpp"
#include "unroll/core/random.hpp"
#include "unroll/word2vec/negative_sampling.hpp"
#include "unroll/word2vec/word2vec_options.hpp"
#include "unroll/word2vec/word_random.hpp"

namespace unroll::detail {

/// Text as consecutive word numbers, divided into sentences.
class PackedText {
 public:
  /// Longest sentence; longer ones are divided, as in the word2vec program.
  static constexpr std::size_t longest = 1000;

  PackedText(Index words, const Sentences& sentences) {
    take_memory(words, "word2vec: words", [&] { counts_.resize(std::size_t(words)); });
    for (const auto& sentence : sentences) {
      for (const Index word : sentence) {
        require<ValueError>(word < words, "word2vec: word must be below ", words, ", got ", word);
        if (word < 0) continue;
        ++counts_[std::size_t(word)];
        words_.push_back(static_cast<std::int32_t>(word));
        if (words_.size() - ends_.back() == longest) ends_.push_back(words_.size());
      }
      if (words_.size() > ends_.back()) ends_.push_back(words_.size());
    }
  }

  std::size_t sentences() const { return ends_.size() - 1; }
  std::span<const std::int32_t> sentence(std::size_t k) const {
    return std::span(words_).subspan(ends_[k], ends_[k + 1] - ends_[k]);
  }
  /// Number of words before sentence k.
  std::size_t before(std::size_t k) const { return ends_[k]; }
  std::size_t size() const { return words_.size(); }
  const std::vector<Index>& counts() const { return counts_; }

 private:
  std::vector<Index> counts_;
  std::vector<std::int32_t> words_;
  std::vector<std::size_t> ends_{0};
};

/// Predictions in the order of learning, in one array of numbers.
class PredictionList {
 public:
  void clear() { numbers_.clear(); }
  void add(const WordPrediction& p) {
    numbers_.push_back(static_cast<std::int32_t>(p.given.size()));
    numbers_.push_back(static_cast<std::int32_t>(p.predicted.size()));
    numbers_.insert(numbers_.end(), p.given.begin(), p.given.end());
    numbers_.insert(numbers_.end(), p.predicted.begin(), p.predicted.end());
  }

  bool ends(std::size_t at) const { return at == numbers_.size(); }
  /// Prediction at position `at`, which is moved to the next one.
  WordPrediction next(std::size_t& at) const {
    const auto given = std::size_t(numbers_[at]), predicted = std::size_t(numbers_[at + 1]);
    const auto from = std::exchange(at, at + 2 + given + predicted) + 2;
    const std::span all(numbers_);
    return {all.subspan(from, given), all.subspan(from + given, predicted)};
  }

 private:
  std::vector<std::int32_t> numbers_;
};

/// Random division of the words into stripes of about equal size.
class WordStripes {
 public:
  WordStripes(std::uint64_t random, Index stripes)
      : key_(static_cast<std::uint32_t>(random >> 32)), stripes_(std::uint64_t(stripes)) {}

  std::size_t operator()(std::int32_t word) const {
    std::uint32_t mixed = (static_cast<std::uint32_t>(word) ^ key_) * 0x9E3779B1u;
    mixed = (mixed ^ mixed >> 15) * 0x85EBCA6Bu;
    mixed = (mixed ^ mixed >> 13) * 0xC2B2AE35u;
    return std::size_t(mixed * stripes_ >> 32);
  }

 private:
  std::uint32_t key_;
  std::uint64_t stripes_;
};

/// Generator of predictions, sorted by the stripes of their words: list i * parts + j has given words of stripe i and
/// predicted words of stripe j.
///
/// With several parts, `parts` times as many words are drawn, and only those in the stripe of the target word are kept.
/// Two words share a stripe with probability 1 / parts, so the expected number of random does not depend on `parts`.
class PredictionMaker {
 public:
  PredictionMaker(const PackedText& text, const Word2VecOptions& options)
      : text_(text),
        options_(options),
        kept_(kept_shares(text.counts(), options.subsample)),
        noise_(text.counts(), options.noise_power) {}

  struct Work {
    std::vector<PredictionList> lists;
    std::vector<std::int32_t> sentence, given, predicted;
    Index predictions = 0;
  };

  void make(Index epoch, std::size_t sentence, const WordStripes& stripes, Work& work) const {
    WordRandom random(Random(options_.seed, Purpose::sample, std::uint64_t(epoch), sentence).bits(0));
    work.sentence.clear();
    for (const auto word : text_.sentence(sentence))
      if (random.word() < kept_[std::size_t(word)]) work.sentence.push_back(word);
    for (std::size_t k = 0; k < work.sentence.size(); ++k) make_window(k, stripes, work, random);
  }

 private:
  void make_window(std::size_t k, const WordStripes& stripes, Work& work, WordRandom& random) const {
    const std::size_t reach = 1 + random.below(static_cast<std::uint32_t>(options_.window));
    const std::size_t last = std::min(k + reach, work.sentence.size() - 1);
    work.given.clear();
    for (std::size_t near = k - std::min(k, reach); near <= last; ++near)
      if (near != k) work.given.push_back(work.sentence[near]);
    if (work.given.empty()) return;
    if (options_.model == WordModel::cbow) return predict(work.given, work.sentence[k], stripes, work, random);
    for (const std::int32_t& given : work.given) predict({&given, 1}, work.sentence[k], stripes, work, random);
  }

  void predict(std::span<const std::int32_t> given, std::int32_t target, const WordStripes& stripes, Work& work,
               WordRandom& random) const {
    const std::size_t stripe = stripes(target);
    work.predicted.assign(1, target);
    for (Index n = 0; n < options_.negatives * options_.parts; ++n)
      if (const auto drawn = noise_(random); drawn != target && stripes(drawn) == stripe)
        work.predicted.push_back(drawn);
    work.lists[stripes(given.front()) * std::size_t(options_.parts) + stripe].add({given, work.predicted});
    ++work.predictions;
  }

  const PackedText& text_;
  const Word2VecOptions& options_;
  std::vector<std::uint64_t> kept_;
  NoiseTable noise_;
};

}  // namespace unroll::detail
