#include "plan.hpp"

#include <algorithm>
#include <cmath>

#include "../support/names.hpp"
#include "unroll/io/json.hpp"

namespace forecast {

using namespace unroll;

namespace {

/// Calls f(name, member) for each member.
template <class P, class F>
void each_member(P& plan, const F& f) {
  f("task", plan.task), f("mode", plan.mode), f("window", plan.window), f("horizon", plan.horizon);
  f("season", plan.season), f("transform", plan.transform), f("quantiles", plan.quantiles);
  f("model", plan.model), f("cell", plan.cell), f("units", plan.units), f("layers", plan.layers);
  f("dropout", plan.dropout), f("date", plan.date), f("series", plan.series), f("missing", plan.missing);
  f("channels", plan.channels), f("targets", plan.targets);
  f("input_mean", plan.input_mean), f("input_deviation", plan.input_deviation);
  f("output_mean", plan.output_mean), f("output_deviation", plan.output_deviation);
  f("error_quantiles", plan.error_quantiles);
  f("baseline_lags", plan.baseline_lags), f("baseline", plan.baseline);
}

void check_word(const std::string& word, const char* name, const std::vector<std::string>& words,
                const std::string& file) {
  require<FileError>(
      std::ranges::find(words, word) != words.end(), file, ": ", name, " must be ",
      [&] { return example::any_of(words); }, ", got ", [&] { return unroll::detail::in_quotes(word); });
}

template <class Number>
void check_number(Number number, const char* name, Number low, Number high, const std::string& file) {
  require<FileError>(low <= number && number <= high, file, ": ", name, " must be ", low, " to ", high, ", got ",
                     number);
}

void check_size(const std::vector<double>& values, const char* name, Index size, const std::string& file) {
  require<FileError>(Index(values.size()) == size, file, ": ", name, " must have ", size, " numbers, got ",
                     values.size());
  for (const double value : values)
    require<FileError>(std::isfinite(value), file, ": ", name, " must be finite, got ", value);
}

void check(const Plan& plan, const std::string& file) {
  check_word(plan.task, "task", {"forecast", "regression"}, file);
  check_word(plan.mode, "mode", {"direct", "recursive"}, file);
  check_word(plan.transform, "transform", transform_names(), file);
  check_word(plan.missing, "missing", {"refuse", "last"}, file);
  check_word(plan.model, "model", model_names(), file);
  check_word(plan.cell, "cell", cell_names(), file);
  check_number<Index>(plan.window, "window", 1, 100000, file);
  check_number<Index>(plan.horizon, "horizon", 1, 10000, file);
  check_number<Index>(plan.season, "season", 0, 100000, file);
  check_number<Index>(plan.units, "units", 1, 4096, file);
  check_number<Index>(plan.layers, "layers", 1, 8, file);
  check_number<double>(plan.dropout, "dropout", 0, 0.95, file);
  check_number<Index>(plan.targets, "targets", 1, Index(plan.channels.size()), file);
  check_number<Index>(Index(plan.quantiles.size()), "number of quantiles", 1, 100, file);
  for (const double quantile : plan.quantiles) check_number(quantile, "quantile", 1e-6, 1 - 1e-6, file);
  require<FileError>(std::ranges::is_sorted(plan.quantiles) && std::ranges::count(plan.quantiles, 0.5) == 1, file,
                     ": quantiles must increase and contain 0.5");
  const auto channels = Index(plan.channels.size());
  check_size(plan.input_mean, "input_mean", channels, file);
  check_size(plan.input_deviation, "input_deviation", channels, file);
  check_size(plan.output_mean, "output_mean", plan.output_numbers(), file);
  check_size(plan.output_deviation, "output_deviation", plan.output_numbers(), file);
  check_size(plan.error_quantiles, "error_quantiles",
             plan.recursive() ? plan.targets * plan.horizon * Index(plan.quantiles.size()) : 0, file);
  check_number<Index>(plan.baseline_lags, "baseline_lags", 0, plan.window, file);
  check_size(plan.baseline, "baseline", plan.regression() ? 1 + 3 * channels : plan.targets * (1 + plan.baseline_lags),
             file);
  for (const auto* deviations : {&plan.input_deviation, &plan.output_deviation})
    for (const double deviation : *deviations)
      require<FileError>(deviation > 0, file, ": deviations must be above 0, got ", deviation);
  require<FileError>(plan.transform == "none" || !plan.regression(), file, ": transform must be none for a regression");
}

}  // namespace

Index Plan::median() const { return std::ranges::find(quantiles, 0.5) - quantiles.begin(); }

Index Plan::lag() const { return transform.ends_with("difference") ? 1 : transform.ends_with("season") ? season : 0; }

std::vector<std::string> transform_names() {
  return {"none", "log", "difference", "log-difference", "season", "log-season", "window", "log-window"};
}
std::vector<std::string> model_names() { return {"rnn", "linear", "rnn+linear"}; }
std::vector<std::string> cell_names() { return {"gru", "lstm", "elman"}; }

nlohmann::ordered_json json_of(const Plan& plan) {
  nlohmann::ordered_json json;
  each_member(plan, [&](const char* name, const auto& value) { json[name] = value; });
  return json;
}

Plan plan_of(const std::string& text, const std::string& file) {
  const auto json = unroll::detail::parse_json<nlohmann::json>(text, file);
  Plan plan;
  try {
    each_member(plan, [&](const char* name, auto& value) { json.at(name).get_to(value); });
  } catch (const nlohmann::json::exception&) {
    throw FileError(file + ": must be a model of forecast, with all entries of its plan");
  }
  check(plan, file);
  return plan;
}

}  // namespace forecast
