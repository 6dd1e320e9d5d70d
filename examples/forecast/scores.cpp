#include "scores.hpp"

#include <cmath>
#include <limits>

namespace forecast {

using namespace unroll;

namespace {

double share(double sum, double count) { return count > 0 ? sum / count : std::numeric_limits<double>::quiet_NaN(); }

}  // namespace

Scores::Scores(const Plan& plan)
    : horizon_(plan.horizon),
      median_(plan.median()),
      quantiles_(plan.quantiles),
      below_(plan.quantiles.size()),
      sums_(std::size_t(plan.targets * plan.horizon)) {}

void Scores::add(const Windows& windows, const Origin& origin, const MatrixX<double>& forecast,
                 const std::vector<double>& scales) {
  points_ = forecast.cols() == 1 && quantiles_.size() > 1;
  for (Index row = 0; row < forecast.rows(); ++row) {
    const Index target = row / horizon_;
    const double truth = windows.truth(origin, target, row % horizon_ + 1);
    if (std::isnan(truth)) continue;
    Sums& sums = sums_[std::size_t(row)];
    const double error = forecast(row, points_ ? 0 : median_) - truth, scale = scales[std::size_t(target)];
    sums.absolute += std::abs(error), sums.square += error * error, ++sums.count;
    if (std::isfinite(scale)) sums.scaled += std::abs(error) / scale, ++sums.scaled_count;
    if (points_) continue;
    for (Index q = 0; q < forecast.cols(); ++q) {
      const double level = quantiles_[std::size_t(q)], over = forecast(row, q) - truth;
      sums.pinball += (over >= 0 ? (1 - level) * over : -level * over) / double(forecast.cols());
      below_[std::size_t(q)] += over >= 0;
    }
    sums.inside += forecast(row, 0) <= truth && truth <= forecast(row, forecast.cols() - 1);
  }
}

Errors Scores::errors(Index target, Index step) const {
  Sums all;
  for (Index row = 0; row < Index(sums_.size()); ++row) {
    if ((target >= 0 && row / horizon_ != target) || (step > 0 && row % horizon_ + 1 != step)) continue;
    const Sums& one = sums_[std::size_t(row)];
    all.absolute += one.absolute, all.square += one.square, all.count += one.count, all.scaled += one.scaled;
    all.scaled_count += one.scaled_count, all.pinball += one.pinball, all.inside += one.inside;
  }
  const double known = has_quantiles() && !points_ ? all.count : 0;
  return {share(all.absolute, all.count),
          std::sqrt(share(all.square, all.count)),
          share(all.scaled, all.scaled_count),
          share(all.pinball, points_ ? 0 : all.count),
          share(all.inside, known),
          Index(all.count)};
}

std::vector<double> Scores::shares() const {
  std::vector<double> shares;
  for (const double below : below_) shares.push_back(share(below, points_ ? 0 : double(errors().count)));
  return shares;
}

std::vector<double> scales_of(const Plan& plan, const SeriesSet& set, std::size_t series, Index end) {
  if (plan.regression()) return {plan.output_deviation.front()};
  const MatrixX<double>& values = set.series[series].values;
  const Index lag = plan.season > 0 && plan.season < end ? plan.season : 1;
  std::vector<double> scales;
  for (Index c = 0; c < plan.targets; ++c) {
    double sum = 0, count = 0;
    for (Index t = lag; t < end; ++t)
      if (const double change = std::abs(values(c, t) - values(c, t - lag)); !std::isnan(change))
        sum += change, ++count;
    const double scale = share(sum, count);
    scales.push_back(scale > 0 ? scale : std::numeric_limits<double>::quiet_NaN());
  }
  return scales;
}

}  // namespace forecast
