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
/// Summary for the validation events.
PointSummary summary_of(const Point& point);
/// Summary for the test events. Throws ValueError for a point that was not tested.
PointSummary test_summary_of(const Point& point);

/// The point with the best F1 summed over its seeds, on the validation events.
const Point& best_of(const std::vector<Point>& points);
/// The run with the best F1 on the validation events.
const Run& best_of(const Point& point);

/// Training, test and validation events. read_events throws FileError, ShapeError or ValueError for invalid files or
/// too few events. Validation events are those of --validation FILE; a share of the training events, the last ones (of
/// files, by default a tenth); or other events of the toy, as many as for the test. With --lazy, events of files are
/// read when they are needed.
struct EventSets {
  Events training, test, validation;
  unroll::Index shared = 0;                       // test events that are also training events
  std::vector<std::string> training_hashes = {};  // of each training event
};
EventSets read_events(const Options& options);

/// Estimated memory of a training step in bytes.
std::size_t needed_bytes(const Options& options, const Network& network, unroll::Index events, unroll::Index bins);

/// Throws ValueError if the largest training needs more memory than is available.
void check_memory(const Options& options, unroll::Index events, unroll::Index bins);

/// Callback for progress messages.
using OnMessage = std::function<void(const std::string&)>;

/// Trains all seeds, of all values in a study. In a study only the selected point is tested. `start`: parameters of a
/// loaded model, empty to begin from initial values.
std::vector<Point> run(const Options& options, const EventSets& events, const unroll::VectorX<float>& start,
                       const OnMessage& on_message);

/// Network of a run.
Network network_of(const Options& options, const Run& run);

}  // namespace peaks
