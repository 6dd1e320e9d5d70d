#pragma once
// What a network writes, and how far from right it is.

#include "network.hpp"
#include "unroll/infer/hypothesis.hpp"
#include "words.hpp"

namespace g2p {

struct Search {
  unroll::Index beams = 4;    // 0: the most likely phoneme at every step
  unroll::Index n_best = 1;   // at most as many as beams
  double length_penalty = 0;  // alpha of Wu et al. 2016
  bool keep_attention = false;
};

/// Of each word, the best first.
using Written = std::vector<std::vector<unroll::Hypothesis<float>>>;

/// What the network writes for these words, which are dealt out to the threads. It is told letters only.
Written write(const Network& network, const std::vector<unroll::MatrixX<float>>& words, const Search& search,
              const unroll::Threads& threads);

/// The least number of phonemes to insert, leave out or replace.
unroll::Index edit_distance(std::span<const unroll::Index> written, std::span<const unroll::Index> right);

/// The pronunciation that is nearest to what was written; of equally near ones the first.
const std::vector<unroll::Index>& nearest(const std::vector<unroll::Index>& written,
                                          const std::vector<std::vector<unroll::Index>>& pronunciations);

/// Errors of the best hypotheses, each compared with the nearest pronunciation of its word.
struct ErrorRates {
  unroll::Index edits = 0, phonemes = 0;     // sums of edit distances and of lengths
  unroll::Index wrong_words = 0, words = 0;  // with at least one error, and all

  double phoneme() const { return phonemes == 0 ? 0 : double(edits) / double(phonemes); }
  double word() const { return words == 0 ? 0 : double(wrong_words) / double(words); }
};
ErrorRates error_rates(const Written& written, const Words& words);

}  // namespace g2p
