#pragma once
// Little-endian words and checksums of binary files.

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

#include "unroll/core/requirements.hpp"

namespace unroll::detail {

/// Appends the low `size` bytes of a number, least significant byte first.
inline void append_word(std::string& bytes, std::uint64_t value, int size) {
  for (int k = 0; k < size; ++k) bytes += static_cast<char>(value >> 8 * k & 0xff);
}

/// CRC-32 with a reflected polynomial; the default is that of zip and PNG. `before`: checksum of the preceding bytes.
template <std::uint32_t polynomial = 0xEDB88320>
std::uint32_t crc32(std::span<const std::byte> bytes, std::uint32_t before = 0) {
  static constexpr auto table = [] {
    std::array<std::uint32_t, 256> remainders{};
    for (std::uint32_t k = 0; k < 256; ++k) {
      remainders[k] = k;
      for (int bit = 0; bit < 8; ++bit)
        remainders[k] = (remainders[k] & 1) != 0 ? polynomial ^ remainders[k] >> 1 : remainders[k] >> 1;
    }
    return remainders;
  }();
  std::uint32_t crc = ~before;
  for (const std::byte byte : bytes) crc = table[(crc ^ std::to_integer<std::uint32_t>(byte)) & 0xff] ^ crc >> 8;
  return ~crc;
}

}  // namespace unroll::detail
