#pragma once

#include <array>
#include <functional>

#include "unroll/core/initializers.hpp"
#include "unroll/core/random.hpp"
#include "unroll/core/thread_pool.hpp"
#include "unroll/text/negative_sampling.hpp"
#include "unroll/text/word_draws.hpp"

namespace unroll {

/// Which words predict which: skip-gram the one in the middle each of its window, CBOW all of a window the middle one.
enum class WordModel { skip_gram, cbow };

struct Word2VecOptions {
  WordModel model = WordModel::skip_gram;
  Index dimension = 100;
  Index window = 5;           ///< words to each side at most; how many is drawn for each word, from 1 on
  Index negatives = 5;        ///< words drawn for each wanted one; one that is the wanted one is skipped
  double subsample = 1e-3;    ///< t: a word of share f is kept with probability min(1, sqrt(t / f) + t / f); 0: all are
  double noise_power = 0.75;  ///< words are drawn in proportion to this power of their counts
  Index epochs = 5;
  double rate = 0.025;  ///< falls with every word, to a 10,000th of it
  std::uint64_t seed = 1;
  Index parts = 1;       ///< of the text that are learned from at the same time: see docs/word2vec.md
  Threads threads = {};  ///< results do not depend on it; more than `parts` have nothing to do
};

/// Sentences as numbers of words. Negative numbers are words that are left out.
using Sentences = std::vector<std::vector<Index>>;

/// What an epoch of word2vec was like.
struct WordEpoch {
  Index epoch = 0;  ///< from 1
  double loss = 0;  ///< mean over all predictions, before each step
  Index words = 0;  ///< of the text
  Index predictions = 0;
};

namespace detail {

/// A text as word2vec goes through it.
class PackedText {
 public:
  /// The word2vec program cuts sentences likewise.
  static constexpr std::size_t longest = 1000;

  PackedText(Index words, const Sentences& sentences) : counts_(std::size_t(words)) {
    for (const auto& sentence : sentences) {
      for (const Index word : sentence) {
        require<ValueError>(word < words, "word2vec: expects words below ", words, ", got ", word);
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
  /// How many words stand before a sentence.
  std::size_t before(std::size_t k) const { return ends_[k]; }
  std::size_t size() const { return words_.size(); }
  const std::vector<Index>& counts() const { return counts_; }

 private:
  std::vector<Index> counts_;
  std::vector<std::int32_t> words_;
  std::vector<std::size_t> ends_{0};
};

/// Goes through sentences with tables of its own or of somebody else.
template <class S>
class WordLearner {
 public:
  WordLearner(const PackedText& text, const Word2VecOptions& options)
      : text_(text),
        options_(options),
        kept_(kept_shares(text.counts(), options.subsample)),
        noise_(text.counts(), options.noise_power) {}

  struct Work {
    explicit Work(const Word2VecOptions& o) : step(o.dimension, o.negatives + 1) {}

    NegativeSampling<S> step;
    std::vector<std::int32_t> sentence, given, predicted;
    double loss = 0;
    Index predictions = 0;
  };

  void learn(Index epoch, std::size_t sentence, WordTables<S>& tables, Work& work) const {
    const Random random(options_.seed, Purpose::sample, std::uint64_t(epoch), sentence);
    WordDraws draws(random.bits(0));
    work.sentence.clear();
    for (const auto word : text_.sentence(sentence))
      if (draws.word() < kept_[std::size_t(word)]) work.sentence.push_back(word);
    const S rate = S(rate_at(epoch, sentence));
    for (std::size_t k = 0; k < work.sentence.size(); ++k) {
      const std::size_t reach = 1 + draws.below(static_cast<std::uint32_t>(options_.window));
      const std::size_t first = k - std::min(k, reach), last = std::min(k + reach, work.sentence.size() - 1);
      if (options_.model == WordModel::cbow)
        learn_window(k, first, last, rate, tables, work, draws);
      else
        learn_pairs(k, first, last, rate, tables, work, draws);
    }
  }

 private:
  double rate_at(Index epoch, std::size_t sentence) const {
    const double done = double(epoch) + double(text_.before(sentence)) / double(text_.size());
    return options_.rate * std::max(1e-4, 1 - done / double(options_.epochs));
  }

  void learn_pairs(std::size_t k, std::size_t first, std::size_t last, S rate, WordTables<S>& tables, Work& work,
                   WordDraws& draws) const {
    for (std::size_t near = first; near <= last; ++near)
      if (near != k) predict({&work.sentence[k], 1}, work.sentence[near], rate, tables, work, draws);
  }

  void learn_window(std::size_t k, std::size_t first, std::size_t last, S rate, WordTables<S>& tables, Work& work,
                    WordDraws& draws) const {
    work.given.clear();
    for (std::size_t near = first; near <= last; ++near)
      if (near != k) work.given.push_back(work.sentence[near]);
    if (!work.given.empty()) predict(work.given, work.sentence[k], rate, tables, work, draws);
  }

  EIGEN_ALWAYS_INLINE void predict(std::span<const std::int32_t> given, std::int32_t wanted, S rate,
                                   WordTables<S>& tables, Work& work, WordDraws& draws) const {
    work.predicted.assign(1, wanted);
    for (Index n = 0; n < options_.negatives; ++n)
      if (const auto drawn = noise_(draws); drawn != wanted) work.predicted.push_back(drawn);
    work.loss += double(work.step(tables, given, work.predicted, -rate, tables));
    ++work.predictions;
  }

  const PackedText& text_;
  const Word2VecOptions& options_;
  std::vector<std::uint64_t> kept_;
  NoiseTable noise_;
};

}  // namespace detail
}  // namespace unroll
