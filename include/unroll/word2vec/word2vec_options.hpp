#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "unroll/threads/thread_pool.hpp"

namespace unroll {

/// Model of word2vec. Skip-gram: each other word of a window alone predicts the middle word. CBOW: all of them together
/// predict the middle word, and each gets the whole gradient (`whole` in NegativeSampling).
enum class WordModel { skip_gram, cbow };

/// Progress of a training of word vectors, the argument of Word2VecOptions::on_chunk.
struct WordProgress {
  Index epoch = 0;   ///< from 1
  double share = 0;  ///< share of the words of the epoch that were processed
  double loss = 0;   ///< mean over the predictions of the epoch so far
};

/// Options of train_word2vec.
struct Word2VecOptions {
  WordModel model = WordModel::skip_gram;
  Index dimension = 100;
  Index window = 5;     ///< largest number of words to each side; the number is drawn for each word, from 1 on
  Index negatives = 5;  ///< words drawn per target word; draws of the target word are skipped
  double subsample =
      1e-3;  ///< t: a word of frequency f is kept with probability min(1, sqrt(t / f) + t / f); 0: all are kept
  double noise_power = 0.75;  ///< words are drawn with probability proportional to this power of their counts
  Index epochs = 5;
  double rate = 0.025;  ///< decreases linearly with the processed words to 1 / 10,000
  std::uint64_t seed = 1;
  Index parts = 1;       ///< number of stripes of the words, and largest number of threads used; skip-gram only
  Threads threads = {};  ///< results depend on `parts`, not on the threads
  /// Called after every 10,000 words of text, when the WordTrainingState is complete; false: stop.
  std::function<bool(const WordProgress&)> on_chunk = {};
};

/// Sentences as word numbers. Negative numbers mark words that are left out.
using Sentences = std::vector<std::vector<Index>>;

}  // namespace unroll
