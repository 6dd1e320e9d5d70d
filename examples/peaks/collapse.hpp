#pragma once
// Detection of collapsed training: outputs so small that the gradient of the loss vanishes.

#include <string>

#include "scorer.hpp"

namespace peaks {

/// Validation result of an epoch.
struct Outcome {
  Score score;        // of the monitored events
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

/// Error message: what happened, and options to try.
std::string collapse_text(unroll::Index epoch, const Outcome& outcome, unroll::Index warm_up, double rate);

}  // namespace peaks
