#pragma once
// Options of hcp.

#include <optional>
#include <string>

#include "../support/verbs.hpp"
#include "model.hpp"
#include "stand_in.hpp"

namespace hcp {

struct Options {
  std::string data, meta, classes;  // files of the user; data empty: the stand-in
  StandIn stand_in;
  unroll::Index steps = 90;                             // of each clip; 0: all
  std::vector<std::string> train_people, test_people;   // names, or one file of names; empty: see Division
  std::optional<unroll::Index> test_participants = 20;  // the last ones; empty: all that are not for training
  unroll::Index folds = 5;
  bool default_test = false, default_folds = false;  // the user gave neither: see fit_to_participants
  double validation = 0;                             // share of the training participants
  ModelOptions model;
  TrainingOptions training;
  example::Seeds seeds;
  std::string load, save;     // model file; file for a copy
  unroll::Index repeats = 3;  // of each control
  bool steps_output = false;  // predictions of every step
  example::Running running;
  std::filesystem::path folder = {};  // of checkpoints; empty: none
};

/// Options of each verb.
void add_train_options(CLI::App& app, Options& options);
void add_controls_options(CLI::App& app, Options& options);
void add_evaluate_options(CLI::App& app, Options& options);
void add_predict_options(CLI::App& app, Options& options);

/// Names of the options of the synthetic data: "--participants", ...
const std::vector<std::string>& synthetic_options();

/// Throws CLI::ParseError for options that cannot be combined, and sets defaults that depend on other options.
void check_options(const CLI::App& verb, Options& options);

}  // namespace hcp
