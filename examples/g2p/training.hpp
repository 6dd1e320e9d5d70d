#pragma once
// A run: one seed, trained and tested.

#include "options.hpp"

namespace g2p {

/// What the wall clock and what the processors say.
struct Seconds {
  double wall = 0, processor = 0;
};

struct Epoch {
  unroll::Index epoch;
  double loss;            // mean over the phonemes while learning
  ErrorRates validation;  // greedy
  Seconds seconds;        // of learning
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

/// Trains the network from first values on and tests what it has become: no epoch is chosen.
Run train(Network& network, const Options& options, const Data& data, std::uint64_t seed,
          const unroll::Threads& threads, const std::function<void(const Epoch&)>& on_epoch);

/// Greedy, and with options.search.
Tested test(const Network& network, const Options& options, const Words& words, const unroll::Threads& threads);

}  // namespace g2p
