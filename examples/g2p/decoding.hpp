#pragma once
// Decoding of words and its error rates.

#include "network.hpp"
#include "unroll/infer/hypothesis.hpp"
#include "words.hpp"

namespace g2p {

struct Search {
  unroll::Index beams = 4;    // 0: greedy decoding
  unroll::Index n_best = 1;   // at most `beams`
  double length_penalty = 0;  // alpha of Wu et al. 2016
  bool keep_attention = false;
};

/// Hypotheses of each word, best first.
using Hypotheses = std::vector<std::vector<unroll::Hypothesis<float>>>;

/// Networks with the same letters and phonemes. Several are an ensemble: the log-probability of a phoneme is the mean
/// of theirs, normalised, and the attention is their mean.
using Networks = std::vector<const Network*>;

/// Decodes the words [1 x letters], in groups that run in parallel. The references are not passed, so decoding cannot
/// leak them.
Hypotheses decode(const Networks& networks, const std::vector<unroll::MatrixX<float>>& words, const Search& search,
                  const unroll::Threads& threads);

/// Levenshtein distance: the smallest number of insertions, deletions and substitutions.
unroll::Index edit_distance(std::span<const unroll::Index> hypothesis, std::span<const unroll::Index> reference);

/// The pronunciation with the smallest edit distance to `hypothesis`; the first one of equals.
const std::vector<unroll::Index>& nearest(const std::vector<unroll::Index>& hypothesis,
                                          const std::vector<std::vector<unroll::Index>>& pronunciations);

/// Error counts of the best hypotheses, each compared with the nearest pronunciation of its word.
struct ErrorRates {
  unroll::Index edits = 0, phonemes = 0;     // sums of edit distances and of reference lengths
  unroll::Index wrong_words = 0, words = 0;  // words with at least one error; all words

  ErrorRates& operator+=(const ErrorRates& other) {
    edits += other.edits, phonemes += other.phonemes, wrong_words += other.wrong_words, words += other.words;
    return *this;
  }
  double phoneme() const { return phonemes == 0 ? 0 : double(edits) / double(phonemes); }
  double word() const { return words == 0 ? 0 : double(wrong_words) / double(words); }
};
ErrorRates error_rates(const Hypotheses& hypotheses, const Words& words);
/// The same for each word.
std::vector<ErrorRates> error_rates_of_words(const Hypotheses& hypotheses, const Words& words);

}  // namespace g2p
