#pragma once
// What a study gave, as text and JSON.

#include "study.hpp"
#include "unroll/report/environment.hpp"

namespace hcp {

/// "81.3 % (79.0 to 83.6)"
std::string percent_text(const unroll::Interval& interval);

std::string data_text(const Data& data, const Division& division, bool trains);
std::string fold_text(std::size_t number, const Fold& fold);
std::string epoch_text(const unroll::Epoch& epoch, unroll::Index epochs);
std::string run_text(unroll::Control control, unroll::Index repeat, const unroll::GroupedHits& hits);
/// Accuracy at some moments.
std::string moments_text(const Scores& scores);
/// What can be reached without inputs.
std::string chance_text(const unroll::ChanceLevels& chance);
/// "all 24 participants, 18 of whom were trained on"
std::string everybody_text(const Results& results);
/// Whom the main result is of: "20 participants that were not trained on".
std::string tested_text(const Results& results);
/// The result, in one line, or in two where some of those who were tested were trained on.
std::string result_text(const Results& results);

/// Every number that the program prints, and the options.
std::string metrics_json(const Options& options, const Data& data, const Division& division, const Model& model,
                         const Results& results);
/// The options as names and values.
unroll::NamedValues settings_of(const Options& options);

}  // namespace hcp
