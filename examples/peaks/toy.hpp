#pragma once
// Toy simulation of collisions: tracks from vertices, decays and ghosts, and their density along the beam. Its
// distributions are fitted to two counts of the real sample, vertices and masked bins per event; results on it do not
// carry over to the real detector.

#include "target.hpp"

namespace peaks {

struct Toy {
  unroll::Index bins = 4000;  // between -100 and 300 mm
  double hard = 2;            // scale of track errors, decays and ghost tracks; 1: easy
  double pile_up = 7.6;       // mean number of visible collisions per event
  std::uint64_t seed = 1;
};

struct ToyEvent {
  std::vector<Vertex> vertices;    // including those without tracks
  unroll::MatrixX<float> density;  // [4 x bins]: density A, density B, x and y of the maximum of A
};

/// Event `number` of the set `set`. Depends on its arguments only, not on previous calls.
ToyEvent toy_event(const Toy& toy, std::uint64_t set, std::uint64_t number);

}  // namespace peaks
