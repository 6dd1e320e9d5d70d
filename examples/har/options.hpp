#pragma once
// Options of the verbs of har.

#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "../support/verbs.hpp"
#include "unroll/core/types.hpp"
#include "unroll/train/fit_options.hpp"

namespace har {

/// Hyperparameters that a study varies.
struct Setting {
  unroll::Index batch = 10, units = 32;
  double rate = 0.01;
  friend bool operator==(const Setting&, const Setting&) = default;
};

/// Values or ranges of the hyperparameters of a study, as on the command line: "32", "16:128".
struct Space {
  std::vector<std::string> batch = {"10"}, units = {"32"}, rate = {"0.01"};
};

struct Options {
  std::string train, test;  // .ts files
  std::string data;         // instead of `train` and `test`: a path, or the name of simulated data
  std::string load;         // trained model; empty: none
  std::string save;         // file for a copy of the trained model; empty: none
  bool lazy = false;        // training sequences are read when a batch needs them
  bool stream = false;
  // network
  std::string cell = "gru", direction = "forward", pool = "mean", outputs = "softmax", start = "usual";
  bool every_step = false;
  unroll::Index layers = 1;
  double dropout = 0;
  // training
  Setting setting = {};
  std::string optimizer = "adam", monitor = "validation-loss", validation = "0", products = "float32";
  unroll::Index epochs = 60, patience = 0;
  double momentum = 0.9, clip = 1, least_gain = 0;
  example::Seeds seeds = {.runs = {5}};
  unroll::Index window = 0;  // steps; 0: the default of the data
  // streams
  double test_share = 0.3;  // of each stream
  bool carry = false;
  std::string class_weights = "balanced";
  std::vector<std::string> directions = {"forward", "bidirectional"};  // of the networks on streams
  // study
  Space space = {};
  std::string search = "grid";
  unroll::Index trials = 16;
  bool test_all = false;
  // application to new data
  std::string part;  // of data with a training and a test part; empty: the default of the format

  std::string tensorboard;  // folder of event files; empty: none
  example::Running running = {};

  /// Share of the training data that is held out for validation; 0 for a file.
  double validation_share() const;
  /// File of validation data; empty: none.
  std::string validation_file() const;
  bool validates() const { return validation != "0"; }
  unroll::Monitor monitored() const;
};

/// Verbs that read Options. Options::stream is set by the verb "stream".
enum class Kind { train, stream, study };

/// Defaults of a verb.
Options default_options(Kind kind);

/// Adds the options of a verb that trains.
void add_training_verb(CLI::App& app, Options& options, Kind kind);
/// Adds the options of "evaluate" and "predict".
void add_application_verb(CLI::App& app, Options& options);

/// Throws CLI::ParseError for invalid combinations. Completes `options`.
void check_training_verb(const CLI::App& app, Options& options, Kind kind);
void check_application_verb(const CLI::App& app, Options& options);

/// Options that define a network, stored in its file.
nlohmann::json network_json(const Options& options);
/// Sets the options that network_json wrote. Throws FileError, with the name of the file, for others.
void take_network(const nlohmann::json& json, const std::string& file, Options& options);

/// All options that affect the results, by name.
nlohmann::json options_json(const Options& options);

}  // namespace har
