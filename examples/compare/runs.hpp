#pragma once
// Runs of the example programs, read from their output folders, and their measures.

#include <filesystem>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "../support/scores.hpp"
#include "statistics.hpp"
#include "unroll/train/metrics/grouped_hits.hpp"

namespace compare {

/// Run folder with its options (config.json) and scores.
struct Run {
  std::string label;
  std::filesystem::path folder;
  nlohmann::ordered_json config;
  example::RunScores scores;

  std::string program() const { return config.at("program"); }
  std::string verb() const { return config.at("verb"); }
  /// Null if the run has no such measure.
  const example::ItemMeasure* measure(const std::string& name) const;
  /// Kind of the independent units: that of the groups, otherwise that of the items.
  const std::string& units() const { return scores.groups.empty() ? scores.items : scores.groups; }
};

/// Reads the runs. Empty `labels`: the names of the folders, or their paths if names are equal. Throws ValueError for a
/// folder that occurs twice and for labels that are equal or of another number than the folders; FileError for a folder
/// without a run, with a run that has not ended or has no scores, and for invalid files.
std::vector<Run> read_runs(const std::vector<std::string>& folders, const std::vector<std::string>& labels);

/// Sums of a measure in each unit, means over the seeds.
Units units_of(const Run& run, const example::ItemMeasure& measure);

/// Value of a measure, times its scale: mean over the seeds. `over_units`: bootstrap limits; empty for one unit.
/// `over_seeds`: 95 % limits of the mean by Student's t; empty for one seed.
struct Value {
  double value = 0;
  std::optional<Limits> over_units = {}, over_seeds = {};
};
Value value_of(const Run& run, const example::ItemMeasure& measure);

/// Paired test of a measure of two runs.
struct PairTest {
  std::size_t first, second;    // indices of the runs
  double difference = 0;        // first - second, times the scale of the measure
  Limits limits = {};           // of the difference, bootstrap over units
  std::string method = {};      // name of the test
  double p = 1, corrected = 1;  // corrected: by Holm over all pairs that were tested
  std::string refused = {};     // reason why there is no test; empty: tested
};
/// Tests of all pairs of runs.
std::vector<PairTest> test_pairs(const std::vector<Run>& runs, const std::string& measure);

/// Names of the measures of all runs, in their order.
std::vector<std::string> measure_names(const std::vector<Run>& runs);

/// Options whose values differ between runs, with their values in each run; empty: the program has no such option.
/// Options that do not change results are left out.
struct Setting {
  std::string name;
  std::vector<std::string> values;
};
std::vector<Setting> settings_that_differ(const std::vector<Run>& runs);

}  // namespace compare
