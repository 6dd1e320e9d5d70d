#pragma once
// The data, and a run: one seed, trained and tested.

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

/// Standardizes each channel by the training data. Tells in a remark when test sequences are training sequences too.
Data prepare(Recordings recordings);

struct Run {
  std::uint64_t seed;
  unroll::ConfusionMatrix confusion;  // of the test data, as all that follows
  double loss_before = 0;             // untrained
  unroll::FitResult fit = {};
  unroll::LossValue loss = {};
  std::vector<unroll::Hits> top = {};  // the right class is the best, among the best 2, best 3
  double seconds = 0;
};

using OnEpoch = std::function<void(const unroll::Epoch&)>;

/// Training sequences that are held out for validation, about this share. Of people, where they are known: all that are
/// of some of them, drawn by the seed; otherwise sequences of each class.
unroll::Split validation_split(const Data& data, double share, std::uint64_t seed);

/// What --optimizer says, with everything else from `fit_options`.
unroll::FitResult fit_as_asked(Network& network, const ClassLoss& loss, const Options& options,
                               const unroll::Dataset<float>& data, const unroll::FitOptions<float>& fit_options);

/// The loss of the test data under first values; near ln(classes) when nothing is wrong with them.
double loss_before_training(Network& network, const Options& options, const Data& data, std::uint64_t seed,
                            const unroll::Threads& threads);

/// Trains `network` from its first values on and tests it. The test data are watched during training, where no
/// validation data are asked for, but decide nothing.
Run train(Network& network, const Options& options, const Data& data, std::uint64_t seed,
          const unroll::Threads& threads, const OnEpoch& on_epoch = {});

/// Scores [classes x 1] for all test sequences.
std::vector<unroll::MatrixX<float>> outputs(const Network& network, const Data& data, const unroll::Threads& threads);

/// Mean and deviation of each channel in place of a sequence: what needs no order. [2 channels x 1] each.
unroll::Dataset<float> summaries(const unroll::Dataset<float>& data);

/// Logistic regression on summaries: what a recurrent network has to be better than.
Run train_baseline(const Data& data, std::uint64_t seed, const unroll::Threads& threads);

}  // namespace har
