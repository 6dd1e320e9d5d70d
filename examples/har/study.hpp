#pragma once
// Study: all combinations of settings and seeds. Each run has one thread; runs are executed in parallel.

#include <filesystem>

#include "run_file.hpp"
#include "training.hpp"

namespace har {

struct Study {
  std::vector<Outcome> runs;  // ordered by setting, then by seed
  unroll::Index resumed = 0;  // number of runs loaded from files
  std::vector<Run> baseline;  // logistic regression, one run per seed
  double seconds = 0;
};

/// All combinations, ordered by batch, then units, then rate.
std::vector<Setting> settings_of(const Options& options);

/// Every run writes a file in `folder` when it ends. Runs with a file for the same data and options are loaded instead.
/// `on_run` is never called concurrently.
Study run_study(const Options& options, const Data& data, const std::filesystem::path& folder,
                const std::function<void(const Outcome&, bool resumed)>& on_run);

}  // namespace har
