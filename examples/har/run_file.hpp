#pragma once
// Files for the runs of a study, so that finished runs are not repeated.

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "options.hpp"
#include "unroll/train/history.hpp"
#include "unroll/train/metrics.hpp"

namespace har {

/// Result of a run of a study.
struct Outcome {
  Setting setting;
  std::uint64_t seed = 0;
  std::string diverged = {};     // where a number was not finite, then there are no other results; empty: nowhere
  std::vector<double> top = {};  // test accuracies: the true class is the best, among the best 2, among the best 3
  double loss = 0;               // of the test data
  unroll::Index best_epoch = 0;
  double seconds = 0;  // of training, on one core
  unroll::ConfusionMatrix::Counts confusion = {};
  unroll::History history = {};

  /// Validation accuracy with the final parameters, the criterion for the selection of a setting.
  double validation() const {
    if (history.empty()) return unroll::Epoch::none;
    return (best_epoch > 0 ? history[std::size_t(best_epoch - 1)] : history.back()).validation_accuracy;
  }
};

/// Contents of the file of a run; `of` identifies the data and the options.
std::string run_text(const Outcome& run, const std::string& of);

/// `run` completed from its file. Empty if there is no file, if it belongs to other data or options, or if it is
/// invalid: the run must then be repeated.
std::optional<Outcome> read_run(const std::filesystem::path& file, const std::string& of, unroll::Index classes,
                                Outcome run);

}  // namespace har
