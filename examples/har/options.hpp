#pragma once
// What the command line of har says.

#include <cstdint>
#include <string>
#include <vector>

#include "unroll/core/types.hpp"

namespace har {

/// The three that a study tries in all combinations; a run has one of each.
struct Setting {
  unroll::Index batch = 10, units = 32;
  double rate = 0.01;
  friend bool operator==(const Setting&, const Setting&) = default;
};

struct Options {
  std::string train = UNROLL_EXAMPLE_DATA "/har/data/BasicMotions_TRAIN.ts";
  std::string test = UNROLL_EXAMPLE_DATA "/har/data/BasicMotions_TEST.ts";
  std::string data;                    // instead of the two: a path, or the name of a stand-in
  bool study = false, stream = false;  // instead of a run
  std::string cell = "gru", direction = "forward", pool = "mean", optimizer = "adam", outputs = "softmax",
              start = "usual";
  bool every_step = false;
  std::vector<unroll::Index> all_units = {32}, all_batches = {10};
  std::vector<double> all_rates = {0.01};
  Setting setting = {};  // of these the first
  unroll::Index layers = 1, epochs = 60, seeds = 5, patience = 0;
  std::uint64_t first_seed = 1;
  double momentum = 0.9, clip = 1, dropout = 0, validation = 0, least_gain = 0;
  unroll::Index window = 0;  // steps; 0: as is usual for the data
  double test_share = 0.3;   // of each stream
  bool carry = false;
  std::vector<std::string> directions = {"forward", "bidirectional"};  // of a stream: --direction, or both
  std::string class_weights = "balanced";
  int threads = 0;
  std::string out = "out/har";
  std::string tensorboard;  // folder of event files; empty: none
  bool quiet = false;
};

/// Fills `options`. Returns the exit status when the program is to end at once: 0 after --help, 2 after a sentence
/// about an option that is not possible; -1 to go on.
int read_command_line(int argc, char** argv, Options& options);

/// Every choice that changes a run's numbers, as one line.
std::string settings_text(const Options& options);

}  // namespace har
