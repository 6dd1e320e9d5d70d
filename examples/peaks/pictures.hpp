#pragma once
// Figures of the report.

#include "study.hpp"
#include "unroll/report/curves.hpp"
#include "unroll/report/report.hpp"
#include "unroll/report/scatter.hpp"

namespace peaks {

/// Efficiency against false positives, one point per value of a study.
unroll::figure::Scatter study_picture(const Options& options, const std::vector<Point>& points);

/// Adds the figures of a single training: loss and rates of every epoch, efficiency against false positives of
/// `network` for a varying minimum sum of a peak, an event with its predictions, and distributions of the events.
void add_pictures(unroll::Report& report, const Options& options, const EventSets& events, const Point& point,
                  const Network& network);

}  // namespace peaks
