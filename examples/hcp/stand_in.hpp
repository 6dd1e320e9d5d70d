#pragma once
// A stand-in for recordings that may not be given away: made-up regions that follow made-up clips.

#include "data.hpp"

namespace hcp {

struct StandIn {
  unroll::Index participants = 80, regions = 100;
  double snr = 0.5;     // share of the variance that is signal; the rest is noise of each region
  double idio = 0.6;    // a person's own thoughts, as a multiple of what all share
  double mapvar = 0.3;  // how much regions differ between people
  std::uint64_t seed = 1;
};

/// Each clip drives ten hidden sources along a course of its own, which is smoothed as blood flow is. All clips have
/// the same mean and the same covariance over time: nothing but the course through time tells them apart, and all begin
/// from rest. `steps`: of each clip, at least 20; 0: all of them. Depends on the options alone.
Data make_stand_in(const StandIn& options, unroll::Index steps);

}  // namespace hcp
