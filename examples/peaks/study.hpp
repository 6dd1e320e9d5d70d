#pragma once
// Trainings with several seeds, and studies of several values of one option.

#include <limits>

#include "options.hpp"
#include "unroll/train/metrics/summary.hpp"

namespace peaks {

/// Names of the options that a study can vary: "learning-rate", "units", "layers", "samples", "asymmetry".
std::vector<std::string> study_names();

/// Default values for the option named by options.study.
std::vector<double> ladder(const Options& options);

/// `options` with one value of the studied option. Throws ValueError if the option is an integer and the value is not a
/// whole number of at least 1.
Options with_value(const Options& options, double value);

/// Results of one value of a study for all seeds.
struct Point {
  double value = std::numeric_limits<double>::quiet_NaN();  // of the study; NaN without a study
  unroll::Index parameters = 0;
  std::size_t bytes = 0;  // estimated memory of a training step
  std::vector<Run> runs = {};
};

/// Summaries over seeds of efficiency in per cent, false positives per event and seconds per epoch.
struct PointSummary {
  unroll::Summary efficiency, false_rate, seconds;
  unroll::Index collapsed = 0;
};
/// Summary for the monitored events.
PointSummary summary_of(const Point& point);
/// Summary for the test events. Throws ValueError for a point that was not tested.
PointSummary test_summary_of(const Point& point);

/// The point with the best F1 summed over its seeds, on the monitored events.
const Point& best_of(const std::vector<Point>& points);

/// Training and test events, in a study also validation events. read_events throws FileError, ShapeError or ValueError
/// for invalid files or too few events.
struct EventSets {
  Events training, test;
  std::optional<Events> validation = {};  // for the selection in a study

  const Events& monitored() const { return validation ? *validation : test; }
};
EventSets read_events(const Options& options);

/// Estimated memory of a training step in bytes.
std::size_t needed_bytes(const Options& options, const Network& network, unroll::Index events, unroll::Index bins);

/// Throws ValueError if the largest training needs more memory than is available.
void check_memory(const Options& options, unroll::Index events, unroll::Index bins);

/// Callback for progress messages.
using OnMessage = std::function<void(const std::string&)>;

/// Trains all seeds, of all values in a study. `network` becomes the last trained one. In a study only the selected
/// point is tested.
std::vector<Point> run(const Options& options, const EventSets& events, std::optional<Network>& network,
                       const OnMessage& on_message);

}  // namespace peaks
