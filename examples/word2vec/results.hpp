#pragma once
// What is told and left behind.

#include <filesystem>
#include <span>
#include <string>

#include "options.hpp"
#include "unroll/word2vec/word2vec.hpp"

namespace word2vec {

std::string corpus_text(const Corpus& corpus, const CorpusOptions& options);
std::string epoch_text(const unroll::WordEpoch& epoch, unroll::Index epochs, double seconds);

/// "  neighbour   0.712" for each.
std::string neighbours_text(std::span<const unroll::SimilarWord> words);
std::string score_text(const PairScore& score);

/// What a training was like.
struct Training {
  std::vector<unroll::WordEpoch> epochs;
  double seconds = 0;
};

/// Writes the page with its pictures. Returns why pictures are missing; empty if none is.
std::string write_report(const std::filesystem::path& folder, const Options& options, const Training& training,
                         const unroll::WordVectors& vectors);

}  // namespace word2vec
