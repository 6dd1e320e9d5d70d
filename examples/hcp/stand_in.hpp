#pragma once
// Synthetic data in place of recordings that may not be distributed: simulated regions that respond to simulated clips.

#include "data.hpp"

namespace hcp {

struct StandIn {
  unroll::Index participants = 80, regions = 100;
  double snr = 0.5;     // signal's share of the variance; the rest is noise of each region
  double idio = 0.6;    // individual activity, as a multiple of the shared one
  double mapvar = 0.3;  // variation of the regions between participants
  std::uint64_t seed = 1;
};

/// Simulated recordings. Each clip drives ten latent sources along its own time course, smoothed by a haemodynamic
/// response. All clips have the same mean, nearly the same covariance over time and a start near rest, so essentially
/// only the time course distinguishes them. `steps`: length of each clip, at least 20 or ValueError is thrown; 0: full
/// length. Depends on the options only.
Data make_stand_in(const StandIn& options, unroll::Index steps);

}  // namespace hcp
