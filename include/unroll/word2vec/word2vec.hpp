#pragma once

#include <algorithm>
#include <cstdint>
#include <limits>
#include <string_view>
#include <vector>

#include "unroll/core/finite.hpp"
#include "unroll/parameters/initializers.hpp"
#include "unroll/word2vec/word_predictions.hpp"

namespace unroll {

/// Statistics of an epoch of word2vec.
struct WordEpoch {
  Index epoch = 0;  ///< from 1
  double loss = 0;  ///< mean over all predictions, each before its step
  Index words = 0;  ///< number of words in the text
  Index predictions = 0;
};

/// State of a training of word vectors, for resumption and for training from given vectors.
template <class S>
struct WordTrainingState {
  WordTables<S> tables;  ///< empty: initial values
  Index epochs = 0;      ///< completed
  Index sentences = 0;   ///< completed in the next epoch; sentences of more than 1,000 words count as several
  std::vector<double> losses = {};  ///< of the next epoch, summed for each of the `parts`
  Index predictions = 0;            ///< of the next epoch
};

/// Initial tables of `words` words: `in` uniform within 0.5 / dimension of 0, `out` 0, as in the word2vec program.
template <class S>
WordTables<S> initial_word_tables(Index words, Index dimension, std::uint64_t seed) {
  WordTables<S> tables;
  take_memory(checked_multiply(dimension, words, "word2vec"), "word2vec", [&] {
    tables.in.resize(dimension, words);
    tables.out.setZero(dimension, words);
  });
  const double limit = 0.5 / double(dimension);
  init::uniform(-limit, limit).fill(tables.in, Random(seed, Purpose::initialise));
  return tables;
}

namespace detail {

/// Trainer of word vectors, which processes the text in chunks.
template <class S>
class WordTrainer {
 public:
  /// Words of text per chunk. Predictions of a chunk are collected before they are learned, and the rate is constant
  /// within it. The word2vec program uses the same number.
  static constexpr std::size_t chunk = 10000;

  WordTrainer(const PackedText& text, const Word2VecOptions& options)
      : text_(text),
        options_(options),
        maker_(text, options),
        parts_(std::size_t(options.parts)),
        works_(parts_),
        losses_(parts_) {
    for (auto& work : works_) work.lists.resize(parts_ * parts_);
    for (std::size_t k = 0; k < parts_; ++k)
      steps_.emplace_back(options.dimension, options.negatives * options.parts + 1, true);
  }

  /// Trains on the rest of an epoch. Returns false if on_chunk stops the training.
  bool run_epoch(WordTrainingState<S>& state) {
    while (std::size_t(state.sentences) < text_.sentences()) {
      const auto first = std::size_t(state.sentences);
      std::size_t last = first;
      while (last < text_.sentences() && text_.before(last) - text_.before(first) < chunk) ++last;
      for (auto& work : works_) work.predictions = 0;
      losses_ = state.losses;
      make_predictions(state.epochs, first, last);
      learn_predictions(S(rate_at(state.epochs, first)), state.tables);
      state.sentences = Index(last), state.losses = losses_;
      for (const auto& work : works_) state.predictions += work.predictions;
      const WordEpoch now = report(state);
      if (options_.on_chunk &&
          !options_.on_chunk({now.epoch, double(text_.before(last)) / double(text_.size()), now.loss}))
        return false;
    }
    return true;
  }

  /// Statistics of the epoch so far.
  WordEpoch report(const WordTrainingState<S>& state) const {
    WordEpoch result{.epoch = state.epochs + 1, .words = Index(text_.size()), .predictions = state.predictions};
    for (const double loss : state.losses) result.loss += loss;
    result.loss /= double(std::max<Index>(result.predictions, 1));
    return result;
  }

 private:
  double rate_at(Index epoch, std::size_t sentence) const {
    const double done = double(epoch) + double(text_.before(sentence)) / double(text_.size());
    return options_.rate * std::max(1e-4, 1 - done / double(options_.epochs));
  }

  /// Collects the predictions of a chunk; each thread processes a range of its sentences.
  void make_predictions(Index epoch, std::size_t first, std::size_t last) {
    const WordStripes stripes(Random(options_.seed, Purpose::split, std::uint64_t(epoch), first).bits(0),
                              options_.parts);
    run([&](std::size_t part) {
      for (auto& list : works_[part].lists) list.clear();
      const auto at = [&](std::size_t k) { return first + (last - first) * k / parts_; };
      for (std::size_t k = at(part); k < at(part + 1); ++k) maker_.make(epoch, k, stripes, works_[part]);
    });
  }

  /// Learns the predictions of a chunk. In each round, every thread works on one stripe of either table (Gemulla,
  /// Nijkamp, Haas, Sismanis 2011, "Large-scale matrix factorization with distributed stochastic gradient descent"). No
  /// two threads access the same vector, so the order of updates does not depend on the number of threads.
  void learn_predictions(S rate, WordTables<S>& tables) {
    for (std::size_t round = 0; round < parts_; ++round)
      run([&](std::size_t given) {
        const std::size_t predicted = (given + round) % parts_;
        for (const auto& work : works_) learn(work.lists[given * parts_ + predicted], rate, tables, given);
      });
  }

  void learn(const PredictionList& list, S rate, WordTables<S>& tables, std::size_t part) {
    // Vectors are not in the cache; those of later predictions are prefetched.
    std::size_t at = 0, ahead = 0;
    double loss = 0;
    for (int k = 0; k < 3 && !list.ends(ahead); ++k) fetch(list.next(ahead), tables);
    while (!list.ends(at)) {
      if (!list.ends(ahead)) fetch(list.next(ahead), tables);
      loss += double(steps_[part](tables, list.next(at), -rate, tables));
    }
    losses_[part] += loss;
  }

  // Inlined: g++ removes calls of functions whose only effect are prefetches.
  EIGEN_ALWAYS_INLINE static void fetch(const WordPrediction& prediction, const WordTables<S>& tables) {
    for (const auto word : prediction.given) fetch(tables.in, word);
    for (const auto word : prediction.predicted) fetch(tables.out, word);
  }
  EIGEN_ALWAYS_INLINE static void fetch(const MatrixX<S>& table, std::int32_t word) {
    const S* const column = table.data() + word * table.rows();
    for (Index k = 0; k < table.rows(); k += 64 / Index(sizeof(S))) prefetch(column + k);
  }

  template <class F>
  void run(const F& task) {
    ThreadPool* const threads = parts_ == 1 ? nullptr : &options_.threads.pool();
    run_tasks(threads, Index(parts_), [&](Index part) { task(std::size_t(part)); });
  }

  const PackedText& text_;
  const Word2VecOptions& options_;
  PredictionMaker maker_;
  std::size_t parts_;
  std::vector<PredictionMaker::Work> works_;
  std::vector<double> losses_;
  std::vector<NegativeSampling<S>> steps_;
};

/// Throws NonFiniteError if a vector, with its word, or the loss is not finite.
template <class S>
void check_epoch(const WordTables<S>& tables, const WordEpoch& done) {
  for (const MatrixX<S>* table : {&tables.in, &tables.out})
    for (Index k = 0; k < table->size(); ++k)
      require<NonFiniteError>(is_finite(table->data()[k]), "word2vec: epoch ", done.epoch, ": the vector of word ",
                              k / table->rows(), " must be finite, got ", table->data()[k],
                              "; the rate may be too large");
  require<NonFiniteError>(is_finite(done.loss), "word2vec: epoch ", done.epoch, ": the loss must be finite, got ",
                          done.loss, "; the rate may be too large");
}

inline void check_word2vec(const PackedText& text, const Word2VecOptions& o) {
  const auto within = [](std::string_view what, double value, double low, double high) {
    require<ValueError>(value >= low && value <= high, "word2vec: ", what, " must be ", low, " to ", high, ", got ",
                        value);
  };
  within("dimension", double(o.dimension), 1, 1e6);
  within("window", double(o.window), 1, double(PackedText::longest));
  within("negatives", double(o.negatives), 1, 10000);
  within("epochs", double(o.epochs), 1, 1e6);
  within("subsample", o.subsample, 0, 1);
  within("noise_power", o.noise_power, 0, 1);
  within("rate", o.rate, 0, 10);
  within("parts", double(o.parts), 1, 64);
  require<ValueError>(o.model == WordModel::skip_gram || o.parts == 1, "word2vec: parts must be 1 for CBOW, got ",
                      o.parts);
  const auto seen = std::count_if(text.counts().begin(), text.counts().end(), [](Index count) { return count > 0; });
  require<ValueError>(seen >= 2, "word2vec: the text must have at least 2 different words, got ", seen);
  require<ValueError>(std::size_t(text.sentences()) < text.size(),
                      "word2vec: at least 1 sentence must have 2 words, got 0");
}

/// Throws ShapeError or ValueError for a state that is not one of this training.
template <class S>
void check_state(const WordTrainingState<S>& state, Index words, const PackedText& text, const Word2VecOptions& o) {
  for (const MatrixX<S>* table : {&state.tables.in, &state.tables.out})
    require<ShapeError>(table->rows() == o.dimension && table->cols() == words,
                        "word2vec: the tables of the state must be [", o.dimension, " x ", words, "], got [",
                        table->rows(), " x ", table->cols(), "]");
  const auto within = [](std::string_view what, Index value, Index most) {
    require<ValueError>(value >= 0 && value <= most, "word2vec: ", what, " of the state must be 0 to ", most, ", got ",
                        value);
  };
  within("epochs", state.epochs, o.epochs);
  within("sentences", state.sentences, Index(text.sentences()));
  within("predictions", state.predictions, std::numeric_limits<Index>::max() / 2);
  require<ShapeError>(Index(state.losses.size()) == o.parts, "word2vec: losses of the state must be ", o.parts,
                      ", one for each part, got ", state.losses.size());
}

}  // namespace detail

/// Training of word vectors with word2vec and negative sampling: Mikolov, Chen, Corrado, Dean 2013, "Efficient
/// estimation of word representations in vector space". Learns vectors of `words` words from `sentences` and calls
/// `on_epoch(const WordEpoch&)` after each epoch. Windows do not cross the ends of sentences. Words that are left out,
/// also by subsampling, are removed before windows are formed.
///
/// `state` has the result. Empty tables are set to initial values; training with other ones continues from them. It is
/// complete whenever on_epoch or on_chunk is called: with a copy of it, the same text and the same options, another
/// call continues bit for bit as without the stop.
///
/// Results are bitwise equal for equal seed and `parts`. Throws ValueError for options out of range, word numbers >=
/// `words`, sentences without any prediction, and a state of another training (or ShapeError); NonFiniteError at the
/// end of an epoch in which a vector or the loss is not finite.
template <class S, class F>
void train_word2vec(Index words, const Sentences& sentences, const Word2VecOptions& options, F&& on_epoch,
                    WordTrainingState<S>& state) {
  require<ValueError>(words > 0 && words <= Index(std::numeric_limits<std::int32_t>::max()),
                      "word2vec: words must be 1 to 2^31 - 1, got ", words);
  const detail::PackedText text(words, sentences);
  detail::check_word2vec(text, options);
  const std::vector<double> none(std::size_t(options.parts));
  if (state.losses.empty()) state.losses = none;
  if (state.tables.in.size() == 0) state.tables = initial_word_tables<S>(words, options.dimension, options.seed);
  detail::check_state(state, words, text, options);
  detail::WordTrainer<S> trainer(text, options);
  while (state.epochs < options.epochs && trainer.run_epoch(state)) {
    const WordEpoch done = trainer.report(state);
    detail::check_epoch(state.tables, done);
    state = {std::move(state.tables), state.epochs + 1, 0, none, 0};
    on_epoch(done);
  }
}

template <class S, class F>
WordTables<S> train_word2vec(Index words, const Sentences& sentences, const Word2VecOptions& options, F&& on_epoch) {
  WordTrainingState<S> state;
  train_word2vec(words, sentences, options, on_epoch, state);
  return std::move(state.tables);
}

}  // namespace unroll
