#pragma once
// A toy in place of simulated collisions: tracks from vertices, decays and nowhere, and the density of them along the
// beam. Its law is fitted to two counts of the real sample, vertices and masked bins per event; what a model reaches
// here says nothing about the real detector.

#include "target.hpp"

namespace peaks {

struct Toy {
  unroll::Index bins = 4000;  // between -100 and 300 mm
  double hard = 2;            // track errors, decays and ghost tracks, in units of the easy toy
  double pile_up = 7.6;       // visible collisions in an event, on average
  std::uint64_t seed = 1;
};

struct ToyEvent {
  std::vector<Vertex> vertices;    // with those that leave no track
  unroll::MatrixX<float> density;  // [4 x bins]: density A, density B, x and y of the largest A
};

/// Event `number` of the set `set`: the same whenever it is asked for, whatever else was made before.
ToyEvent toy_event(const Toy& toy, std::uint64_t set, std::uint64_t number);

}  // namespace peaks
