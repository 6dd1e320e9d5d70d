#pragma once
// Made-up recordings, of the shape of those that cannot be shipped.

#include "recordings.hpp"

namespace har {

/// Windows of an accelerometer in g, 20 values per second for 7.5 seconds, as many of each of six activities. Those of
/// the test are of other people. How hard it is was set once, see docs/har.md; the seed alone decides what comes out.
struct StandIn {
  unroll::Index train = 3000, test = 600;  // windows
  unroll::Index train_people = 36, test_people = 8;
  std::uint64_t seed = 1;
};
Recordings make_stand_in(const StandIn& options);

/// Somebody whose gait freezes: acceleration of ankle, thigh and trunk (nine channels, in mg, 64 values per second),
/// and at every step whether it is frozen. Walking, hurrying with short steps, standing, and in about a tenth of the
/// time freezing: legs that tremble 4 to 7 times a second and do not get on.
struct GaitStandIn {
  unroll::Index people = 6;
  double seconds = 240;  // of each
  std::uint64_t seed = 1;
};
StreamParts make_gait_stand_in(const GaitStandIn& options, double test_share);

}  // namespace har
