#pragma once
// Results as text, JSON and an HTML report with figures.

#include <nlohmann/json.hpp>

#include "training.hpp"
#include "unroll/core/tables/data_table.hpp"

namespace forecast {

/// Series and their division.
std::string data_text(const Plan& plan, const Data& data);

/// A network or baseline, and its scores.
using Named = std::vector<std::pair<std::string, const Scores*>>;

/// Errors of each forecast and channel.
unroll::DataTable comparison_table(const Plan& plan, const Named& all);
/// Errors of each forecast, channel and step.
unroll::DataTable horizon_table(const Plan& plan, const Named& all);
/// Levels of the quantiles, and the share of the values at most each.
unroll::DataTable coverage_table(const Plan& plan, const Scores& scores);
/// The comparison as text, one line each.
std::string comparison_text(const Plan& plan, const Named& all);
nlohmann::ordered_json errors_json(const Plan& plan, const Scores& scores);

nlohmann::ordered_json results_json(const nlohmann::ordered_json& settings, const Data& data, const Results& results);

/// Scores of the runs at the origins of the test part and their losses, for comparisons.
example::RunScores scores_of(const Results& results, const std::vector<Origin>& test);

/// Epochs of all runs; the last column has seconds.
std::string history_csv(const Results& results);

/// Result in one line: errors of the network and of the best baseline.
std::string result_text(const Results& results);

/// Writes report.html and its files; returns why figures are missing, empty if they are not.
std::string write_report(const std::filesystem::path& folder, const nlohmann::ordered_json& settings,
                         const Windows& windows, const Data& data, const Results& results, int threads);

}  // namespace forecast
