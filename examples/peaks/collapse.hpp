#pragma once
// Detection of collapsed training: outputs so small that the gradient of the loss vanishes.

#include <string>

#include "scorer.hpp"

namespace peaks {

/// Validation result of an epoch.
struct Outcome {
  Score score;        // of the validation events
  float largest = 0;  // largest output for them
};

/// Collapse detector for epochs of the ratio loss. It does not suit squared error, whose loss may stay flat for a while
/// before peaks rise.
class CollapseWatch {
 public:
  /// `threshold`: smallest value of a bin in a peak.
  explicit CollapseWatch(double threshold) : threshold_(threshold) {}

  /// Adds an epoch. Returns true if this is the second epoch in a row without found peaks, with all outputs below the
  /// threshold and with a loss that changed by at most 0.1 %.
  bool is_collapsed(double loss, const Outcome& outcome);

 private:
  double threshold_;
  double loss_before_ = 0;
  int flat_ = 0;  // epochs in a row
};

/// Whether a training ended collapsed, although it was too short for a CollapseWatch: nothing is found, and all outputs
/// are far below those of an untrained network, 0.007.
bool ends_collapsed(const Outcome& outcome);

/// Circumstances of a collapse.
struct CollapseCause {
  unroll::Index warm_up = 0;  // epochs
  double rate = 0;            // learning rate
  bool found_before = false;  // peaks were found in an earlier epoch
  double largest_input = 0;   // magnitude
};

/// Error message: what happened in `epoch`, and advice for the cause.
std::string collapse_text(unroll::Index epoch, const Outcome& outcome, const CollapseCause& cause);

}  // namespace peaks
