#pragma once
// Results of a study as text and JSON.

#include <nlohmann/json.hpp>

#include "../support/scores.hpp"
#include "study.hpp"

namespace hcp {

/// Percentage with confidence limits: "81.3 % (79.0 to 83.6)".
std::string percent_text(const unroll::Interval& interval);

std::string data_text(const Data& data, const Division& division);
std::string fold_text(std::size_t number, const Fold& fold);
std::string epoch_text(const unroll::Epoch& epoch, unroll::Index epochs);
std::string run_text(unroll::Control control, unroll::Index repeat, const unroll::GroupedHits& hits);
/// Accuracy at selected seconds.
std::string moments_text(const Scores& scores);
/// Chance levels: accuracies without inputs.
std::string chance_text(const unroll::ChanceLevels& chance);
/// All tested participants: "all 24 test participants, 18 of them in the training data".
std::string all_tested_text(const Results& results);
/// Participants of the main result: "20 participants not in the training data".
std::string tested_text(const Results& results);
/// Names of the tested participants that are in the training data; empty if there are none.
std::string known_text(const Results& results);
/// Accuracy of each seed, mean and deviation; empty for one seed.
std::string seeds_text(const Results& results);
/// Main result in one line, preceded by a line for all tested participants if some of them are in the training data.
std::string result_text(const Results& results);

/// All printed numbers, and the settings.
std::string metrics_json(const nlohmann::json& settings, const Data& data, const Division& division,
                         const Results& results);

/// Curves, and accuracy of the tested participants, for comparisons with other runs.
example::RunScores scores_of(const Data& data, const std::vector<Run>& runs);

}  // namespace hcp
