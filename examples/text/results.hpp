#pragma once
// Results of runs as text and files.

#include <vector>

#include "../support/scores.hpp"
#include "scoring.hpp"
#include "training.hpp"

namespace lm {

/// Run with its result.
struct TrainedRun {
  std::uint64_t seed = 0;
  RunState state;
  Validation validation;
};

/// Number of the run with the lowest validation loss.
std::size_t best_of(const std::vector<TrainedRun>& runs);

std::string corpus_text(const Options& options, const Corpus& corpus);
std::string network_text(const Model& model);
/// Loss of the first batch and of uniform probabilities: "first loss 5.97 bits per character; with uniform
/// probabilities, log2(63) = 5.98".
std::string first_loss_text(const RunState& state, const Model& model);
std::string epoch_text(const Model& model, const RunState& state, unroll::Index epochs);
/// Validation result: "1.602 bits per character, perplexity 3.04 on 81510 characters, 0.00 % unknown".
std::string validation_text(const Validation& validation, const Options& options);
/// Result of predict for a text: "my.txt: 1.602 bits per character, perplexity 3.04 on 900 characters, 0.00 % unknown".
std::string total_text(const std::string& file, const Total& total, const Options& options);
/// Generated texts, each with a line end; texts of several lines are followed by a line "---".
std::string samples_text(const std::vector<std::string>& samples);

/// JSON objects of results, with a line end.
std::string json_of(const Validation& validation, const std::string& text);
std::string json_of(const std::vector<std::string>& samples);
std::string json_of(const std::vector<TrainedRun>& runs, const std::filesystem::path& folder);
/// {"files": [totals], "rows": [rows of the table]}
std::string json_of(const std::vector<std::pair<std::string, Total>>& files, const unroll::DataTable& rows);

/// Curves, and losses of pieces of the validation text, for comparisons with other runs.
example::RunScores scores_of(const Model& model, const std::vector<TrainedRun>& runs, const Part& validation,
                             const Options& options);

/// Writes history.csv, history.json, samples.txt and report.html with its figures. `model`: the one with the lowest
/// validation loss. Returns the reason why figures are missing; empty if none is.
std::string write_results(const Model& model, const Options& options, const std::vector<TrainedRun>& runs,
                          const std::vector<std::string>& samples, const std::filesystem::path& folder);

}  // namespace lm
