#pragma once
// Command-line options of g2p.

#include <string>
#include <vector>

#include "decoding.hpp"

namespace g2p {

struct Options {
  std::vector<std::string> words;  // words to decode
  std::string map;                 // word whose attention is drawn
  std::string train = UNROLL_EXAMPLE_DATA "/g2p/data/g2p_train.tsv";
  std::string validation = UNROLL_EXAMPLE_DATA "/g2p/data/g2p_valid.tsv";
  unroll::Index limit = 0;  // words of the training file; 0: all
  NetworkOptions network;
  bool compare = false;  // train and compare all kinds of networks
  unroll::Index epochs = 8, batch = 64, seeds = 1;
  std::uint64_t first_seed = 1;
  double rate = 0.003, clip = 2;
  Search search{.beams = 4, .n_best = 3};
  int threads = 0;
  std::string load;  // model file to load instead of training
  std::string out = "out/g2p";
  bool quiet = false;
};

/// Fills `options`. Returns -1 to continue, or an exit status: 0 after --help, 2 after an error message.
int read_command_line(int argc, char** argv, Options& options);

}  // namespace g2p
