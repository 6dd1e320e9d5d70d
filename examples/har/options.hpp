#pragma once
// What the command line of har says.

#include <cstdint>
#include <string>

#include "unroll/core/types.hpp"

namespace har {

struct Options {
  std::string train = UNROLL_EXAMPLE_DATA "/har/data/BasicMotions_TRAIN.ts";
  std::string test = UNROLL_EXAMPLE_DATA "/har/data/BasicMotions_TEST.ts";
  std::string cell = "gru", direction = "forward", pool = "mean", optimizer = "adam";
  unroll::Index units = 32, layers = 1, epochs = 60, batch = 10, seeds = 5, patience = 0;
  std::uint64_t first_seed = 1;
  double rate = 0.01, clip = 1, dropout = 0, validation = 0;
  std::string out = "out/har";
  bool quiet = false;
};

/// Fills `options`. Returns the exit status when the program is to end at once: 0 after --help, 2 after a sentence
/// about an option that is not possible; -1 to go on.
int read_command_line(int argc, char** argv, Options& options);

}  // namespace har
