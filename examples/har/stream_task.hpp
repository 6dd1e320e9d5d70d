#pragma once
// Classification of every step of long recordings: networks and, as a baseline, logistic regression on windows of the
// same data.

#include <filesystem>
#include <functional>

#include "model_file.hpp"
#include "unroll/train/metrics/roc.hpp"

namespace har {

/// Scores of one model on recordings; all steps have equal weight.
struct StreamScores {
  double accuracy = 0, balanced = 0;
  unroll::ClassScores rare = {};  // of the rarest class
  double area = 0;                // area under the ROC curve of the rarest class
  std::vector<unroll::RocPoint> curve = {};
  unroll::VectorX<double> probability = {};  // probability of the rarest class at each step of the first recording
  unroll::ConfusionMatrix::Counts confusion = {};
  std::vector<unroll::ConfusionMatrix::Counts> of_recordings = {};
};

/// Scores of outputs [classes x steps] of each recording.
StreamScores score_streams(const std::vector<Stream>& streams, const std::vector<unroll::MatrixX<float>>& outputs,
                           unroll::Index classes, unroll::Index rare);

/// Outputs [classes x steps] of a network at all steps of recordings with standardized channels: in windows that begin
/// with the initial state, or with the state carried through each recording (options.carry).
std::vector<unroll::MatrixX<float>> stream_outputs(const Network& network, const Options& options,
                                                   const std::vector<Stream>& streams, const unroll::Threads& threads);

/// Recordings with standardized channels.
std::vector<Stream> standardized(const std::vector<Stream>& streams, const unroll::Standardizer<float>& standardizer);

/// Result of one model on the test parts of all recordings.
struct StreamRun : StreamScores {
  std::string model;
  std::string direction = {};  // of a network
  std::uint64_t seed = 0;
  RunRecord record = {};
};

struct StreamResults {
  unroll::Index rare = 0;  // the class with the fewest training steps
  double majority = 0;     // accuracy of always predicting the most frequent class
  std::vector<StreamRun> runs = {};
  std::string saved = {};      // the network in model.safetensors: "gru, seed 1"
  std::string direction = {};  // of this network
};

/// Runs logistic regression, and the cell in each of options.directions, with all seeds, in parallel, and writes the
/// best network by validation data, or the first one without them, to `file`. The files of runs are in `folder`; those
/// of earlier runs are continued if `resumes`. `before`: trained model whose training is continued; null: none.
StreamResults run_streams(const Options& options, const StreamParts& parts, const std::filesystem::path& folder,
                          bool resumes, const TrainedModel* before, const std::filesystem::path& file,
                          const std::function<void(const StreamRun&)>& on_run);

/// Name and hash of recordings.
std::string stream_fingerprint(const StreamParts& parts);
/// Hash of the test recordings.
std::string test_fingerprint(const StreamParts& parts);

/// Steps of a window: options.window, or 128 if that is 0 (two seconds at 64 values per second).
unroll::Index window_of(const Options& options);

}  // namespace har
