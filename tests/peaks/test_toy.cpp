#include <cmath>
#include <peaks/scorer.hpp>
#include <peaks/toy.hpp>

#include "support/catch.hpp"

namespace test_toy {

using namespace peaks;
using unroll::Index, unroll::MatrixX;

namespace {

Index count_nan(const MatrixX<float>& target) { return target.array().isNaN().count(); }

}  // namespace

TEST_CASE("peaks toy: numbers of findable vertices and masked bins equal those of the real sample") {
  constexpr Index events = 400;
  double findable = 0, masked = 0, in_target = 0;
  for (Index k = 0; k < events; ++k) {
    const ToyEvent event = toy_event({.bins = 4000, .hard = 2}, 0, std::uint64_t(k));
    for (const Vertex& vertex : event.vertices) findable += vertex.findable;
    const MatrixX<float> target = target_of(event.vertices, 4000);
    masked += double(count_nan(target));
    in_target += double(find_peaks({target.data(), 4000}, {}).size());
  }
  CHECK(findable / events > 5.1);
  CHECK(findable / events < 5.5);
  CHECK(masked / events > 30);
  CHECK(masked / events < 34);
  CHECK(in_target / findable > 0.93);  // some are too close together to be two peaks
}

TEST_CASE("peaks toy: an event depends on seed, set and number only") {
  const Toy toy{.bins = 500};
  const ToyEvent event = toy_event(toy, 0, 3);
  toy_event(toy, 0, 2);
  CHECK(toy_event(toy, 0, 3).density == event.density);
  CHECK(toy_event(toy, 1, 3).density != event.density);
  CHECK(toy_event(toy, 0, 4).density != event.density);
  CHECK(toy_event({.bins = 500, .seed = 2}, 0, 3).density != event.density);
}

TEST_CASE("peaks toy: channels are finite, of order 1, and 0 where there is no track") {
  float largest = 0;
  for (std::uint64_t k = 0; k < 20; ++k) {
    const MatrixX<float> density = toy_event({}, 0, k).density;
    REQUIRE(density.rows() == 4);
    REQUIRE(density.cols() == 4000);
    CHECK(density.allFinite());
    CHECK(density.topRows(2).minCoeff() >= 0);
    CHECK(density.bottomRows(2).cwiseAbs().maxCoeff() <= 0.97f);
    for (Index bin = 0; bin < 4000; ++bin)
      if (density(0, bin) == 0) CHECK(density.col(bin).isZero(0));
    largest = std::max(largest, density.row(0).maxCoeff());
  }
  CHECK(largest > 0.3f);
  CHECK(largest < 30);
}

TEST_CASE("peaks toy: pile-up sets the mean number of vertices") {
  const auto vertices = [](const Toy& toy) {
    std::size_t all = 0;
    for (std::uint64_t k = 0; k < 100; ++k) all += toy_event(toy, 0, k).vertices.size();
    return double(all) / 100;
  };
  CHECK(vertices({.bins = 10}) == Approx(7.6 + 2.8).margin(1));
  CHECK(vertices({.bins = 10, .pile_up = 20}) == Approx(20 + 2.8).margin(2));
}

}  // namespace test_toy
