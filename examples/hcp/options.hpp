#pragma once
// Command-line options of hcp.

#include <string>

#include "model.hpp"
#include "stand_in.hpp"

namespace hcp {

struct Options {
  std::string data, meta;  // recordings of the user; empty: the stand-in
  StandIn stand_in;
  unroll::Index steps = 90;  // of each clip; 0: all
  unroll::Index test_participants = 20, folds = 5;
  ModelOptions model;
  TrainingOptions training;
  std::string load;  // model file to load instead of training
  bool controls = false;
  unroll::Index repeats = 3;  // of each control
  std::string out = "out/hcp";
  bool quiet = false;
};

/// Fills `options`. Returns -1 to continue, or an exit status: 0 after --help, 2 after an error message.
int read_command_line(int argc, char** argv, Options& options);

}  // namespace hcp
