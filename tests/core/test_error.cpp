#include <new>
#include <stdexcept>
#include <unroll/core/error.hpp>

#include "support/catch.hpp"

namespace test_error {

using namespace unroll;

TEST_CASE("error: a function in a message is called only when the condition fails") {
  int calls = 0;
  const auto part = [&] { return ++calls, std::string("much work"); };
  require<ValueError>(true, "no ", part);
  CHECK(calls == 0);
  CHECK_THROWS_MATCHES(require<ValueError>(false, "no ", part, ", ", 3), ValueError, says("no much work, 3"));
  CHECK(calls == 1);
  CHECK(text("with ", part) == "with much work");
}

TEST_CASE("error: a failed allocation is reported with the caller's message") {
  CHECK_THROWS_MATCHES(detail::within_memory<FileError>([] { throw std::bad_alloc(); }, "f: ", 3), FileError,
                       says("f: 3"));
  CHECK_THROWS_MATCHES(detail::within_memory<ShapeError>([] { throw std::length_error(""); }, "s"), ShapeError,
                       says("s"));
  bool taken = false;
  detail::within_memory<FileError>([&] { taken = true; }, "f");
  CHECK(taken);
}

}  // namespace test_error
