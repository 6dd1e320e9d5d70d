#pragma once
// A model learns to find peaks: first by squared error, then by the ratio of output and target.

#include <functional>
#include <optional>

#include "collapse.hpp"
#include "data.hpp"
#include "model.hpp"
#include "unroll/models/memory.hpp"
#include "unroll/train/history.hpp"

namespace peaks {

struct TrainingOptions {
  unroll::Index epochs = 12, warm_up = 6;  // all together; of squared error, at the beginning
  unroll::Index batch = 4;                 // events
  double rate = 2e-3;                      // of Adam; 0.3 of it from 70 % of the epochs on
  double asymmetry = 2.5;                  // of the loss of ratios
  bool checkpoints = false;                // recurrent layers keep some states and compute the rest again
  int threads = 0;                         // 0: as many as the machine has
};

struct RunEpoch {
  unroll::Epoch numbers;
  Outcome outcome;
};

struct Run {
  std::uint64_t seed = 0;
  std::vector<RunEpoch> epochs = {};
  std::string collapse = {};               // why it was stopped; empty: it was not
  double seconds = 0;                      // of training and scoring
  unroll::VectorX<float> parameters = {};  // at the end
  std::optional<Score> test = {};          // of the test events; nothing in a study, except for the value that it chose

  /// Of the events that were watched: in a study the validation events, otherwise the test events.
  const Score& score() const { return epochs.back().outcome.score; }
};

/// A part of a batch, whatever the number of threads.
unroll::Index shard_of(unroll::Index batch);

/// How a step runs, for its estimate of memory.
unroll::TrainingPlan plan_of(const TrainingOptions& options);

/// Peaks that the network finds in events, a few events at a time.
Outcome score(const Network& network, const Events& events, const Search& search, int threads);

/// Trains from first values made with `seed`; scores `watched` after each epoch.
Run train(Network& network, const TrainingOptions& options, const Events& training, const Events& watched,
          const Search& search, std::uint64_t seed, const std::function<void(const RunEpoch&)>& on_epoch);

/// The outputs for some events, each [1 x bins], a few at a time.
std::vector<unroll::MatrixX<float>> predict(const Network& network, const Events& events, int threads);

}  // namespace peaks
