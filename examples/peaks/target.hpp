#pragma once
// What is to be learnt about an event: a narrow bell over each vertex, and no answer where only a poor vertex is.

#include <vector>

#include "unroll/core/types.hpp"

namespace peaks {

inline constexpr double z_first = -100, z_last = 300;  // mm

/// A place where protons met.
struct Vertex {
  double z;              // mm
  unroll::Index tracks;  // that the detector accepts
  bool findable;
};

inline constexpr unroll::Index tracks_to_find = 5;  // of a findable vertex, at least

/// How sharply the place of a vertex of so many tracks is known, in mm.
double resolution(unroll::Index tracks);

/// [1 x bins]: the probability content of each vertex's bell in the 11 bins around it, higher for rich vertices; NaN
/// where those that are not findable give more than 0.01 and the findable ones less.
unroll::MatrixX<float> target_of(const std::vector<Vertex>& vertices, unroll::Index bins);

/// NaN where `other` is above 0.01 and `target` below. Sizes are those of one event.
void mask(unroll::MatrixX<float>& target, const unroll::MatrixX<float>& other);

}  // namespace peaks
