#pragma once
// All combinations of settings and seeds, each a run of one thread, as many at a time as there are cores.

#include <filesystem>

#include "run_file.hpp"
#include "training.hpp"

namespace har {

struct Study {
  std::vector<Outcome> runs;  // setting by setting, of each all seeds
  unroll::Index resumed = 0;  // of these were there already
  std::vector<Run> baseline;  // logistic regression, a run for each seed
  double seconds = 0;
};

/// Batch, then units, then rate.
std::vector<Setting> settings_of(const Options& options);

/// Every run leaves a file in `folder` when it ends. Runs whose file is there and is of the same data and options are
/// not done again. `on_run` is called by one thread at a time.
Study run_study(const Options& options, const Data& data, const std::filesystem::path& folder,
                const std::function<void(const Outcome&, bool resumed)>& on_run);

}  // namespace har
