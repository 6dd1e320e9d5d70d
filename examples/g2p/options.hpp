#pragma once
// Options of the verbs of g2p.

#include <string>
#include <vector>

#include "../support/verbs.hpp"
#include "decoding.hpp"

namespace g2p {

struct Options {
  std::vector<std::string> words;  // words to convert
  std::string map;                 // word whose attention is drawn; empty: the longest validation word
  std::string input;               // file of words to convert; -: standard input
  Sources sources{.train = UNROLL_EXAMPLE_DATA "/g2p/data/g2p_train.tsv",
                  .validation = UNROLL_EXAMPLE_DATA "/g2p/data/g2p_valid.tsv"};
  std::string letter_case = "lower", stress = "keep";
  NetworkOptions network = {};
  unroll::Index epochs = 8, batch = 64, patience = 0;
  double rate = 0.003, late_rate = 0.3, clip = 2;
  std::string products = "float32";
  example::Seeds seeds = {};
  Search search{.beams = 4, .n_best = 3};
  std::vector<std::string> load;  // model files
  std::string save;               // file for a copy of the trained model; empty: none
  std::string output;             // file of one table, by the earlier option --output
  example::Running running = {};
};

/// What the verbs do.
struct Actions {
  int (*train)(const Options&, const CLI::App&);
  int (*evaluate)(const Options&, const CLI::App&);
  int (*predict)(const Options&, const CLI::App&);
  int (*compare)(const Options&, const CLI::App&);
};

/// Reads the command line and runs its verb. Returns the exit status.
int run_command_line(int argc, char** argv, const Actions& actions);

}  // namespace g2p
