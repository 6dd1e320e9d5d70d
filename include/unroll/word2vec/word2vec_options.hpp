#pragma once

#include <cstdint>
#include <vector>

#include "unroll/threads/thread_pool.hpp"

namespace unroll {

/// Which words predict which: skip-gram the one in the middle each of its window, CBOW all of a window the middle one
/// (each of them then moves as if it were alone: `whole` in NegativeSampling).
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
  Index parts = 1;       ///< into which the words are cut, for as many threads at most; skip-gram only
  Threads threads = {};  ///< results do not depend on it, only on `parts`
};

/// Sentences as numbers of words. Negative numbers are words that are left out.
using Sentences = std::vector<std::vector<Index>>;

}  // namespace unroll
