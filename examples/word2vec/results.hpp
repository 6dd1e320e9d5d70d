#pragma once
// Printed results, and the HTML report.

#include <filesystem>
#include <nlohmann/json.hpp>
#include <optional>
#include <span>
#include <string>

#include "../support/scores.hpp"
#include "options.hpp"
#include "unroll/word2vec/word2vec.hpp"

namespace word2vec {

/// Numbers of words, and of phrases if they were searched.
std::string corpus_text(const Corpus& corpus, const CorpusOptions& options);
std::string epoch_text(const unroll::WordEpoch& epoch, unroll::Index epochs, double seconds);

/// One line per word: "  neighbour   0.712".
std::string neighbours_text(std::span<const unroll::SimilarWord> words);
std::string score_text(const PairScore& score);

/// JSON objects of results.
nlohmann::ordered_json json_of(std::span<const unroll::SimilarWord> words);
nlohmann::ordered_json json_of(const PairScore& score);

/// Epochs of a training.
struct Training {
  std::vector<unroll::WordEpoch> epochs;
  std::vector<double> seconds;  // of each epoch
};

/// Run of one seed.
struct Run {
  std::uint64_t seed = 1;
  Training training;
  std::optional<PairScore> pairs = {};  // without value: no pairs were given
};

/// One line per run and epoch: seed, epoch, loss, words, predictions, seconds.
std::string history_csv(const std::vector<Run>& runs);

/// Mean share of nearer pairs of several runs with its sample standard deviation, and the share of each run.
std::string shares_text(const std::vector<Run>& runs);
/// The score of one run, or mean, deviation and shares of several.
nlohmann::ordered_json pairs_json(const std::vector<Run>& runs);

/// Curves, and the scored pairs, for comparisons with other runs.
example::RunScores scores_of(const std::vector<Run>& runs);

/// Writes the HTML report with its figures. `vectors`: those of the first run. Returns the reason why figures are
/// missing; empty if none is.
std::string write_report(const std::filesystem::path& folder, const Options& options, const std::vector<Run>& runs,
                         const unroll::WordVectors& vectors);

}  // namespace word2vec
