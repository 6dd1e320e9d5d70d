#pragma once
// What the command line of peaks says.

#include "training.hpp"

namespace peaks {

struct Options {
  std::string data, test;  // the user's files; empty: the toy
  Channels channels = Channels::automatic;
  Toy toy;
  unroll::Index events = 0, test_events = 0;  // 0: 240 and 100 of the toy; of files all, and a fifth for the test
  ModelOptions model;
  TrainingOptions training;
  std::uint64_t seed = 1;
  unroll::Index seeds = 1;
  std::string study;           // empty: one training for each seed
  std::vector<double> values;  // of the study
  std::string out = "out/peaks";
  bool quiet = false;
};

/// Fills `options`, with 0 replaced by what it stands for. Returns the exit status when the program is to end at once:
/// 0 after --help, 2 after a sentence about an option that is not possible; -1 to go on.
int read_command_line(int argc, char** argv, Options& options);

}  // namespace peaks
