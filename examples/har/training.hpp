#pragma once
// Data preparation, and training and scores of one run, with one seed.

#include <functional>
#include <optional>
#include <set>
#include <string>

#include "loss.hpp"
#include "network.hpp"
#include "recordings.hpp"
#include "run_file.hpp"
#include "unroll/data/split.hpp"
#include "unroll/data/standardizer.hpp"
#include "unroll/train/metrics.hpp"

namespace har {

struct Data {
  std::string name;
  std::vector<std::string> classes;
  unroll::LazyDataset<float> train;         // standardized
  unroll::Dataset<float> test;              // the same
  unroll::VectorX<double> mean, deviation;  // of each channel in the training data
  std::vector<std::string> remarks;
  std::vector<unroll::Index> people = {};  // as in Recordings
  bool other_people = false;
  std::vector<unroll::Index> test_people = {};
  std::vector<std::string> channels = {};
  std::optional<double> sample_rate = {};
  std::optional<unroll::Dataset<float>> validation = {};  // of a separate file
  std::set<std::string> hashes = {};                      // of the training sequences
};

/// Hash of a sequence before it is standardized.
std::string sequence_hash(const unroll::MatrixX<float>& sequence);

/// Name and hash of the data.
std::string data_fingerprint(const Data& data);
/// Hash of the test data.
std::string test_fingerprint(const Data& data);

/// Standardizes each channel with `standardizer`; without one, with mean and deviation of the training data. A remark
/// reports test sequences that are also training sequences. Throws FileError if all training sequences have one class.
template <class Training>
Data prepare(RecordingsOf<Training> recordings, const std::optional<unroll::Standardizer<float>>& standardizer = {});

/// Scores of a network on one part of the data.
struct Scores {
  std::vector<double> top = {};  // shares: the true class is the best, among the best 2, among the best 3
  double loss = 0;
  unroll::ConfusionMatrix::Counts confusion = {};
  std::vector<unroll::Index> predicted = {};  // class of each sequence; negative: undecided
};

/// One training run.
struct Run {
  Setting setting;
  std::uint64_t seed = 0;
  RunRecord record = {};
  Scores training = {}, validation = {}, test = {};  // without values if there are no such data or no results
  bool diverged() const { return !record.diverged.empty(); }
};

using OnEpoch = std::function<void(const unroll::Epoch&, const Network&)>;

/// Files of a run: NAME.json with its record, NAME.safetensors with its network, and checkpoint-NAME.safetensors.
struct RunFiles {
  std::filesystem::path folder;
  std::string name;
  std::string of;  // identifies data and options
  double checkpoint_seconds = 20;
  bool quiet = true;  // no progress within epochs

  std::filesystem::path record() const { return folder / (name + ".json"); }
  std::filesystem::path network() const { return folder / (name + ".safetensors"); }
  std::filesystem::path checkpoint() const { return folder / ("checkpoint-" + name + ".safetensors"); }
};

/// Trains `network` from its present parameters until options.epochs, and writes the files; a run whose files are
/// complete is loaded, one with a checkpoint continued. With `validation` data the parameters of the best epoch are
/// kept, and early stopping is by options.patience. `truncation`: steps of the windows of carried state; 0: none. A
/// divergence is recorded if `diverges`, otherwise it throws NonFiniteError. Throws ValueError if the files have more
/// epochs than options.epochs, unless `longer` is permitted; Interrupted after a signal.
struct Fit {
  const Options& options;
  const ClassLoss& loss;
  const unroll::LazyDataset<float>& training;
  const unroll::LazyDataset<float>* validation = nullptr;  // null: none
  const unroll::LazyDataset<float>* shown = nullptr;       // monitored without an influence on the training; null: none
  std::uint64_t seed = 1;
  unroll::Threads threads = 1;
  unroll::Index truncation = 0;
  bool diverges = false, longer = false;
};
RunRecord train(Network& network, const Fit& fit, const RunFiles& files, const OnEpoch& on_epoch = {});

/// Split of the training sequences; about `share` of them are held out. If people are known, all sequences of randomly
/// drawn people are held out, otherwise a stratified random sample.
unroll::Split validation_split(const Data& data, double share, std::uint64_t seed);

/// Training data of a run, and validation data, if there are any. Labels are at every step with options.every_step.
struct Parts {
  unroll::LazyDataset<float> training;
  std::optional<unroll::LazyDataset<float>> validation;
};
Parts divide(const Data& data, const Options& options, std::uint64_t seed);

/// Data with the label of each sequence at every step with options.every_step.
unroll::Dataset<float> as_scored(const unroll::Dataset<float>& data, const Options& options);
unroll::LazyDataset<float> as_scored(const unroll::LazyDataset<float>& data, const Options& options);

ClassLoss loss_of(const Options& options, unroll::Index classes);

/// Scores [classes x 1] of each sequence, at its last step.
std::vector<unroll::MatrixX<float>> outputs(const Network& network, const unroll::Dataset<float>& sequences,
                                            const unroll::Threads& threads);

/// Scores for one label per sequence of a Dataset or LazyDataset.
template <class Sequences>
Scores score(const Network& network, const Sequences& sequences, const Options& options,
             const unroll::Threads& threads);

/// Probabilities of the classes [classes x columns] of outputs of the network: their softmax, or, with sigmoid outputs,
/// the sigmoid of each.
unroll::MatrixX<double> probabilities(const unroll::MatrixX<float>& outputs, const Options& options);

/// Features without time order: mean and deviation of each channel [2 channels x 1] in place of each sequence.
template <class Sequences>
unroll::Dataset<float> summaries(const Sequences& data);

/// Logistic regression on summaries, the baseline for recurrent networks.
Run train_baseline(const Data& data, std::uint64_t seed, const unroll::Threads& threads);

}  // namespace har
