#pragma once
// What a network predicts, from what, and on which scale.

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "unroll/core/types.hpp"

namespace forecast {

struct Plan {
  std::string task = "forecast";  // or "regression": one value per series
  std::string mode = "direct";    // or "recursive": predictions are fed back
  unroll::Index window = 36;      // steps that the network reads
  unroll::Index horizon = 12;     // steps that are forecast
  unroll::Index season = 0;       // steps of a season; 0: none
  std::string transform = "none";
  std::vector<double> quantiles{0.1, 0.5, 0.9};
  std::string model = "rnn", cell = "gru";
  unroll::Index units = 32, layers = 1;
  double dropout = 0;
  // Reading of files, see ReadOptions:
  std::string date = "auto", series = {}, missing = "refuse";
  // Of the training data:
  std::vector<std::string> channels = {};
  unroll::Index targets = 1;                                    // number of channels that are forecast, the first ones
  std::vector<double> input_mean = {}, input_deviation = {};    // by channel, after the transform
  std::vector<double> output_mean = {}, output_deviation = {};  // by predicted number, after the transform
  std::vector<double> error_quantiles = {};  // recursive: by target, step and quantile, errors of the validation data

  unroll::Index baseline_lags = 0;    // of the linear autoregression; regression: 0
  std::vector<double> baseline = {};  // its coefficients by target: intercept, then those of the last values

  bool regression() const { return task == "regression"; }
  bool recursive() const { return mode == "recursive"; }
  /// Steps and quantiles of a target that the network outputs.
  unroll::Index output_steps() const { return recursive() ? 1 : horizon; }
  unroll::Index output_quantiles() const { return recursive() ? 1 : unroll::Index(quantiles.size()); }
  /// Numbers with a target: rows of the outputs without quantiles.
  unroll::Index output_numbers() const { return targets * output_steps(); }
  unroll::Index outputs() const { return output_numbers() * output_quantiles(); }
  /// Place of the median among the quantiles.
  unroll::Index median() const;
  /// Steps of the lag whose difference is taken; 0: none.
  unroll::Index lag() const;
  bool logarithmic() const { return transform.starts_with("log"); }
  /// First step that can be the last one of a window.
  unroll::Index first_origin() const { return window - 1 + lag(); }
  /// Names of the channels that are forecast.
  std::vector<std::string> target_names() const { return {channels.begin(), channels.begin() + targets}; }
};

/// Names of the transforms: "none", "log", "difference", "season" and combinations.
std::vector<std::string> transform_names();
std::vector<std::string> model_names();
std::vector<std::string> cell_names();

nlohmann::ordered_json json_of(const Plan& plan);
/// Plan of a model file. Throws FileError for missing entries and values out of range.
Plan plan_of(const std::string& json, const std::string& file);

}  // namespace forecast
