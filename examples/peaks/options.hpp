#pragma once
// Command-line options of peaks.

#include "training.hpp"

namespace peaks {

struct Options {
  std::string data, test;  // files of the user; empty: simulated data
  Channels channels = Channels::automatic;
  Toy toy;
  unroll::Index events = 0, test_events = 0;  // 0: 240 and 100 of the toy; all of a file, a fifth for the test
  ModelOptions model;
  TrainingOptions training;
  std::uint64_t seed = 1;
  unroll::Index seeds = 1;
  std::string study;           // name of the varied option; empty: one training per seed
  std::vector<double> values;  // of the varied option
  std::string out = "out/peaks";
  bool quiet = false;
};

/// Fills `options` and replaces zeros by defaults. Returns -1 to continue, or an exit status: 0 after --help, 2 after
/// an error message.
int read_command_line(int argc, char** argv, Options& options);

}  // namespace peaks
