#pragma once
// Simulated recordings in place of data that cannot be distributed.

#include "recordings.hpp"

namespace har {

/// Simulated accelerometer windows in g, 20 values per second for 7.5 seconds, with equal numbers of six activities.
/// Test windows are of other people than training windows. The difficulty was set once, see docs/har.md. Depends on the
/// options only.
struct StandIn {
  unroll::Index train = 3000, test = 600;  // windows
  unroll::Index train_people = 36, test_people = 8;
  std::uint64_t seed = 1;
};
Recordings make_stand_in(const StandIn& options);

/// Simulated freezing of gait: accelerations of ankle, thigh and trunk (nine channels, in mg, 64 values per second),
/// with a label frozen or not at every step. Gaits are walking, hurrying with short steps, standing and, about a tenth
/// of the time, freezing, when the legs tremble at 4 to 7 Hz without progress.
struct GaitStandIn {
  unroll::Index people = 6;
  double seconds = 240;  // of each
  std::uint64_t seed = 1;
};
StreamParts make_gait_stand_in(const GaitStandIn& options, double test_share);

}  // namespace har
