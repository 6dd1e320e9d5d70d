#include <unroll/core/checked.hpp>

#include <limits>
#include <vector>

#include "support/catch.hpp"

namespace test_checked {

using namespace unroll;

namespace {
constexpr std::ptrdiff_t most = std::numeric_limits<std::ptrdiff_t>::max();
}

TEST_CASE("checked arithmetic: sums and products are exact, and overflow is an error") {
  CHECK(checked_add(most - 3, 3, "x") == most);
  CHECK(checked_multiply(std::ptrdiff_t(1) << 31, std::ptrdiff_t(1) << 31, "x") == std::ptrdiff_t(1) << 62);
  CHECK(checked_multiply(std::size_t(1) << 32, (std::size_t(1) << 32) - 1, "x") == 0xffffffff00000000u);
  CHECK_THROWS_MATCHES(checked_add(most, 1, "streams"), ShapeError,
                       says("streams must be at most 9223372036854775807, got 9223372036854775807 + 1"));
  CHECK_THROWS_MATCHES(checked_multiply(std::ptrdiff_t(1) << 62, 2, "features"), ShapeError,
                       says("features must be at most 9223372036854775807, got 4611686018427387904 * 2"));
  CHECK_THROWS_AS(checked_multiply(std::size_t(1) << 32, std::size_t(1) << 32, "x"), ShapeError);
}

TEST_CASE("checked arithmetic: a quotient is rounded up without overflow") {
  CHECK(divide_up(std::ptrdiff_t(0), 4) == 0);
  CHECK(divide_up(std::ptrdiff_t(8), 4) == 2);
  CHECK(divide_up(std::ptrdiff_t(9), 4) == 3);
  CHECK(divide_up(std::ptrdiff_t(5), most) == 1);
  CHECK(divide_up(most, most - 1) == 2);
}

TEST_CASE("take memory: refuses impossible sizes and failed allocations by name") {
  std::vector<double> room;
  take_memory(5, "room", [&] { room.resize(5); });
  CHECK(room.size() == 5);
  bool asked = false;
  CHECK_THROWS_MATCHES(take_memory(most, "room", [&] { asked = true; }), ShapeError,
                       says("room must be 0 to 68719476736 entries, got 9223372036854775807"));
  CHECK_THROWS_AS(take_memory(-1, "room", [&] { asked = true; }), ShapeError);
  CHECK(!asked);
  CHECK_THROWS_MATCHES(take_memory(7, "room", [] { throw std::bad_alloc(); }), ShapeError,
                       says("room: there is no memory for 7 entries"));
  CHECK_THROWS_AS(take_memory(7, "room", [] { throw std::length_error("vector"); }), ShapeError);
}

}  // namespace test_checked
