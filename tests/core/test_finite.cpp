#include <bit>
#include <cstdint>
#include <limits>
#include <type_traits>
#include <unroll/core/finite.hpp>

#include "support/catch.hpp"

namespace test_finite {

namespace {
using unroll::is_finite;
using unroll::is_nan;
}  // namespace

TEMPLATE_TEST_CASE("finite: NaN and infinity are detected by their bits", "[finite]", float, double) {
  using Limits = std::numeric_limits<TestType>;
  for (const TestType x :
       {TestType(0), -TestType(0), Limits::max(), Limits::lowest(), Limits::min(), Limits::denorm_min()}) {
    CHECK_FALSE(is_nan(x));
    CHECK(is_finite(x));
  }
  for (const TestType x : {Limits::infinity(), -Limits::infinity()}) {
    CHECK_FALSE(is_nan(x));
    CHECK_FALSE(is_finite(x));
  }
  for (const TestType x : {Limits::quiet_NaN(), -Limits::quiet_NaN(), Limits::signaling_NaN()}) {
    CHECK(is_nan(x));
    CHECK_FALSE(is_finite(x));
  }
  using Bits = std::conditional_t<sizeof(TestType) == 4, std::uint32_t, std::uint64_t>;
  const auto smallest = std::bit_cast<Bits>(Limits::infinity()) + 1;  // smallest NaN: its bits follow infinity's
  CHECK(is_nan(std::bit_cast<TestType>(smallest)));
  CHECK_FALSE(is_finite(std::bit_cast<TestType>(smallest)));
}

}  // namespace test_finite
