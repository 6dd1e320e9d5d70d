#include "predictions.hpp"

#include <algorithm>
#include <cmath>

#include "baselines.hpp"
#include "dates.hpp"
#include "scale.hpp"
#include "unroll/core/tables/data_table.hpp"
#include "unroll/train/evaluate.hpp"

namespace forecast {

using namespace unroll;

namespace {

using Forecasts = std::vector<MatrixX<double>>;

Forecasts direct(const Network& network, const Plan& plan, const Windows& windows, const std::vector<Origin>& origins,
                 int threads) {
  std::vector<MatrixX<float>> inputs;
  for (const Origin& origin : origins) inputs.push_back(windows.input(plan, origin));
  const auto outputs = predict(network, Dataset<float>::unlabelled(std::move(inputs)), {.threads = {threads}});
  Forecasts all;
  const Index quantiles = plan.output_quantiles();
  for (std::size_t n = 0; n < origins.size(); ++n) {
    MatrixX<double> one(plan.output_numbers(), quantiles);
    for (Index row = 0; row < one.rows(); ++row) {
      const Scale scale = target_scale(plan, windows, origins[n], row / plan.horizon);
      for (Index q = 0; q < quantiles; ++q) {
        const double output = double(outputs[n](row * quantiles + q, 0)) * plan.output_deviation[std::size_t(row)] +
                              plan.output_mean[std::size_t(row)];
        const double anchor =
            plan.regression() ? 0 : windows.anchor(origins[n], row / plan.horizon, row % plan.horizon + 1);
        one(row, q) = windows.value(scale.back(output) + anchor);
      }
    }
    all.push_back(std::move(one));
  }
  return all;
}

/// Levels of all steps [targets * horizon], each from the network's prediction of the step before.
std::vector<VectorX<double>> recursive_levels(const Network& network, const Plan& plan, const Windows& windows,
                                              const std::vector<Origin>& origins, int threads) {
  std::vector<MatrixX<float>> inputs;
  for (const Origin& origin : origins) inputs.push_back(windows.input(plan, origin));
  std::vector<MatrixX<double>> steps(origins.size(), MatrixX<double>(plan.targets, plan.horizon));
  for (Index h = 0; h < plan.horizon; ++h) {
    const auto outputs = predict(network, Dataset<float>::unlabelled(inputs), {.threads = {threads}});
    for (std::size_t n = 0; n < inputs.size(); ++n) {
      MatrixX<float>& window = inputs[n];
      window.leftCols(plan.window - 1) = window.rightCols(plan.window - 1).eval();
      for (Index c = 0; c < plan.targets; ++c) {
        const auto k = std::size_t(c);
        const double output = double(outputs[n](c, 0)) * plan.output_deviation[k] + plan.output_mean[k];
        steps[n](c, h) = target_scale(plan, windows, origins[n], c).back(output);
        window(c, plan.window - 1) = float(input_scale(plan, windows, origins[n], c).of(steps[n](c, h)));
      }
    }
  }
  std::vector<VectorX<double>> levels;
  for (std::size_t n = 0; n < origins.size(); ++n) {
    VectorX<double> all(plan.targets * plan.horizon);
    for (Index c = 0; c < plan.targets; ++c)
      all.segment(c * plan.horizon, plan.horizon) =
          path_of(plan, windows, origins[n], c, [&](Index h) { return steps[n](c, h - 1); });
    levels.push_back(std::move(all));
  }
  return levels;
}

/// Quantile of sorted numbers, by linear interpolation.
double quantile_of(const std::vector<double>& sorted, double level) {
  const double place = level * double(sorted.size() - 1);
  const auto below = std::size_t(place);
  const std::size_t above = std::min(below + 1, sorted.size() - 1);
  return sorted[below] + (place - double(below)) * (sorted[above] - sorted[below]);
}

TableValue place_of(const std::vector<std::string>& dates, Index step) {
  return dates.empty() ? TableValue("") : TableValue(dates[std::size_t(step)]);
}

}  // namespace

Forecasts forecasts(const Network& network, const Plan& plan, const Windows& windows,
                    const std::vector<Origin>& origins, int threads) {
  if (origins.empty()) return {};
  Forecasts all;
  if (plan.recursive()) {
    const auto count = Index(plan.quantiles.size());
    for (const VectorX<double>& levels : recursive_levels(network, plan, windows, origins, threads)) {
      MatrixX<double> one(levels.size(), count);
      for (Index row = 0; row < one.rows(); ++row)
        for (Index q = 0; q < count; ++q)
          one(row, q) = windows.value(levels[row] + plan.error_quantiles[std::size_t(row * count + q)]);
      all.push_back(std::move(one));
    }
  } else {
    all = direct(network, plan, windows, origins, threads);
  }
  for (MatrixX<double>& one : all) {
    require<ValueError>(one.allFinite(), windows.set().source, ": forecasts must be finite; the values are far beyond ",
                        "those of the training data");
    for (auto row : one.rowwise()) std::sort(row.begin(), row.end());
  }
  return all;
}

void fit_error_quantiles(Plan& plan, const Network& network, const Windows& windows, const std::vector<Origin>& origins,
                         int threads) {
  const auto paths = recursive_levels(network, plan, windows, origins, threads);
  plan.error_quantiles.clear();
  for (Index row = 0; row < plan.targets * plan.horizon; ++row) {
    std::vector<double> errors;
    for (std::size_t n = 0; n < origins.size(); ++n)
      if (const double truth = windows.truth(origins[n], row / plan.horizon, row % plan.horizon + 1);
          !std::isnan(truth))
        errors.push_back(windows.level_of(truth) - paths[n][row]);
    std::sort(errors.begin(), errors.end());
    const double none = 0;
    for (const double level : plan.quantiles) {
      const double error = errors.empty() ? none : quantile_of(errors, level);
      // The forecast itself is the median, so that it lies between the other quantiles.
      plan.error_quantiles.push_back(level == 0.5 ? 0 : level < 0.5 ? std::min(error, none) : std::max(error, none));
    }
  }
}

std::vector<std::string> dates_after(const Plan& plan, const SeriesSet& set, const Origin& origin) {
  const std::vector<std::string>& dates = set.series[origin.series].dates;
  if (dates.empty() || plan.regression()) return {};
  const Index known = std::min(plan.horizon, Index(dates.size()) - 1 - origin.step);
  std::vector<std::string> after(dates.begin() + origin.step + 1, dates.begin() + origin.step + 1 + known);
  const auto next = next_dates(dates, plan.horizon - known);
  if (known < plan.horizon && next.empty()) return {};
  after.insert(after.end(), next.begin(), next.end());
  return after;
}

std::string forecasts_csv(const Plan& plan, const Windows& windows, const std::vector<Origin>& origins,
                          const Forecasts& forecasts, bool truth) {
  const SeriesSet& set = windows.set();
  DataTable table{{"series"}, {}};
  if (!plan.regression()) {
    table.columns.insert(table.columns.end(), {"channel", "step", "date"});
    if (truth) table.columns.push_back("origin");
  }
  table.columns.push_back("forecast");
  for (const double level : plan.quantiles) table.columns.push_back(text("quantile ", level));
  if (truth) table.columns.push_back("value");
  for (std::size_t n = 0; n < origins.size(); ++n) {
    const auto dates = dates_after(plan, set, origins[n]);
    for (Index row = 0; row < forecasts[n].rows(); ++row) {
      const Index target = row / plan.horizon, step = row % plan.horizon;
      auto& line = table.rows.emplace_back();
      line.emplace_back(set.series[origins[n].series].name);
      if (!plan.regression()) {
        line.emplace_back(plan.channels[std::size_t(target)]), line.emplace_back(step + 1);
        line.push_back(place_of(dates, step));
        if (truth) line.emplace_back(origins[n].step);
      }
      line.emplace_back(forecasts[n](row, plan.median()));
      for (const double number : forecasts[n].row(row)) line.emplace_back(number);
      if (truth) line.emplace_back(windows.truth(origins[n], target, step + 1));
    }
  }
  return to_csv(table);
}

nlohmann::ordered_json forecasts_json(const Plan& plan, const Windows& windows, const std::vector<Origin>& origins,
                                      const Forecasts& forecasts) {
  const SeriesSet& set = windows.set();
  nlohmann::ordered_json all = nlohmann::ordered_json::array();
  for (std::size_t n = 0; n < origins.size(); ++n) {
    const auto dates = dates_after(plan, set, origins[n]);
    nlohmann::ordered_json one{{"series", set.series[origins[n].series].name}, {"last_step", origins[n].step}};
    for (Index c = 0; c < plan.targets; ++c) {
      nlohmann::ordered_json channel{{"channel", plan.regression() ? "value" : plan.channels[std::size_t(c)]}};
      if (!dates.empty()) channel["dates"] = dates;
      const MatrixX<double> rows = forecasts[n].middleRows(c * plan.horizon, plan.horizon);
      channel["forecast"] = std::vector<double>(rows.col(plan.median()).begin(), rows.col(plan.median()).end());
      for (std::size_t q = 0; q < plan.quantiles.size(); ++q)
        channel["quantiles"][text(plan.quantiles[q])] =
            std::vector<double>(rows.col(Index(q)).begin(), rows.col(Index(q)).end());
      one["channels"].push_back(std::move(channel));
    }
    all.push_back(std::move(one));
  }
  return all;
}

}  // namespace forecast
