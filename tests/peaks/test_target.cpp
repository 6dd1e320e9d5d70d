#include <cmath>
#include <peaks/target.hpp>

#include "support/catch.hpp"

namespace test_target {

using namespace peaks;
using unroll::Index, unroll::MatrixX;

TEST_CASE("peaks target: a vertex gives a bell curve whose area grows with its tracks") {
  CHECK(resolution(3) == 0.1);
  CHECK(resolution(4) == Approx(0.001 * (926 * std::pow(4, -0.84) + 10.7)));
  CHECK(resolution(50) < 0.05);
  const MatrixX<float> poor = target_of({{100.05, 5, true}}, 4000), rich = target_of({{100.05, 40, true}}, 4000);
  CHECK(poor.sum() == Approx(1).margin(0.04));  // its deviation is above 0.15 mm
  CHECK(rich.sum() == Approx(0.15 / resolution(40)).epsilon(0.01));
  Index bin = 0;
  rich.row(0).maxCoeff(&bin);
  CHECK(bin == 2000);
  CHECK((rich.array() > 0).count() <= 11);
  CHECK(poor(0, 1995) > 0);
  CHECK(poor(0, 1994) == 0);
  CHECK(poor(0, 2005) > 0);
  CHECK(poor(0, 2006) == 0);
}

TEST_CASE("peaks target: bell curves add up and end with the axis") {
  const MatrixX<float> one = target_of({{50, 20, true}}, 4000), two = target_of({{50, 20, true}, {50, 20, true}}, 4000);
  CHECK(two.isApprox(2 * one));
  CHECK(target_of({{-99.9, 20, true}, {299.9, 20, true}}, 4000).sum() > 1);
  CHECK(target_of({{-99.97, 20, true}, {299.97, 20, true}, {500, 20, true}}, 4000).isZero(0));
}

TEST_CASE("peaks target: bins are masked where only a poor vertex contributes") {
  const MatrixX<float> target = target_of({{100.05, 100, true}, {100.05, 2, false}, {20.05, 0, false}}, 4000);
  CHECK(target(0, 2000) > 0.5f);
  CHECK(std::isnan(target(0, 1200)));
  CHECK(std::isnan(target(0, 2002)));  // next to the narrow bell of the rich vertex only that of the poor one remains
  CHECK(target(0, 1210) == 0);
}

TEST_CASE("peaks target: the area does not depend on the bin width") {
  const MatrixX<float> fine = target_of({{100.05, 30, true}}, 4000), coarse = target_of({{100.05, 30, true}}, 1000);
  CHECK(fine.sum() == Approx(coarse.sum()).epsilon(0.01));
}

}  // namespace test_target
