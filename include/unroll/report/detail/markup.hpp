#pragma once
// Text on its way into a page, a table or a script. Names come out of files: none may become markup or a command there.

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "unroll/core/utf8.hpp"

namespace unroll {
namespace detail {

/// Bytes of the character at the front, if XML may hold it and it is no control character; 0 where there is none.
inline std::size_t printable_bytes(std::string_view letters) {
  const auto point = code_point(letters);
  if (!point) return 0;
  const bool control = point->value < 0x20 || (point->value >= 0x7f && point->value < 0xa0);
  return control || point->value == 0xfffe || point->value == 0xffff ? 0 : point->bytes;
}

}  // namespace detail

/// Valid UTF-8 without control characters: white space becomes a blank, what cannot be read U+FFFD.
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

/// For HTML and XML, between tags and between quotes.
inline std::string html_text(std::string_view letters) {
  std::string safe;
  for (const char c : readable(letters)) switch (c) {
      case '&':
        safe += "&amp;";
        break;
      case '<':
        safe += "&lt;";
        break;
      case '>':
        safe += "&gt;";
        break;
      case '"':
        safe += "&quot;";
        break;
      case '\'':
        safe += "&#39;";
        break;
      default:
        safe += c;
    }
  return safe;
}

/// A string of gnuplot, which runs what stands in backquotes, but not between single quotes.
inline std::string gnuplot_quoted(std::string_view letters) {
  std::string safe = "'";
  for (const char c : readable(letters)) safe += c == '\'' ? std::string("''") : std::string(1, c);
  return safe + "'";
}

/// A word of a shell: what stands between single quotes is taken as it is.
inline std::string shell_quoted(std::string_view letters) {
  std::string safe = "'";
  for (const char c : letters) safe += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return safe + "'";
}

/// A field of a CSV file (RFC 4180), on one line.
inline std::string csv_field(std::string_view letters) {
  std::string clean = readable(letters);
  if (clean.find_first_of(",\"#") == std::string::npos) return clean;
  std::string safe = "\"";
  for (const char c : clean) safe += c == '"' ? std::string("\"\"") : std::string(1, c);
  return safe + "\"";
}

/// RFC 4648, with padding.
inline std::string base64(std::string_view bytes) {
  constexpr std::string_view digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string out;
  out.reserve((bytes.size() + 2) / 3 * 4);
  for (std::size_t k = 0; k < bytes.size(); k += 3) {
    std::uint32_t three = 0;
    for (std::size_t j = 0; j < 3; ++j)
      three = three << 8 | (k + j < bytes.size() ? static_cast<unsigned char>(bytes[k + j]) : 0u);
    for (std::size_t j = 0; j < 4; ++j) out += k + j <= bytes.size() ? digits[three >> (18 - 6 * j) & 63u] : '=';
  }
  return out;
}

/// How many letters are seen; an estimate of width.
inline std::size_t letter_count(std::string_view utf8) {
  std::size_t count = 0;
  for (const char c : utf8) count += (static_cast<unsigned char>(c) & 0xc0u) != 0x80u;
  return count;
}

}  // namespace unroll
