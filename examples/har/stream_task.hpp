#pragma once
// A class at every step of long recordings: networks against logistic regression on windows, on the same division.

#include <filesystem>

#include "training.hpp"
#include "unroll/train/metrics/roc.hpp"

namespace har {

/// What one model gave on the test parts of all recordings, steps counted alike.
struct StreamRun {
  std::string model;
  std::uint64_t seed = 0;
  double accuracy = 0, balanced = 0;
  unroll::ClassScores rare = {};  // of the rarest class
  double area = 0;                // under its ROC curve
  std::vector<unroll::RocPoint> curve = {};
  unroll::VectorX<double> belief = {};  // probability of the rarest class at each step of the first test part
  unroll::ConfusionMatrix::Counts confusion = {};
  unroll::History history = {};
  double seconds = 0;
};

struct StreamResults {
  unroll::Index rare = 0;  // the class with the fewest steps to train on
  double majority = 0;     // accuracy of naming the most frequent class always
  std::vector<StreamRun> runs;
};

/// Logistic regression, and the cell in each of options.directions, with all seeds; one run for each core at a time.
StreamResults run_streams(const Options& options, const StreamParts& parts,
                          const std::function<void(const StreamRun&)>& on_run);

/// Steps of a window: what --window says, or 128 (two seconds of the recordings at hand).
unroll::Index window_of(const Options& options);

}  // namespace har
