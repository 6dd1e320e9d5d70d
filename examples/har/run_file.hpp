#pragma once
// Files for runs, so that finished runs are not repeated.

#include <filesystem>
#include <optional>
#include <string>

#include "options.hpp"
#include "unroll/train/history.hpp"

namespace har {

/// Course of a training run.
struct RunRecord {
  unroll::Index epochs = 0;      // up to which it was trained; early stopping can end it before
  std::string diverged = {};     // where a number was not finite; empty: nowhere
  unroll::Index best_epoch = 0;  // whose parameters the network has; 0: those of the last epoch
  bool stopped_early = false;
  unroll::History history = {};
  bool loaded = false;  // from its file

  /// Seconds of all epochs.
  double seconds() const {
    double sum = 0;
    for (const unroll::Epoch& epoch : history) sum += unroll::is_finite(epoch.seconds) ? epoch.seconds : 0;
    return sum;
  }
};

/// Epoch whose parameters are kept if the training ends after `epochs` epochs: the last one that improved `monitor` by
/// more than `least_gain`, from 1; 0 without values.
unroll::Index best_epoch(const unroll::History& history, unroll::Index epochs, unroll::Monitor monitor,
                         double least_gain);

/// Contents of the file of a run; `of` identifies the data and the options.
std::string record_text(const RunRecord& run, const std::string& of);

/// Record in a file. Empty if there is no file, if it belongs to other data or options, or if it is invalid: the run
/// must then be repeated.
std::optional<RunRecord> read_record(const std::filesystem::path& file, const std::string& of);

}  // namespace har
