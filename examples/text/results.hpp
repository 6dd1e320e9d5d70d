#pragma once
// Results of a run as text and files.

#include "training.hpp"

namespace lm {

std::string corpus_text(const Options& options, const Corpus& corpus);
std::string network_text(const Model& model);
/// Loss of the first batch and of uniform probabilities: "first loss 4.14 nats; loss of uniform probabilities, ln 63 =
/// 4.14".
std::string first_loss_text(const RunState& state, unroll::Index tokens);
std::string epoch_text(const Model& model, const RunState& state, unroll::Index epochs);
/// Validation result: "1.602 bits per character, perplexity 3.04, 0.00 % unknown".
std::string validation_text(const Validation& validation, const Options& options);

/// Writes history.csv, history.json, samples.txt and report.html with its figures. Returns the reason why figures are
/// missing; empty if none is.
std::string write_results(const Model& model, const RunState& state, const Validation& validation,
                          const std::filesystem::path& folder);

}  // namespace lm
