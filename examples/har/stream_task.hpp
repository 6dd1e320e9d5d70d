#pragma once
// Classification of every step of long recordings: networks and, as a baseline, logistic regression on windows of the
// same data.

#include <filesystem>

#include "training.hpp"
#include "unroll/train/metrics/roc.hpp"

namespace har {

/// Result of one model on the test parts of all recordings; all steps have equal weight.
struct StreamRun {
  std::string model;
  std::uint64_t seed = 0;
  double accuracy = 0, balanced = 0;
  unroll::ClassScores rare = {};  // of the rarest class
  double area = 0;                // area under the ROC curve of the rarest class
  std::vector<unroll::RocPoint> curve = {};
  unroll::VectorX<double> probability = {};  // probability of the rarest class at each step of the first test recording
  unroll::ConfusionMatrix::Counts confusion = {};
  unroll::History history = {};
  double seconds = 0;
};

struct StreamResults {
  unroll::Index rare = 0;  // the class with the fewest training steps
  double majority = 0;     // accuracy of always predicting the most frequent class
  std::vector<StreamRun> runs;
};

/// Runs logistic regression, and the cell in each of options.directions, with all seeds, in parallel.
StreamResults run_streams(const Options& options, const StreamParts& parts,
                          const std::function<void(const StreamRun&)>& on_run);

/// Steps of a window: options.window, or 128 if that is 0 (two seconds at 64 values per second).
unroll::Index window_of(const Options& options);

}  // namespace har
