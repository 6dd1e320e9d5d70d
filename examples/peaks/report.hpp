#pragma once
// Results as text and as an HTML report with figures.

#include <nlohmann/json.hpp>

#include "../support/scores.hpp"
#include "study.hpp"

namespace peaks {

std::string data_text(const EventSets& events);
/// Score of a fixed level without a model.
std::string baseline_text(const Baseline& baseline, const Events& test);
/// Table with one line per value of a study; empty without a study.
std::string study_text(const Options& options, const std::vector<Point>& points);
/// Result in one line: of the only training, or of the value that the validation events of a study selected.
std::string result_text(const Options& options, const std::vector<Point>& points, const Events& test);

struct Written {
  std::vector<std::string> files;
  std::string missing;  // reason why there are no figures; empty if there are
};

/// All results, and the settings.
nlohmann::json results_json(const nlohmann::json& settings, const Options& options, const EventSets& events,
                            const Baseline& baseline, const std::vector<Point>& points);

/// Curves, and scores of each test event, of the selected point, for comparisons with other runs.
example::RunScores scores_of(const Events& test, const Point& point);

/// Writes report.html, report.json, report.csv, tables and figures.
Written write_report(const std::filesystem::path& folder, const nlohmann::json& settings, const Options& options,
                     const EventSets& events, const Baseline& baseline, const std::vector<Point>& points);

}  // namespace peaks
