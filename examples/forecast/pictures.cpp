#include "pictures.hpp"

#include <charconv>
#include <cmath>

#include "../support/format.hpp"
#include "predictions.hpp"

namespace forecast {

using namespace unroll;
using example::format;
using figure::Curves;
using Drawn = figure::Series;

namespace {

/// Number of a date such as a year; NaN for other dates and without dates.
double number_of(const forecast::Series& series, Index step) {
  if (std::size_t(step) >= series.dates.size()) return std::nan("");
  const std::string& date = series.dates[std::size_t(step)];
  double number = 0;
  const auto [end, error] = std::from_chars(date.data(), date.data() + date.size(), number);
  const bool good = error == std::errc{} && end == date.data() + date.size() && date.size() < 6;
  return good ? number : std::nan("");
}

/// Origins of one series that are a horizon apart, the last ones.
std::vector<Origin> apart(const Plan& plan, const std::vector<Origin>& origins) {
  constexpr std::size_t most = 8;
  std::vector<Origin> some;
  for (auto origin = origins.rbegin(); origin != origins.rend() && some.size() < most; ++origin) {
    if (!some.empty() && origin->series != some.front().series) break;
    if (some.empty() || some.front().step - origin->step >= plan.horizon) some.insert(some.begin(), *origin);
  }
  return some;
}

void add_forecasts(Report& report, const Windows& windows, const Data& data, const ModelFile& model, int threads) {
  const Plan& plan = model.plan;
  const auto origins = apart(plan, windows.origins(plan, data, Part::test, true));
  const auto all = forecasts(model.network, plan, windows, origins, threads);
  const forecast::Series& series = data.set.series[origins.front().series];
  const bool dated = !std::isnan(number_of(series, 0));
  const auto place_of = [&](Index step) { return dated ? number_of(series, step) : double(step); };
  Curves curves{.title = {},
                .x = {dated ? "date" : "step"},
                .y = {plan.channels.front()},
                .series = {},
                .band = format("interval from %g to %g", plan.quantiles.front(), plan.quantiles.back())};
  Drawn known{.name = "values", .x = {}, .y = {}, .reference = true};
  for (Index t = std::max<Index>(0, origins.front().step - plan.horizon); t <= origins.back().step + plan.horizon; ++t)
    known.x.push_back(place_of(t)), known.y.push_back(series.values(0, t));
  Drawn predicted{.name = "forecast", .x = {}, .y = {}, .line = Line::points_and_line};
  for (std::size_t n = 0; n < origins.size(); ++n)
    for (Index h = 0; h < plan.horizon; ++h) {
      const auto row = all[n].row(h);
      predicted.x.push_back(place_of(origins[n].step + h + 1));
      predicted.y.push_back(row[plan.median()]);
      predicted.low.push_back(row[0]), predicted.high.push_back(row[row.size() - 1]);
    }
  curves.series = {std::move(predicted), std::move(known)};
  report.figure("forecast", curves,
                text("Forecasts of the test part, each for ", plan.horizon, " steps from the end of the one before."),
                text("The last ", origins.size(), " horizons, with the interval as a band, and the values."));
}

void add_regression(Report& report, const Windows& windows, const Data& data, const ModelFile& model, int threads) {
  const auto origins = windows.origins(model.plan, data, Part::test, true);
  const auto all = forecasts(model.network, model.plan, windows, origins, threads);
  Drawn points{.name = "test series", .x = {}, .y = {}, .line = Line::points};
  double low = HUGE_VAL, high = -HUGE_VAL;
  for (std::size_t n = 0; n < origins.size(); ++n) {
    points.x.push_back(windows.truth(origins[n], 0, 1)), points.y.push_back(all[n](0, model.plan.median()));
    low = std::min(low, points.x.back()), high = std::max(high, points.x.back());
  }
  const Drawn equal{.name = "equal", .x = {low, high}, .y = {low, high}, .line = Line::dashed, .reference = true};
  report.figure("predictions",
                Curves{.title = {}, .x = {"value"}, .y = {"prediction"}, .series = {std::move(points), equal}},
                "Predictions of the test series against their values.", "One point per series.");
}

void add_errors(Report& report, const Results& results) {
  const Plan& plan = results.best().model.plan;
  const auto by_step = [&](const Scores& scores) {
    std::vector<double> errors;
    for (Index h = 1; h <= plan.horizon; ++h) errors.push_back(scores.errors(-1, h).mase);
    return errors;
  };
  std::vector<std::vector<double>> runs;
  for (const Run& run : results.runs) runs.push_back(by_step(run.test));
  Curves curves{.title = {},
                .x = {"step of the horizon"},
                .y = {"mean absolute scaled error", 0},
                .series = {figure::over_runs("network", runs)},
                .band = "range of the runs"};
  for (const Baseline& one : results.baselines)
    curves.series.push_back(figure::over_steps(one.name, by_step(one.test), 1));
  report.figure("errors", curves, "Error against the step of the horizon, test part.",
                format("The network has %.3f at step 1 and %.3f at step %ld.", runs.front().front(),
                       runs.front().back(), long(plan.horizon)));
}

void add_coverage(Report& report, const Run& run) {
  const auto shares = run.test.shares();
  const Drawn equal{.name = "exact", .x = {0, 1}, .y = {0, 1}, .line = Line::dashed, .reference = true};
  report.figure(
      "coverage",
      Curves{.title = {},
             .x = {"quantile", 0, 1},
             .y = {"share of the values", 0, 1},
             .series = {{.name = "network", .x = run.model.plan.quantiles, .y = shares, .line = Line::points_and_line},
                        equal}},
      "Share of the test values that are at most each quantile.", "The line of exact quantiles is the diagonal.");
}

}  // namespace

void add_pictures(Report& report, const Windows& windows, const Data& data, const Results& results, int threads) {
  const Run& best = results.best();
  if (best.model.plan.regression())
    add_regression(report, windows, data, best.model, threads);
  else
    add_forecasts(report, windows, data, best.model, threads), add_errors(report, results);
  if (best.test.has_quantiles()) add_coverage(report, best);
}

void add_training_picture(Report& report, const Results& results) {
  std::vector<History> histories;
  for (const Run& run : results.runs) histories.push_back(run.fit.history);
  report.figure("loss", figure::learning_curves(histories, "of standardized values"), "Loss against the epoch.",
                text("The parameters of the epoch with the lowest validation loss are kept, ",
                     results.best().fit.best_epoch, " in the selected run."));
}

}  // namespace forecast
