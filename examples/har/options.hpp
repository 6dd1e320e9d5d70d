#pragma once
// Command-line options of har.

#include <cstdint>
#include <string>
#include <vector>

#include "unroll/core/types.hpp"

namespace har {

/// Hyperparameters that a study varies in all combinations.
struct Setting {
  unroll::Index batch = 10, units = 32;
  double rate = 0.01;
  friend bool operator==(const Setting&, const Setting&) = default;
};

struct Options {
  std::string train = UNROLL_EXAMPLE_DATA "/har/data/BasicMotions_TRAIN.ts";
  std::string test = UNROLL_EXAMPLE_DATA "/har/data/BasicMotions_TEST.ts";
  std::string data;                    // instead of `train` and `test`: a path, or the name of simulated data
  bool study = false, stream = false;  // instead of a run
  std::string cell = "gru", direction = "forward", pool = "mean", optimizer = "adam", outputs = "softmax",
              start = "usual";
  bool every_step = false;
  std::vector<unroll::Index> all_units = {32}, all_batches = {10};
  std::vector<double> all_rates = {0.01};
  Setting setting = {};  // the first of each list
  unroll::Index layers = 1, epochs = 60, seeds = 5, patience = 0;
  std::uint64_t first_seed = 1;
  double momentum = 0.9, clip = 1, dropout = 0, validation = 0, least_gain = 0;
  unroll::Index window = 0;  // steps; 0: the default of the data
  double test_share = 0.3;   // of each stream
  bool carry = false;
  std::vector<std::string> directions = {"forward", "bidirectional"};  // for --stream: that of --direction, or both
  std::string class_weights = "balanced";
  int threads = 0;
  std::string out = "out/har";
  std::string tensorboard;  // folder of event files; empty: none
  bool quiet = false;
};

/// Fills `options`. Returns -1 to continue, or an exit status: 0 after --help, 2 after an error message.
int read_command_line(int argc, char** argv, Options& options);

/// All options that affect the results of a run, in one line.
std::string settings_text(const Options& options);

}  // namespace har
