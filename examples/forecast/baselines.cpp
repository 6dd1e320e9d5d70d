#include "baselines.hpp"

#include <Eigen/QR>
#include <algorithm>
#include <cmath>

namespace forecast {

using namespace unroll;

namespace {

/// Least squares: coefficients c that minimise |a c - b|.
VectorX<double> least_squares(const MatrixX<double>& a, const VectorX<double>& b) {
  return Eigen::ColPivHouseholderQR<MatrixX<double>>(a).solve(b);
}

/// 1, then mean, deviation and last value of each channel.
VectorX<double> summary_of(const MatrixX<double>& series) {
  VectorX<double> all(1 + 3 * series.rows());
  all[0] = 1;
  for (Index c = 0; c < series.rows(); ++c) {
    const double mean = series.row(c).mean();
    all.segment(1 + 3 * c, 3) << mean, std::sqrt((series.row(c).array() - mean).square().mean()),
        series(c, series.cols() - 1);
  }
  return all;
}

void fit_regression(Plan& plan, const Windows& windows, const Data& data) {
  const auto origins = windows.origins(plan, data, Part::training, true);
  MatrixX<double> a(Index(origins.size()), 1 + 3 * Index(plan.channels.size()));
  VectorX<double> b(a.rows());
  for (Index k = 0; k < a.rows(); ++k) {
    const Origin& origin = origins[std::size_t(k)];
    a.row(k) = summary_of(windows.inputs(origin.series)).transpose();
    b[k] = windows.truth(origin, 0, 1);
  }
  const VectorX<double> solution = least_squares(a, b);
  plan.baseline.assign(solution.begin(), solution.end());
}

/// Coefficients of one target: intercept, then those of the last values, the latest first.
VectorX<double> autoregression(const Plan& plan, const Windows& windows, const Data& data, Index target, Index lags) {
  std::vector<std::pair<std::size_t, Index>> rows;  // series and step of the predicted value
  for (std::size_t k = 0; k < data.borders.size(); ++k)
    for (Index t = plan.lag() + lags; t < data.end_of(k, Part::training); ++t) rows.emplace_back(k, t);
  MatrixX<double> a(Index(rows.size()), lags + 1);
  VectorX<double> b(a.rows());
  for (Index r = 0; r < a.rows(); ++r) {
    const auto& [series, step] = rows[std::size_t(r)];
    const auto values = windows.inputs(series).row(target);
    a(r, 0) = 1, b[r] = values[step];
    for (Index k = 1; k <= lags; ++k) a(r, k) = values[step - k];
  }
  return least_squares(a, b);
}

VectorX<double> autoregressive_forecast(const Plan& plan, const Windows& windows, const Origin& origin) {
  const Index lags = plan.baseline_lags;
  VectorX<double> all(plan.targets * plan.horizon);
  for (Index c = 0; c < plan.targets; ++c) {
    const double* const coefficients = plan.baseline.data() + c * (1 + lags);
    std::vector<double> known;  // on the scale of the transform, then the predictions
    for (Index k = lags - 1; k >= 0; --k) known.push_back(windows.inputs(origin.series)(c, origin.step - k));
    all.segment(c * plan.horizon, plan.horizon) = path_of(plan, windows, origin, c, [&](Index) {
      double next = coefficients[0];
      for (Index k = 1; k <= lags; ++k) next += coefficients[k] * known[known.size() - std::size_t(k)];
      return known.push_back(next), next;
    });
  }
  for (double& level : all) level = windows.value(level);
  return all;
}

double validation_error(const Plan& plan, const Windows& windows, const Data& data) {
  Scores scores(plan);
  for (const Origin& origin : windows.origins(plan, data, Part::validation, true))
    scores.add(windows, origin, autoregressive_forecast(plan, windows, origin),
               scales_of(plan, data.set, origin.series, data.end_of(origin.series, Part::training)));
  const double error = scores.errors().mase;
  return std::isfinite(error) ? error : HUGE_VAL;
}

std::vector<Index> numbers_of_lags(Index window) {
  std::vector<Index> all;
  for (const Index lags : {1, 2, 3, 4, 6, 9, 12, 18, 24, 36, 52, 72, 104})
    if (lags < window) all.push_back(lags);
  all.push_back(window);
  return all;
}

/// Value a season, or several, before a step after the origin.
double seasonal(const Plan& plan, const Windows& windows, const Origin& origin, Index target, Index step) {
  const Index back = (step + plan.season - 1) / plan.season * plan.season;
  return windows.value(windows.level(origin.series, target, std::max<Index>(0, origin.step + step - back)));
}

}  // namespace

void fit_baseline(Plan& plan, const Windows& windows, const Data& data) {
  if (plan.regression()) return fit_regression(plan, windows, data);
  double least = HUGE_VAL;
  Plan tried = plan;
  for (const Index lags : numbers_of_lags(plan.window)) {
    tried.baseline_lags = lags, tried.baseline.clear();
    for (Index c = 0; c < plan.targets; ++c) {
      const VectorX<double> coefficients = autoregression(plan, windows, data, c, lags);
      tried.baseline.insert(tried.baseline.end(), coefficients.begin(), coefficients.end());
    }
    const double error = validation_error(tried, windows, data);
    if (error < least || plan.baseline.empty()) {
      least = std::min(least, error);
      plan.baseline_lags = lags, plan.baseline = tried.baseline;
    }
  }
}

std::vector<std::string> baseline_names(const Plan& plan) {
  if (plan.regression()) return {"mean of the training values", "linear regression"};
  std::vector<std::string> names{text("linear autoregression, ", plan.baseline_lags, " lags"), "last value"};
  if (plan.season > 0) names.push_back(text("value ", plan.season, " steps before"));
  return names;
}

VectorX<double> baseline_forecast(const Plan& plan, const Windows& windows, const Origin& origin, std::size_t number) {
  if (plan.regression()) {
    const Eigen::Map<const VectorX<double>> linear(plan.baseline.data(), Index(plan.baseline.size()));
    return VectorX<double>::Constant(
        1, number == 0 ? plan.output_mean.front() : linear.dot(summary_of(windows.inputs(origin.series))));
  }
  if (number == 0) return autoregressive_forecast(plan, windows, origin);
  VectorX<double> all(plan.targets * plan.horizon);
  for (Index c = 0, row = 0; c < plan.targets; ++c)
    for (Index h = 1; h <= plan.horizon; ++h, ++row)
      all[row] = number == 1 ? windows.value(windows.level(origin.series, c, origin.step))
                             : seasonal(plan, windows, origin, c, h);
  return all;
}

}  // namespace forecast
