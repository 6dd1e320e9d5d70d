#include <unroll/io/json.hpp>

#include "support/catch.hpp"

namespace test_json {

using namespace unroll;

TEST_CASE("json: refuses invalid text with file and byte") {
  CHECK(detail::parse_json(R"({"rate": 1e9, "list": [1, [2]]})", "a.json").at("list").at(1).at(0) == 2);
  const auto refused = [](const std::string& text, const std::string& why) {
    INFO(text.substr(0, 60));
    CHECK_THROWS_MATCHES(detail::parse_json(text, "a.json"), FileError, says("a.json: " + why));
  };
  refused(R"({"rate": 1e999})", "not valid JSON at byte 14: number overflow parsing '1e999'");
  refused("{\"a\": }", "not valid JSON at byte 7: ");
  refused("", "not valid JSON at byte 1: ");
  refused("[1, 2", "not valid JSON at byte 6: ");
  refused("[\"\xff\"]", "not valid JSON at byte 3: ");
  refused(std::string("[1]\0[2]", 7), "not valid JSON: byte 3 is 0");
  refused(std::string(1'000'000, '['), "JSON must have at most 100 levels, got more");
  const auto nested = [](std::size_t levels) { return std::string(levels, '[') + std::string(levels, ']'); };
  CHECK(detail::parse_json(nested(100), "a.json").size() == 1);
  refused(nested(101), "JSON must have at most 100 levels, got more");
}

}  // namespace test_json
