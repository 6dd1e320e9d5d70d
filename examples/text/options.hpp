#pragma once
// What can be asked of the program text.

#include "settings.hpp"

namespace lm {

struct Options {
  std::string config;  // a file of settings
  std::string text = UNROLL_EXAMPLE_DATA "/text/data/kjv_torah.txt";
  std::string valid;      // empty: the end of the text
  double held_out = 0.1;  // share of the text that is its end
  std::string tokens = "characters", read = "streams", unit = "line";
  bool lower = false;
  unroll::Index vocabulary = 0, longest = 0;  // tokens at most; 0: no limit

  std::string cell = "lstm";
  unroll::Index units = 128, layers = 2, embedding = 32;
  double embedding_deviation = 1, dropout = 0.1;
  bool tied = false;

  unroll::Index epochs = 6, batch = 32, steps = 50, update_every = 0, back = 0;
  std::string optimizer = "adam";
  double rate = 0.004, momentum = 0.9, clip = 5, decay = 0.4;
  unroll::Index decay_epochs = 1, patience = 0, stop_after = 0;
  unroll::Index seed = 1, threads = 0, overfit = 0;
  double checkpoint_seconds = 20;
  bool resume = false, quiet = false;
  std::string out = "out/text";

  std::string model = "out/text/model.safetensors", prompt;
  unroll::Index samples = 3, length = 200, top_k = 0, sample_seed = 1;
  double temperature = 0.8, top_p = 0.95;

  bool words() const { return tokens == "words"; }
  bool streams() const { return read == "streams"; }
};

/// All settings, which refer to `options`.
Settings settings_of(Options& options);

/// Fills `options`: defaults, then the configuration file, then the command line. `status` is the exit status when the
/// program is to end at once, -1 to go on. Throws ValueError or FileError for what the file has.
CommandLine read_options(int argc, char** argv, Options& options, int& status);

/// Settings that change what a run learns, as JSON; those of two runs are the same if their results are.
std::string identity_of(const Options& options);

/// Throws ValueError for settings of training that do not go together.
void check_together(const Options& options);

}  // namespace lm
