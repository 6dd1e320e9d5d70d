#pragma once
// UTF-8 decoding and validation (RFC 3629: no overlong forms, no surrogates, nothing from U+110000).

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "unroll/core/error.hpp"

namespace unroll {

/// Code point and its length in bytes.
struct CodePoint {
  std::uint32_t value = 0;
  std::size_t bytes = 0;
};

namespace detail {

/// Value bits of a leading byte and the length of the sequence; length 0 for an invalid leading byte.
inline CodePoint begin_code_point(unsigned char first) {
  if (first < 0x80) return {first, 1};
  if (first >= 0xC2 && first < 0xE0) return {first & 0x1Fu, 2};
  if (first >= 0xE0 && first < 0xF0) return {first & 0x0Fu, 3};
  if (first >= 0xF0 && first < 0xF5) return {first & 0x07u, 4};
  return {};
}

inline bool is_scalar_value(const CodePoint& point) {
  constexpr std::uint32_t smallest[] = {0, 0, 0x80, 0x800, 0x10000};
  const bool surrogate = point.value >= 0xD800 && point.value < 0xE000;
  return point.value >= smallest[point.bytes] && point.value < 0x110000 && !surrogate;
}

}  // namespace detail

/// First code point of `text`; nullopt if `text` is empty or begins with invalid bytes.
inline std::optional<CodePoint> code_point(std::string_view text) {
  if (text.empty()) return std::nullopt;
  CodePoint point = detail::begin_code_point(static_cast<unsigned char>(text.front()));
  if (point.bytes == 0 || point.bytes > text.size()) return std::nullopt;
  for (std::size_t k = 1; k < point.bytes; ++k) {
    const auto byte = static_cast<unsigned char>(text[k]);
    if ((byte & 0xC0) != 0x80) return std::nullopt;
    point.value = point.value << 6 | (byte & 0x3Fu);
  }
  return detail::is_scalar_value(point) ? std::optional(point) : std::nullopt;
}

/// Appends the UTF-8 bytes of a code point.
inline void append_utf8(std::string& out, std::uint32_t value) {
  const auto put = [&](std::uint32_t byte) { out += static_cast<char>(byte); };
  const auto tail = [&](int shift) { put(0x80 | (value >> shift & 0x3F)); };
  if (value < 0x80) return put(value);
  if (value < 0x800) return put(0xC0 | value >> 6), tail(0);
  if (value < 0x10000) return put(0xE0 | value >> 12), tail(6), tail(0);
  put(0xF0 | value >> 18), tail(12), tail(6), tail(0);
}

/// Place in a text.
struct TextPlace {
  std::uint64_t line = 1;  ///< from 1
  std::uint64_t byte = 0;  ///< from 0
};

/// UTF-8 check: throws FileError for invalid bytes. The message gives `name` and their place. `at`: place of `text` in
/// a longer text of which it is a part. Returns the place of its end.
inline TextPlace require_utf8(std::string_view text, std::string_view name, TextPlace at = {}) {
  while (!text.empty()) {
    const auto point = code_point(text);
    require<FileError>(point.has_value(), name, ", line ", at.line, ": byte ", at.byte, " must be UTF-8, got ",
                       int(static_cast<unsigned char>(text.front())));
    at.line += text.front() == '\n' || (text.front() == '\r' && !text.substr(1).starts_with('\n'));
    at.byte += point->bytes;
    text.remove_prefix(point->bytes);
  }
  return at;
}

/// Code points of a text, one string each. Throws ValueError for invalid UTF-8.
inline std::vector<std::string> characters(std::string_view text) {
  std::vector<std::string> all;
  for (std::size_t at = 0; at < text.size(); at += all.back().size()) {
    const auto point = code_point(text.substr(at));
    require<ValueError>(point.has_value(), "characters: byte ", at, " must be UTF-8, got ",
                        int(static_cast<unsigned char>(text[at])));
    all.emplace_back(text.substr(at, point->bytes));
  }
  return all;
}

}  // namespace unroll
