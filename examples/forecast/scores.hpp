#pragma once
// Errors of forecasts by channel and step, and coverage of quantiles.

#include <cstdint>
#include <utility>

#include "../support/fingerprint.hpp"
#include "../support/scores.hpp"
#include "plan.hpp"
#include "windows.hpp"

namespace forecast {

/// Means over forecasts; NaN if there are none.
struct Errors {
  double mae = 0, rmse = 0;  // in units of the data
  double mase = 0;      // mean absolute scaled error (Hyndman and Koehler 2006, doi:10.1016/j.ijforecast.2006.03.001)
  double pinball = 0;   // mean over quantiles, in units of the data
  double coverage = 0;  // share of the values between the lowest and the highest quantile
  unroll::Index count = 0;  // values
};

class Scores {
 public:
  explicit Scores(const Plan& plan);

  /// Adds forecasts [targets * horizon x quantiles, or 1 for points only] of an origin. Missing values are left out.
  void add(const Windows& windows, const Origin& origin, const unroll::MatrixX<double>& forecast,
           const std::vector<double>& scales);

  /// Means of a target and a step from 1; -1 and 0: of all.
  Errors errors(unroll::Index target = -1, unroll::Index step = 0) const;
  /// Share of the values that are at most each quantile.
  std::vector<double> shares() const;
  bool has_quantiles() const { return quantiles_.size() > 1; }

  /// Errors of each origin for comparisons: MASE if a scale is known, mean absolute error, pinball loss.
  std::vector<example::ItemMeasure> measures() const;
  /// Hash of the true values and of the scales of all origins.
  std::string tested() const { return tested_.text(); }

 private:
  struct Sums {
    double absolute = 0, square = 0, count = 0, scaled = 0, scaled_count = 0, pinball = 0, inside = 0;
    Sums& operator+=(const Sums& other);
  };
  unroll::Index horizon_, median_;
  std::vector<double> quantiles_, below_;
  std::vector<Sums> sums_;     // by target, then step
  std::vector<Sums> origins_;  // all targets and steps
  example::Fingerprint tested_;
  bool points_ = false;
};

/// Scores of several seeds at the same origins, for comparisons. The items are the origins. Forecasts of near origins
/// have steps in common, so the groups are blocks: the origins of a series within as many steps as the horizon has. Of
/// a regression, each series is an item without a group.
example::RunScores scores_of(const Plan& plan, const std::vector<Origin>& origins,
                             const std::vector<std::pair<std::uint64_t, const Scores*>>& seeds);

/// Scale of the absolute scaled error of each target of a series: mean absolute difference to the value of a season (or
/// a step) before, over the first `end` steps; NaN if it is 0 or unknown. Of a regression the standard deviation of
/// the training values.
std::vector<double> scales_of(const Plan& plan, const SeriesSet& set, std::size_t series, unroll::Index end);

}  // namespace forecast
