#pragma once
// What a run gave, as text and as files.

#include "training.hpp"

namespace lm {

std::string corpus_text(const Options& options, const Corpus& corpus);
std::string network_text(const Model& model);
/// "first loss 4.14 nats; ln 63 = 4.14 is that of guessing"
std::string first_loss_text(const RunState& state, unroll::Index tokens);
std::string epoch_text(const Model& model, const RunState& state, unroll::Index epochs);
/// "1.602 bits per character, perplexity 3.04, 0.00 % unknown"
std::string watched_text(const Watched& watched, const Options& options);

/// history.csv, history.json, samples.txt and the page report.html with its pictures. Returns what is missing, if
/// anything.
std::string write_results(const Model& model, const RunState& state, const Watched& watched,
                          const std::filesystem::path& folder);

}  // namespace lm
