#pragma once
// A run of a study in a file, so that it is not done again.

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "options.hpp"
#include "unroll/train/history.hpp"
#include "unroll/train/metrics.hpp"

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

/// As a file holds it; `of` names the data and the options.
std::string run_text(const Outcome& run, const std::string& of);

/// `run` with what the file has of it. Nothing where there is no such file, or what is there is of other data and
/// options or cannot be used: then the run is done again.
std::optional<Outcome> read_run(const std::filesystem::path& file, const std::string& of, unroll::Index classes,
                                Outcome run);

}  // namespace har
