#include <cstddef>
#include <span>
#include <string>
#include <unroll/io/formats/npz.hpp>
#include <unroll/io/formats/safetensors.hpp>

// Inflates the byte "a" from a stored block, to test that zlib is linked.
int main() {
  const std::string packed(
      "\x01\x01\x00\xfe\xff"
      "a",
      6);
  return unroll::detail::inflate(std::as_bytes(std::span(packed)), 1, "packed").at(0) == std::byte('a') ? 0 : 1;
}
