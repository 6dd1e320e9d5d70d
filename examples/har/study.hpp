#pragma once
// Study: several settings with several seeds, of which validation data select one.

#include "runs.hpp"

namespace har {

/// Results of one setting.
struct Row {
  Setting setting;
  std::vector<Run> runs;     // one per seed
  unroll::Index epochs = 0;  // up to which it was trained

  unroll::Index diverged() const;
  /// Mean over the runs that did not diverge; NaN without one.
  double mean(double (*number)(const Run&)) const;
};

struct Study {
  std::vector<Row> rows = {};             // in the order of the settings
  std::size_t chosen = 0;                 // row selected by validation data
  std::vector<Run> baseline = {};         // logistic regression, one run per seed
  unroll::Index trained = 0, loaded = 0;  // number of runs, and of those loaded from files

  const Row& selected() const { return rows[chosen]; }
};

/// Top-1 of the validation data with the parameters that a run would keep if it ended after `epochs` epochs; NaN if it
/// diverged.
double validation_accuracy(const Run& run, unroll::Index epochs, const Options& options);

/// Trains the settings of options.search with all seeds and selects the one with the best mean validation accuracy;
/// with "halving", only settings that were trained for all epochs are candidates. Only the selected setting is tested,
/// or all with options.test_all. Throws ValueError if all runs diverged.
Study run_study(const Options& options, const Data& data, const Runs& runs, const Runs::OnRun& on_run);

/// Jobs of all settings and seeds.
std::vector<Job> jobs_of(const std::vector<Setting>& settings, const Options& options, unroll::Index epochs);

}  // namespace har
