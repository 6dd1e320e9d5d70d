#pragma once
// Training and test of one run, with one seed.

#include "options.hpp"

namespace g2p {

/// Elapsed wall-clock time and processor time, summed over all threads.
struct Seconds {
  double wall = 0, processor = 0;
};

struct Epoch {
  unroll::Index epoch;
  double loss;            // training loss, mean over the phonemes
  ErrorRates validation;  // greedy decoding
  Seconds seconds;        // of training, without validation
};

struct Tested {
  ErrorRates greedy, beam;
};

struct Run {
  std::uint64_t seed;
  std::vector<Epoch> history = {};
  Tested validation = {}, test = {};
  Seconds seconds = {};
};

/// Trains the network from new initial values and tests the parameters of the last epoch; there is no early stopping.
Run train(Network& network, const Options& options, const Data& data, std::uint64_t seed,
          const unroll::Threads& threads, const std::function<void(const Epoch&)>& on_epoch);

/// Error rates of greedy decoding and of beam search with `options.search`.
Tested test(const Network& network, const Options& options, const Words& words, const unroll::Threads& threads);

}  // namespace g2p
