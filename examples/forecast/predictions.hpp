#pragma once
// Forecasts of a network.

#include <nlohmann/json.hpp>

#include "network.hpp"
#include "windows.hpp"

namespace forecast {

/// Forecasts at each origin [targets * horizon x quantiles], in units of the data; rows by target, then step. Quantiles
/// do not cross: the numbers of a row are sorted (Chernozhukov et al. 2010, doi:10.3982/ECTA7880).
std::vector<unroll::MatrixX<double>> forecasts(const Network& network, const Plan& plan, const Windows& windows,
                                               const std::vector<Origin>& origins, int threads);

/// Sets plan.error_quantiles, for intervals of recursive forecasts, from the errors at these origins.
void fit_error_quantiles(Plan& plan, const Network& network, const Windows& windows, const std::vector<Origin>& origins,
                         int threads);

/// Dates of the forecast steps of an origin; empty if the dates are unknown.
std::vector<std::string> dates_after(const Plan& plan, const SeriesSet& set, const Origin& origin);

/// One line per series, channel and step, with the date if it is known, and the true value with `truth`.
std::string forecasts_csv(const Plan& plan, const Windows& windows, const std::vector<Origin>& origins,
                          const std::vector<unroll::MatrixX<double>>& forecasts, bool truth);
/// Forecasts as JSON: a list of series with lists of channels.
nlohmann::ordered_json forecasts_json(const Plan& plan, const Windows& windows, const std::vector<Origin>& origins,
                                      const std::vector<unroll::MatrixX<double>>& forecasts);

}  // namespace forecast
