#pragma once
// Data preparation, and training and test of one run, with one seed.

#include <functional>

#include "loss.hpp"
#include "network.hpp"
#include "recordings.hpp"
#include "unroll/data/split.hpp"
#include "unroll/train/fit_options.hpp"
#include "unroll/train/metrics.hpp"

namespace har {

struct Data {
  std::string name;
  std::vector<std::string> classes;
  unroll::Dataset<float> train, test;       // standardized
  unroll::VectorX<double> mean, deviation;  // of each channel in the training data
  std::vector<std::string> remarks;
  std::vector<unroll::Index> people = {};  // as in Recordings
  bool other_people = false;
};

/// Name and hash of the data.
std::string data_fingerprint(const Data& data);

/// Standardizes each channel with mean and deviation of the training data. A remark reports test sequences that are
/// also training sequences.
Data prepare(Recordings recordings);

struct Run {
  std::uint64_t seed;
  unroll::ConfusionMatrix confusion;  // of the test data, as are all results below
  double loss_before = 0;             // before training
  unroll::FitResult fit = {};
  unroll::LossValue loss = {};
  std::vector<unroll::Hits> top = {};  // the true class is the best, among the best 2, among the best 3
  double seconds = 0;
};

using OnEpoch = std::function<void(const unroll::Epoch&)>;

/// Split of the training sequences; about `share` of them are held out. If people are known, all sequences of randomly
/// drawn people are held out, otherwise a stratified random sample.
unroll::Split validation_split(const Data& data, double share, std::uint64_t seed);

/// Fits with the optimizer of options.optimizer.
unroll::FitResult fit_with_options(Network& network, const ClassLoss& loss, const Options& options,
                                   const unroll::Dataset<float>& data, const unroll::FitOptions<float>& fit_options);

/// Test loss with initial parameters; near ln(classes) for sound initial values.
double loss_before_training(Network& network, const Options& options, const Data& data, std::uint64_t seed,
                            const unroll::Threads& threads);

/// Trains `network` from initial values and tests it. Without validation data the test data are monitored during
/// training, without any influence on it.
Run train(Network& network, const Options& options, const Data& data, std::uint64_t seed,
          const unroll::Threads& threads, const OnEpoch& on_epoch = {});

/// Scores [classes x 1] of each test sequence.
std::vector<unroll::MatrixX<float>> outputs(const Network& network, const Data& data, const unroll::Threads& threads);

/// Features without time order: mean and deviation of each channel [2 channels x 1] in place of each sequence.
unroll::Dataset<float> summaries(const unroll::Dataset<float>& data);

/// Logistic regression on summaries, the baseline for recurrent networks.
Run train_baseline(const Data& data, std::uint64_t seed, const unroll::Threads& threads);

}  // namespace har
