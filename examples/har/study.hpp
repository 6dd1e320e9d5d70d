#pragma once
// All combinations of settings and seeds, each a run of one thread, as many at a time as there are cores.

#include <filesystem>

#include "training.hpp"

namespace har {

/// What a run of the study gave.
struct Outcome {
  Setting setting;
  std::uint64_t seed = 0;
  std::string diverged = {};     // where a number was not finite; then nothing else is known
  std::vector<double> top = {};  // shares of the test data: the right class is the best, among the best 2, best 3
  double loss = 0;               // of the test data
  unroll::Index best_epoch = 0;
  double seconds = 0;  // of training, on one core
  unroll::ConfusionMatrix::Counts confusion = {};
  unroll::History history = {};

  /// Accuracy of the validation data with the parameters that were kept: what a setting is chosen by.
  double validation() const {
    if (history.empty()) return unroll::Epoch::none;
    return (best_epoch > 0 ? history[std::size_t(best_epoch - 1)] : history.back()).validation_accuracy;
  }
};

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
