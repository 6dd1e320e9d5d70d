#pragma once
// LZF, a compression of h5py besides gzip: runs of literal bytes and copies of earlier bytes.

#include <algorithm>
#include <cstddef>
#include <optional>
#include <span>

#include "unroll/core/requirements.hpp"

namespace unroll::detail {

/// Instruction of an LZF stream: copy `length` bytes, from the stream or from `distance` bytes before.
struct LzfRun {
  std::size_t length = 0, distance = 0;  // distance 0: literal bytes follow in the stream
};

/// Removes the header of the next run from the stream. A first byte below 32 is the number of literal bytes - 1.
/// Otherwise its high three bits are the length of a copy - 2 (7: a byte with the rest follows), and its low five bits
/// with the next byte are the distance - 1.
inline std::optional<LzfRun> next_lzf_run(std::span<const std::byte>& packed) {
  const auto take = [&] {
    const auto value = std::to_integer<std::size_t>(packed.front());
    packed = packed.subspan(1);
    return value;
  };
  const std::size_t head = take();
  if (head < 32) return LzfRun{head + 1, 0};
  std::size_t length = head >> 5;
  if (packed.size() < (length == 7 ? 2u : 1u)) return {};
  if (length == 7) length += take();
  return LzfRun{length + 2, ((head & 31) << 8) + take() + 1};
}

/// Decompresses into `bytes` and returns the number of bytes written; nullopt if the stream is damaged or does not fit.
inline std::optional<std::size_t> unpack_lzf(std::span<const std::byte> packed, std::span<std::byte> bytes) {
  std::size_t at = 0;
  while (!packed.empty()) {
    const auto run = next_lzf_run(packed);
    if (!run || run->length > bytes.size() - at) return {};
    if (run->distance == 0 ? run->length > packed.size() : run->distance > at) return {};
    if (run->distance == 0) {
      std::copy_n(packed.begin(), run->length, bytes.begin() + std::ptrdiff_t(at));
      packed = packed.subspan(run->length);
    } else {  // byte by byte, because a copy may overlap its output
      for (std::size_t k = at; k < at + run->length; ++k) bytes[k] = bytes[k - run->distance];
    }
    at += run->length;
  }
  return at;
}

}  // namespace unroll::detail
