#pragma once
// Scale of a window.

#include <algorithm>
#include <cmath>

#include "windows.hpp"

namespace forecast {

/// Affine scale: z = (x - mean) / deviation.
struct Scale {
  double mean = 0, deviation = 1;
  double of(double x) const { return (x - mean) / deviation; }
  double back(double z) const { return z * deviation + mean; }
};

/// Scale of a channel in the window of an origin: mean and deviation of the training data or, with a transform "window"
/// (instance normalisation, Kim et al. 2022, openreview.net/forum?id=cGDAkQo1C0p), of the window. The latter is at
/// least 0.05 of that of the training data, so that nearly constant windows are not enlarged.
inline Scale input_scale(const Plan& plan, const Windows& windows, const Origin& origin, unroll::Index channel) {
  const auto k = std::size_t(channel);
  const Scale training{plan.input_mean[k], plan.input_deviation[k]};
  if (!plan.transform.ends_with("window")) return training;
  const auto window = windows.inputs(origin.series).row(channel).segment(origin.step - plan.window + 1, plan.window);
  const double mean = window.mean(), deviation = std::sqrt((window.array() - mean).square().mean());
  return {mean, std::max(deviation, 0.05 * training.deviation)};
}

/// Scale of a target before the standardization of the outputs.
inline Scale target_scale(const Plan& plan, const Windows& windows, const Origin& origin, unroll::Index target) {
  return plan.transform.ends_with("window") ? input_scale(plan, windows, origin, target) : Scale{};
}

}  // namespace forecast
