#pragma once
// Results of runs as text and JSON.

#include <functional>
#include <nlohmann/json.hpp>

#include "../support/scores.hpp"
#include "training.hpp"

namespace har {

/// Summary over the runs that did not diverge; count 0 without one.
unroll::Summary summary_of(const std::vector<Run>& runs, const std::function<double(const Run&)>& number);

/// Part of the data, with its scores in a run.
using Part = Scores Run::*;

/// Summaries of the top-1, top-2, ... accuracies, between 0 and 1; empty if the part has no scores.
std::vector<unroll::Summary> top_summaries(const std::vector<Run>& runs, Part part);

/// Percentage with standard deviation: "98.5 % +- 1.4".
std::string percent_text(const unroll::Summary& summary);

std::string data_text(const Data& data);
std::string epoch_text(const unroll::Epoch& epoch, const Options& options, unroll::Index epochs);
std::string run_text(const Run& run);
/// Table with a row per true class and a column per predicted class, with the recall at the end of each row.
std::string confusion_text(const unroll::ConfusionMatrix::Counts& counts, const std::vector<std::string>& classes);

/// Sum of the confusion matrices of the test data of all runs.
unroll::ConfusionMatrix::Counts confusion_of_all(const std::vector<Run>& runs);

nlohmann::json json_of(const unroll::ConfusionMatrix::Counts& counts);
nlohmann::json json_of(const unroll::Summary& summary);

/// Scores of a run on all parts of the data.
nlohmann::json json_of(const Run& run);
/// Text of a JSON object; invalid UTF-8 in names from files is replaced.
std::string text_of(const nlohmann::json& json);

/// All printed numbers, and the options. `seed`: of the saved network.
nlohmann::json metrics_json(const Options& options, const Data& data, const Network& network,
                            unroll::Index largest_batch_steps, const std::vector<Run>& runs, std::uint64_t seed);
/// Curves and test results of runs, for comparisons with other runs.
example::RunScores scores_of(const Options& options, const Data& data, const std::vector<Run>& runs);
/// Table with one line per run and epoch.
std::string history_csv(const std::vector<Run>& runs);

}  // namespace har
