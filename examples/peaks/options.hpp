#pragma once
// Options of peaks.

#include <optional>

#include "../support/verbs.hpp"
#include "training.hpp"

namespace peaks {

struct Options {
  std::string data, test;  // files of the user; empty: simulated data
  std::string validation;  // share of the training events, or a file; empty: see EventSets
  Channels channels = Channels::automatic;
  bool lazy = false;  // events of files are read when they are needed
  TransverseUnit unit = TransverseUnit::project;
  std::string channels_word = "automatic", unit_word = "mm/2500";
  Toy toy;
  unroll::Index events = 0, test_events = 0;  // 0: 240 and 100 of the toy; all of a file, a fifth for the test
  ModelOptions model;
  TrainingOptions training;
  example::Seeds seeds;
  std::string study;           // name of the varied option; empty: one training per seed
  std::vector<double> values;  // of the varied option
  std::string load, save;      // model file; file for a copy
  example::Running running;
  std::filesystem::path folder = {};  // of checkpoints; empty: none
};

/// --validation as a share; empty if it is a file or not given.
std::optional<double> validation_share(const Options& options);

/// Options of each verb.
void add_train_options(CLI::App& app, Options& options);
void add_study_options(CLI::App& app, Options& options);
void add_evaluate_options(CLI::App& app, Options& options);
void add_predict_options(CLI::App& app, Options& options);

/// Throws CLI::ParseError for options that cannot be combined, and replaces zeros and empty lists by defaults.
void check_options(const CLI::App& verb, Options& options);

}  // namespace peaks
