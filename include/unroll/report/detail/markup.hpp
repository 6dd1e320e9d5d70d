#pragma once
// Text on its way into a page, a table or a script. Names come out of files: none may become markup or a command there.

#include <cstdint>
#include <string>
#include <string_view>

#include "unroll/core/tables/readable.hpp"

namespace unroll::detail {
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

}  // namespace unroll::detail
