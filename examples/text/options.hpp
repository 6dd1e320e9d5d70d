#pragma once
// Options of the program text.

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "../support/verbs.hpp"
#include "unroll/core/types.hpp"

namespace lm {

struct Options {
  std::string text = UNROLL_EXAMPLE_DATA "/text/data/kjv_torah.txt";
  std::string column;              // of a CSV file; empty: a text
  bool lazy = false;               // tokens of texts are read when they are needed
  std::string validation = "0.1";  // file, or share of `text`, at its end
  std::string tokens = "characters", read = "streams", unit = "line", letters = "keep";
  unroll::Index vocabulary = 0, longest = 0, limit = 0;  // largest numbers of tokens; 0: no limit

  std::string cell = "lstm";
  unroll::Index units = 128, layers = 2, embedding = 32;
  double embedding_deviation = 1, dropout = 0.1;
  bool tied = false;
  std::string vectors;  // file of word vectors

  unroll::Index epochs = 6, batch = 32, steps = 50, update_every = 0, back = 0;
  std::string optimizer = "adam";
  double rate = 0.004, momentum = 0.9, clip = 5, decay = 0.4;
  std::string products = "float32";
  unroll::Index decay_epochs = 1, plateau = 0, patience = 0, overfit = 0;
  example::Seeds seeds;

  std::string load, save;
  std::string prompt;
  unroll::Index samples = 3, length = 200, least_length = 0, top_k = 0;
  double temperature = 0.8, top_p = 0.95;

  std::vector<std::string> files;  // of predict
  std::string by = "token";
  example::Running running;

  bool words() const { return tokens == "words"; }
  bool streams() const { return read == "streams"; }
  bool lower() const { return letters == "lower"; }
  /// Whether units end with a line, or are characters of a stream, as --lazy needs.
  bool in_lines() const { return (streams() && !words()) || unit == "line"; }
  /// Share of the text for validation; empty if `validation` is a file.
  std::optional<double> share() const;
};

void add_train_options(CLI::App& app, Options& options);
void add_evaluate_options(CLI::App& app, Options& options);
void add_sample_options(CLI::App& app, Options& options);
void add_predict_options(CLI::App& app, Options& options);
example::EarlierNames earlier_names();

/// Options of train that may differ when a run is resumed.
std::vector<std::string> free_options();
/// Options that a network has from the file that it was loaded from.
std::vector<std::string> network_options();

using Settings = std::map<std::string, std::string>;
/// Options of a training, by name, without those of the group "Running", of samples and of files of models.
Settings settings_of(const CLI::App& train);
/// settings_of a training without given options.
Settings settings_of_defaults();
/// Inverse of settings_of. Entries without an option are ignored. Throws FileError, with `file`, for values that are
/// not possible.
Options options_of(const Settings& settings, const std::string& file);

/// Throws ValueError for invalid combinations of training options.
void check_together(const Options& options);

}  // namespace lm
