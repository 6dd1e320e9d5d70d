// Tests of the test tools, which must detect errors.
#include <Eigen/Core>
#include <memory>
#include <new>
#include <stdexcept>
#include <thread>
#include <vector>

#include "support/allocations.hpp"
#include "support/catch.hpp"

namespace test_support {

namespace {

/// Volatile sink, so that the compiler cannot remove the allocation.
const void* volatile seen = nullptr;

template <class Action>
std::size_t allocations_of(Action action) {
  const support::AllocationCount allocations;
  action();
  return allocations.count();
}

}  // namespace

TEST_CASE("allocation count: counts every kind of allocation once") {
  struct alignas(64) Wide {
    float values[16];
  };
  CHECK(allocations_of([] {}) == 0);
  CHECK(allocations_of([] { seen = std::make_unique<int>(1).get(); }) == 1);
  CHECK(allocations_of([] { seen = std::vector<double>(100).data(); }) == 1);
  CHECK(allocations_of([] { seen = std::make_unique<Wide>().get(); }) == 1);
  CHECK(allocations_of([] { seen = std::make_unique<Wide[]>(3).get(); }) == 1);
  CHECK(allocations_of([] { seen = std::unique_ptr<int>(new (std::nothrow) int).get(); }) == 1);
  CHECK(allocations_of([] { seen = Eigen::MatrixXf(7, 5).data(); }) == 1);
  CHECK(allocations_of([] { seen = Eigen::Matrix4f::Zero().eval().data(); }) == 0);
}

TEST_CASE("allocation count: includes other threads") {
  CHECK(allocations_of([] { std::thread([] { seen = Eigen::VectorXd(1000).data(); }).join(); }) >= 2);
}

TEST_CASE("eigen: the switch for allocations can be set and read") {
  // Only the switch can be tested here, not whether a refusal aborts.
  CHECK(Eigen::internal::is_malloc_allowed());
  CHECK_FALSE(Eigen::internal::set_is_malloc_allowed(false));
  CHECK(Eigen::internal::set_is_malloc_allowed(true));
}

TEST_CASE("says: compares a part of a message") {
  const auto fail = [] { throw std::invalid_argument("layer 1 (gru): features must be 64, got 3"); };
  CHECK_THROWS_MATCHES(fail(), std::invalid_argument, says("features must be 64"));
  CHECK_FALSE(says("expects 3").match(std::invalid_argument("features must be 64")));
  CHECK(says("expects 3").describe() == "says \"expects 3\"");
}

TEMPLATE_TEST_CASE("catch: templates and generators work together", "", float, double) {
  const auto value = GENERATE(1, 2, 3);
  CHECK(TestType(value) == Approx(value));
}

}  // namespace test_support
