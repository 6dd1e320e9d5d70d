#pragma once
// The end of a training that has stopped to learn: outputs so small that the loss no longer has a slope.

#include <string>

#include "scorer.hpp"

namespace peaks {

/// What an epoch gave besides its loss.
struct Outcome {
  Score score;        // of the test events
  float largest = 0;  // of all outputs for them
};

/// Watches the epochs of a loss of ratios. Squared error is different: it may stay flat for a while before peaks rise.
class CollapseWatch {
 public:
  /// `threshold`: what a bin of a peak must have.
  explicit CollapseWatch(double threshold) : threshold_(threshold) {}

  /// Whether this is the second epoch in a row with nothing found, no output near a peak and a loss that stays the same
  /// to a thousandth.
  bool is_collapsed(double loss, const Outcome& outcome);

 private:
  double threshold_;
  double loss_before_ = 0;
  int flat_ = 0;  // epochs
};

/// What happened and what to try, in sentences.
std::string collapse_text(unroll::Index epoch, const Outcome& outcome, unroll::Index warm_up, double rate);

}  // namespace peaks
