#pragma once
// Forecasts without a network.

#include "scores.hpp"

namespace forecast {

/// Fits the linear autoregression by least squares to the training part, on the scale of the plan's transform, and sets
/// it in the plan. Of several numbers of lags up to the window, the one with the lowest error on the validation part is
/// kept. Of a regression: the linear function of mean, deviation and last value of each channel.
void fit_baseline(Plan& plan, const Windows& windows, const Data& data);

/// Names of the baselines of a plan.
std::vector<std::string> baseline_names(const Plan& plan);

/// Forecast of a baseline by its number [targets * horizon].
unroll::VectorX<double> baseline_forecast(const Plan& plan, const Windows& windows, const Origin& origin,
                                          std::size_t number);

/// Levels of a path after an origin, from predictions of one step: `next(h)` returns the value at step h on the scale
/// of the transform.
template <class Next>
unroll::VectorX<double> path_of(const Plan& plan, const Windows& windows, const Origin& origin, unroll::Index target,
                                const Next& next) {
  const unroll::Index lag = plan.lag();
  unroll::VectorX<double> levels(plan.horizon);
  for (unroll::Index h = 1; h <= plan.horizon; ++h) {
    const unroll::Index at = h - lag;
    const double before = lag == 0  ? 0
                          : at >= 1 ? levels[at - 1]
                                    : windows.level(origin.series, target, origin.step + at);
    levels[h - 1] = before + next(h);
  }
  return levels;
}

}  // namespace forecast
