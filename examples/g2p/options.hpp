#pragma once
// What the command line of g2p says.

#include <string>
#include <vector>

#include "decoding.hpp"

namespace g2p {

struct Options {
  std::vector<std::string> words;  // to be written
  std::string map;                 // a word whose attention is drawn
  std::string train = UNROLL_EXAMPLE_DATA "/g2p/data/g2p_train.tsv";
  std::string validation = UNROLL_EXAMPLE_DATA "/g2p/data/g2p_valid.tsv";
  unroll::Index limit = 0;  // words of the training file; 0: all
  NetworkOptions network;
  bool compare = false;  // all kinds of networks
  unroll::Index epochs = 8, batch = 64, seeds = 1;
  std::uint64_t first_seed = 1;
  double rate = 0.003, clip = 2;
  Search search{.beams = 4, .n_best = 3};
  int threads = 0;
  std::string load;  // a model that was trained before
  std::string out = "out/g2p";
  bool quiet = false;
};

/// Fills `options`. Returns the exit status when the program is to end at once: 0 after --help, 2 after a sentence
/// about an option that is not possible; -1 to go on.
int read_command_line(int argc, char** argv, Options& options);

}  // namespace g2p
