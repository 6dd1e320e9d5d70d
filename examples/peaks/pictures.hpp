#pragma once
// What the pictures of a report show.

#include "study.hpp"
#include "unroll/report/curves.hpp"
#include "unroll/report/report.hpp"
#include "unroll/report/scatter.hpp"

namespace peaks {

/// Efficiency against false positives, a point for each value.
unroll::figure::Scatter study_picture(const Options& options, const std::vector<Point>& points);

/// Loss and rates of every epoch, efficiency against false positives of the last network as a peak's least sum changes,
/// an event with what it found, and what the events are like.
void add_pictures(unroll::Report& report, const Options& options, const EventSets& events, const Point& point,
                  const Network& network);

}  // namespace peaks
