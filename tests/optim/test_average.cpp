#include <unroll/optim/average.hpp>

#include "support/allocations.hpp"
#include "support/catch.hpp"

namespace test_average {

using namespace unroll;

TEMPLATE_TEST_CASE("weight average: begins with the first weights and decays exponentially", "", float, double) {
  WeightAverage<TestType> average({.momentum = 0.75});
  VectorX<TestType> theta = VectorX<TestType>::Constant(3, 8);
  average.update(theta);
  CHECK(average.average() == theta);
  theta.setConstant(4);
  average.update(theta);
  CHECK(average.average() == VectorX<TestType>::Constant(3, 7));
  theta.setZero();
  support::AllocationCount allocations;
  average.update(theta);
  const auto count = allocations.count();
  CHECK(count == 0);
  CHECK(average.average() == VectorX<TestType>::Constant(3, TestType(5.25)));
}

TEST_CASE("weight average: exchange swaps weights and average, a second exchange swaps back") {
  WeightAverage<float> average;
  VectorX<float> theta = VectorX<float>::Constant(2, 1);
  CHECK_THROWS_MATCHES(average.exchange(theta), ShapeError,
                       says("parameters must have as many entries as the average, 0, got 2"));
  average.update(theta);
  theta.setConstant(2);
  const VectorX<float> kept = average.average();
  average.exchange(theta);
  CHECK(average.exchanged());
  CHECK(theta == kept);
  CHECK_THROWS_MATCHES(average.update(theta), ValueError, says("the weights are exchanged"));
  average.exchange(theta);
  CHECK(!average.exchanged());
  CHECK(theta == VectorX<float>::Constant(2, 2));
  CHECK(average.average() == kept);
}

TEST_CASE("weight average: continues from a saved state and refuses mismatched sizes") {
  WeightAverage<double> first, second;
  const VectorX<double> theta = VectorX<double>::LinSpaced(4, 0, 1);
  first.update(theta);
  first.update(2 * theta);
  VectorX<double> saved;
  first.visit_state([&](std::string_view name, auto& value) {
    if constexpr (requires { value.size(); }) saved = value;
    CHECK((name == "average" || name == "exchanged"));
  });
  second.visit_state([&](std::string_view, auto& value) {
    if constexpr (requires { value.size(); }) value = saved;
  });
  first.update(theta);
  second.update(theta);
  CHECK(first.average() == second.average());
  CHECK_THROWS_AS(first.update(VectorX<double>::Ones(5)), ShapeError);
  CHECK_THROWS_MATCHES(WeightAverage<double>({.momentum = 1}), ValueError, says("momentum"));
}

}  // namespace test_average
