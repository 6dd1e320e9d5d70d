#pragma once
// What the command line of hcp says.

#include <string>

#include "model.hpp"
#include "stand_in.hpp"

namespace hcp {

struct Options {
  std::string data, meta;  // the user's recordings; empty: the stand-in
  StandIn stand_in;
  unroll::Index steps = 90;  // of each clip; 0: all
  unroll::Index test_participants = 20, folds = 5;
  ModelOptions model;
  TrainingOptions training;
  std::string load;  // a model that was trained before
  bool controls = false;
  unroll::Index repeats = 3;  // of each control
  std::string out = "out/hcp";
  bool quiet = false;
};

/// Fills `options`. Returns the exit status when the program is to end at once: 0 after --help, 2 after a sentence
/// about an option that is not possible; -1 to go on.
int read_command_line(int argc, char** argv, Options& options);

}  // namespace hcp
