#pragma once
// Training target of an event: a narrow Gaussian per findable vertex, NaN (masked) near vertices that are not findable.

#include <vector>

#include "unroll/core/types.hpp"

namespace peaks {

inline constexpr double z_first = -100, z_last = 300;  // mm

/// Proton-proton collision.
struct Vertex {
  double z;              // mm
  unroll::Index tracks;  // within the detector's acceptance
  bool findable;
};

inline constexpr unroll::Index tracks_to_find = 5;  // minimum for a findable vertex

/// Position resolution along the beam of a vertex with `tracks` tracks, in mm.
double resolution(unroll::Index tracks);

/// Target [1 x bins]: the probability content of each vertex's Gaussian in the 11 bins around it, scaled up for sharp
/// vertices; NaN where the Gaussians of non-findable vertices exceed 0.01 and those of findable ones are below.
unroll::MatrixX<float> target_of(const std::vector<Vertex>& vertices, unroll::Index bins);

/// Sets `target` to NaN where `other` is above 0.01 and `target` below. Both are [1 x bins].
void mask(unroll::MatrixX<float>& target, const unroll::MatrixX<float>& other);

}  // namespace peaks
