#pragma once
// Training of a model, first with squared error, then with the log-ratio loss.

#include <filesystem>
#include <functional>
#include <optional>

#include "collapse.hpp"
#include "data.hpp"
#include "model.hpp"
#include "unroll/models/memory.hpp"
#include "unroll/train/history.hpp"

namespace peaks {

struct TrainingOptions {
  unroll::Index epochs = 12, warm_up = 6;  // all epochs; first ones with squared error
  unroll::Index batch = 4;                 // events
  double rate = 2e-3;                      // learning rate of Adam; times 0.3 from 70 % of the epochs on
  double asymmetry = 2.5;                  // of the log-ratio loss
  std::string products = "float32";
  double beta1 = 0.9, beta2 = 0.999;      // of Adam
  bool recompute = false;                 // recurrent layers store some states and recompute the rest
  int threads = 0;                        // 0: all cores
  std::filesystem::path checkpoint = {};  // beginning of the names of checkpoint files; empty: none
  double checkpoint_seconds = 20;
  bool quiet = true;  // no progress within epochs
};

struct RunEpoch {
  unroll::Epoch numbers;
  Outcome outcome;
};

struct Run {
  std::uint64_t seed = 0;
  std::vector<RunEpoch> epochs = {};
  std::string collapse = {};               // reason why training was stopped; empty if it was not
  unroll::Index collapsed_epoch = 0;       // from 1; 0: none
  double seconds = 0;                      // of training and scoring, all epochs
  unroll::VectorX<float> parameters = {};  // at the end
  std::optional<Score> test = {};          // on the test events; in a study only for the selected value
  std::vector<Score> test_events = {};     // of each test event

  /// Score of the last epoch on the validation events.
  const Score& score() const { return epochs.back().outcome.score; }
};

/// Samples per part of a batch, independent of the number of threads.
unroll::Index shard_of(unroll::Index batch);

/// Execution plan of a training step, for its estimate of memory. Batches of a network with batch normalisation have
/// one part.
unroll::TrainingPlan plan_of(const TrainingOptions& options, bool batch_norm = false);

/// Score of the network on `events`, evaluated a few events at a time.
Outcome score(const Network& network, const Events& events, const Search& search, int threads);

/// Trains from initial values that depend on `seed`, or from the present parameters if `trained`, or continues the run
/// in options.checkpoint; scores `validation` after each epoch. Throws example::Interrupted if a stop is requested.
Run train(Network& network, const TrainingOptions& options, const Events& training, const Events& validation,
          const Search& search, std::uint64_t seed, const std::function<void(const RunEpoch&)>& on_epoch,
          bool trained = false);

/// Score of each event.
std::vector<Score> scores_of_events(const Network& network, const Events& events, const Search& search, int threads);

/// Calls f(event, output [1 x bins]) for each event. Outputs are computed a few events at a time.
void each_output(const Network& network, const Events& events, int threads,
                 const std::function<void(unroll::Index event, const unroll::MatrixX<float>& output)>& f);

}  // namespace peaks
