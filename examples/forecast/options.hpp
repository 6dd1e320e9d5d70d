#pragma once
// Options of forecast.

#include <optional>

#include "../support/verbs.hpp"
#include "plan.hpp"
#include "series.hpp"

namespace forecast {

struct Options {
  std::string data, test, values;  // files; no data: the yearly sunspots
  double test_share = 0.2;
  std::string validation = "0.2";  // share of the steps or file
  std::vector<std::string> columns, exogenous;
  Plan plan;
  unroll::Index epochs = 200, batch = 32, patience = 30, limit = 0;
  double rate = 3e-3, clip = 1;
  std::string products = "float32";
  unroll::Index origins = 0, every = 1;  // evaluate: of each series, the last ones; 0: all
  example::Seeds seeds;
  std::string load, save;
  example::Running running;

  /// How files are read.
  ReadOptions reading() const;
};

/// --validation as a share; empty if it is a file.
std::optional<double> validation_share(const Options& options);

/// Options of each verb.
void add_train_options(CLI::App& app, Options& options);
void add_evaluate_options(CLI::App& app, Options& options);
void add_predict_options(CLI::App& app, Options& options);

/// Throws CLI::ParseError for options that cannot be combined; sets the default data and their season.
void check_options(const CLI::App& app, Options& options);

/// Options that the model of --load fixes, as JSON.
std::string inherited(const CLI::App& app, const Options& options);

}  // namespace forecast
