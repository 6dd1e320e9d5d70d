#pragma once
// The data, and a run: one seed, trained and tested.

#include <functional>

#include "network.hpp"
#include "unroll/train/dataset.hpp"
#include "unroll/train/fit_options.hpp"
#include "unroll/train/metrics.hpp"

namespace har {

struct Data {
  std::string name;
  std::vector<std::string> classes;
  unroll::Dataset<float> train, test;      // standardized
  unroll::Vector<double> mean, deviation;  // of each channel in the training data
};

/// Reads both files and standardizes each channel by the training data. Throws FileError when they do not fit together.
Data read_data(const Options& options);

struct Run {
  std::uint64_t seed;
  unroll::ConfusionMatrix confusion;  // of the test data, as all that follows
  double loss_before = 0;             // untrained
  unroll::FitResult fit = {};
  unroll::LossValue loss = {};
  std::vector<unroll::Hits> top = {};  // the right class is the best, among the best 2, best 3
  double seconds = 0;
};

/// The loss of the test data under first values; near ln(classes) when nothing is wrong with them.
double loss_before_training(Network& network, const Data& data, std::uint64_t seed);

/// Trains `network` from its first values on and tests it. The test data are watched during training, where no
/// validation data are asked for, but decide nothing.
Run train(Network& network, const Options& options, const Data& data, std::uint64_t seed,
          const std::function<void(const unroll::Epoch&)>& on_epoch);

/// Outputs for all test sequences.
std::vector<unroll::Matrix<float>> outputs(const Network& network, const Data& data);

}  // namespace har
