#pragma once
// Trainings with several seeds, and with several values of one option.

#include <limits>

#include "options.hpp"
#include "unroll/train/metrics/summary.hpp"

namespace peaks {

/// "learning-rate", "units", "layers", "samples", "asymmetry"
std::vector<std::string> study_names();

/// The values that options.study goes through unless others are asked for.
std::vector<double> ladder(const Options& options);

/// `options` with one value of options.study in its place. Throws ValueError for one that makes no sense there.
Options with_value(const Options& options, double value);

/// All seeds with the same options.
struct Point {
  double value = std::numeric_limits<double>::quiet_NaN();  // of the study; NaN: there is none
  unroll::Index parameters = 0;
  std::size_t bytes = 0;  // of a training step, as estimated
  std::vector<Run> runs = {};
};

/// Mean and deviation over seeds, in per cent, per event and in seconds per epoch.
struct PointSummary {
  unroll::Summary efficiency, false_rate, seconds;
  unroll::Index collapsed = 0;
};
/// Of the events that were watched.
PointSummary summary_of(const Point& point);
/// Of the test events. Throws ValueError for a point that was not tested.
PointSummary test_summary_of(const Point& point);

/// The point with the best F1 over its seeds, of the events that were watched.
const Point& best_of(const std::vector<Point>& points);

/// Training and test events, in a study validation events too. Throws FileError, ShapeError or ValueError where files
/// are wrong or too few events are left.
struct EventSets {
  Events training, test;
  std::optional<Events> validation = {};  // what a study chooses by

  const Events& watched() const { return validation ? *validation : test; }
};
EventSets read_events(const Options& options);

/// Bytes of a training step, as estimated.
std::size_t needed_bytes(const Options& options, const Network& network, unroll::Index events, unroll::Index bins);

/// Throws ValueError when the machine has less memory than the largest training needs.
void check_memory(const Options& options, unroll::Index events, unroll::Index bins);

/// A line of progress, for whoever waits.
using Say = std::function<void(const std::string&)>;

/// Runs everything that was asked for; `network` becomes the last one that was trained. Of a study only the chosen
/// point is tested.
std::vector<Point> run(const Options& options, const EventSets& events, std::optional<Network>& network,
                       const Say& say);

}  // namespace peaks
