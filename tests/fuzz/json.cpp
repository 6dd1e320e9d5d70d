// Fuzz target: JSON.

#include "unroll/io/json.hpp"

#include "fuzz.hpp"

std::vector<fuzz::Bytes> fuzz::seeds() {
  return {R"({"rate": 1e-3, "cell": "gru", "list": [1, {"a": null}, true, -2]})",
          R"(["\u00e9\ud83d\ude00", -0.0, 18446744073709551615, 1e308])", "{}"};
}

void fuzz::read(const Bytes& input) {
  const auto json = unroll::detail::parse_json(input, "x");
  const std::string written = json.dump();
  expect(read_again([&] { return unroll::detail::parse_json(written, "again"); }) == json, "another value came back");
}
