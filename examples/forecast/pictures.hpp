#pragma once
// Figures of the report.

#include "training.hpp"
#include "unroll/report/curves.hpp"
#include "unroll/report/report.hpp"

namespace forecast {

/// Forecasts of the test part, errors by step, and coverage of the quantiles.
void add_pictures(unroll::Report& report, const Windows& windows, const Data& data, const Results& results,
                  int threads);
/// Loss against the epoch.
void add_training_picture(unroll::Report& report, const Results& results);

}  // namespace forecast
