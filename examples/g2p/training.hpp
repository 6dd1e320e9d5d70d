#pragma once
// Training and test of one run, with one seed.

#include "options.hpp"

namespace g2p {

struct Epoch {
  unroll::Index epoch;
  double loss, validation_loss;  // mean over the phonemes, in nats
  ErrorRates validation;         // greedy decoding
  double seconds;                // of training, without decoding
};

struct Tested {
  ErrorRates greedy, beam;
  std::vector<ErrorRates> words = {};  // of each word, beam search
};

struct Run {
  std::uint64_t seed;
  std::vector<Epoch> history = {};
  unroll::Index best_epoch = 0;  // with --patience the epoch of the parameters, counted from 1; otherwise 0
  Tested validation = {}, test = {};

  double seconds() const;
};

/// Trains the network from its present parameters and tests it on the validation words. The checkpoint of `control` is
/// continued if it exists.
Run train(Network& network, const Options& options, const Data& data, std::uint64_t seed,
          const unroll::Threads& threads, const example::RunControl& control,
          const std::function<void(const Epoch&)>& on_epoch);

/// Error rates of greedy decoding and of beam search.
Tested test(const Networks& networks, const Search& search, const Words& words, const unroll::Threads& threads);

}  // namespace g2p
