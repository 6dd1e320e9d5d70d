#pragma once
// Results of runs as text and JSON.

#include <nlohmann/json.hpp>

#include "training.hpp"
#include "unroll/io/model_details.hpp"

namespace har {

/// Summaries over the runs of the top-1, top-2, ... accuracies, between 0 and 1.
std::vector<unroll::Summary> top_summaries(const std::vector<Run>& runs);

/// Percentage with standard deviation: "98.5 % +- 1.4".
std::string percent_text(const unroll::Summary& summary);

/// Details in the file of the first run's model: classes, mean and deviation of the channels, data and options.
unroll::ModelDetails details_of(const Data& data, const Options& options);

std::string data_text(const Data& data);
std::string epoch_text(const unroll::Epoch& epoch, const Options& options);
std::string run_text(const Run& run);
/// Table with a row per true class and a column per predicted class, with the recall at the end of each row.
std::string confusion_text(const unroll::ConfusionMatrix::Counts& counts, const std::vector<std::string>& classes);

/// Sum of the confusion matrices of all runs.
unroll::ConfusionMatrix::Counts confusion_of_all(const std::vector<Run>& runs);

nlohmann::json options_json(const Options& options);
nlohmann::json json_of(const unroll::Summary& summary);

/// All printed numbers, and the options.
std::string metrics_json(const Options& options, const Data& data, const Network& network,
                         unroll::Index largest_batch_steps, const std::vector<Run>& runs);
/// Table with one line per run and epoch.
std::string history_csv(const std::vector<Run>& runs);

}  // namespace har
