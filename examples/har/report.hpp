#pragma once
// What a set of runs gave, as text and as JSON.

#include <map>
#include <nlohmann/json.hpp>

#include "training.hpp"

namespace har {

/// Top-1, top-2 ... over the runs, as shares.
std::vector<unroll::Summary> top_summaries(const std::vector<Run>& runs);

/// "98.5 % +- 1.4"
std::string percent_text(const unroll::Summary& summary);

/// What a file of the trained network says beside it: "classes" (a JSON list), "channel_mean", "channel_deviation"
/// (numbers with a blank between them).
std::map<std::string, std::string> metadata_of(const Data& data);

std::string data_text(const Data& data);
std::string epoch_text(const unroll::Epoch& epoch, const Options& options);
std::string run_text(const Run& run);
/// Rows are true classes, with their recall at the end.
std::string confusion_text(const unroll::ConfusionMatrix::Counts& counts, const std::vector<std::string>& classes);

/// Of all runs together.
unroll::ConfusionMatrix::Counts confusion_of_all(const std::vector<Run>& runs);

nlohmann::json options_json(const Options& options);
nlohmann::json json_of(const unroll::Summary& summary);

/// Every number that the program prints, and the options.
std::string metrics_json(const Options& options, const Data& data, const Network& network,
                         unroll::Index largest_batch_steps, const std::vector<Run>& runs);
/// One line per run and epoch.
std::string history_csv(const std::vector<Run>& runs);

}  // namespace har
