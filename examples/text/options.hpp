#pragma once
// Options of the program text.

#include "settings.hpp"

namespace lm {

struct Options {
  std::string config;  // configuration file
  std::string text = UNROLL_EXAMPLE_DATA "/text/data/kjv_torah.txt";
  std::string valid;      // empty: the end of `text`
  double held_out = 0.1;  // share of `text` for validation, at its end
  std::string tokens = "characters", read = "streams", unit = "line";
  bool lower = false;
  unroll::Index vocabulary = 0, longest = 0;  // maximum number of tokens; 0: no limit

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

/// All settings. They refer to `options`.
Settings settings_of(Options& options);

/// Fills `options` with defaults, then the configuration file, then the command line. `status` becomes the exit status
/// if the program must end at once, otherwise -1. Throws ValueError or FileError for errors in the configuration file.
CommandLine read_options(int argc, char** argv, Options& options, int& status);

/// JSON of the settings that affect the trained parameters. Runs with equal settings have equal results.
std::string identity_of(const Options& options);

/// Throws ValueError for invalid combinations of training settings.
void check_together(const Options& options);

}  // namespace lm
