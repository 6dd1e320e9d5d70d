#pragma once
// Dates of the steps of a time series.

#include <string>
#include <vector>

#include "unroll/core/types.hpp"

namespace forecast {

/// The `count` dates after the last of `dates`, in their format; empty unless all dates have one format and equal
/// distances: in seconds, in months (with the same day, or the last day of each month), or whole numbers such as years.
/// Formats: 2001, 20010131, 2001-01-31, 2001/01/31, 2001-01, 200101, and dates with times such as 2001-01-31 10:00 or
/// 2001-01-31T10:00:00.
std::vector<std::string> next_dates(const std::vector<std::string>& dates, unroll::Index count);

/// Dates of seconds since the beginning of 1970: 2001-01-31, with the time if one is not midnight.
std::vector<std::string> dates_of(const unroll::VectorX<double>& seconds);

}  // namespace forecast
