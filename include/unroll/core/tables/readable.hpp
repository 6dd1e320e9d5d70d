#pragma once
// Display-safe text from untrusted files.

#include <string>
#include <string_view>

#include "unroll/core/utf8.hpp"

namespace unroll {
namespace detail {

/// Length in bytes of the first character if it is valid in XML and no control character, else 0.
inline std::size_t printable_bytes(std::string_view letters) {
  const auto point = code_point(letters);
  if (!point) return 0;
  const bool control = point->value < 0x20 || (point->value >= 0x7f && point->value < 0xa0);
  return control || point->value == 0xfffe || point->value == 0xffff ? 0 : point->bytes;
}

}  // namespace detail

/// Valid UTF-8 without control characters: white space becomes a blank, any other invalid byte U+FFFD.
inline std::string readable(std::string_view letters) {
  std::string clean;
  while (!letters.empty()) {
    const std::size_t length = detail::printable_bytes(letters);
    const bool blank = std::string_view("\t\n\r\v\f").find(letters.front()) != std::string_view::npos;
    clean += length > 0 ? letters.substr(0, length) : std::string_view(blank ? " " : "\xef\xbf\xbd");
    letters.remove_prefix(length > 0 ? length : 1);
  }
  return clean;
}

/// Field of a CSV file (RFC 4180) on a single line.
inline std::string csv_field(std::string_view letters) {
  std::string clean = readable(letters);
  if (clean.find_first_of(",\"#") == std::string::npos) return clean;
  std::string safe = "\"";
  for (const char c : clean) safe += c == '"' ? std::string("\"\"") : std::string(1, c);
  return safe + "\"";
}

/// Cell of a markdown table, with bars escaped.
inline std::string markdown_cell(std::string_view letters) {
  std::string cell;
  for (const char c : readable(letters)) cell += c == '|' ? std::string("\\|") : std::string(1, c);
  return cell;
}

/// Number of code points, as an estimate of the width.
inline std::size_t letter_count(std::string_view utf8) {
  std::size_t count = 0;
  for (const char c : utf8) count += (static_cast<unsigned char>(c) & 0xc0u) != 0x80u;
  return count;
}

}  // namespace unroll
