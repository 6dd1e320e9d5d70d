#pragma once
// Escaping of text for pages, tables and scripts. Names may come from files and must not become markup or commands.

#include <cstdint>
#include <string>
#include <string_view>

#include "unroll/core/tables/readable.hpp"

namespace unroll::detail {
/// Escapes text for HTML and XML, between tags and in quotes.
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

/// Quotes a gnuplot string. gnuplot executes text in backquotes, but not within single quotes.
inline std::string gnuplot_quoted(std::string_view letters) {
  std::string safe = "'";
  for (const char c : readable(letters)) safe += c == '\'' ? std::string("''") : std::string(1, c);
  return safe + "'";
}

/// Quotes a shell word: the shell does not interpret text in single quotes.
inline std::string shell_quoted(std::string_view letters) {
  std::string safe = "'";
  for (const char c : letters) safe += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return safe + "'";
}

/// Base64 encoding (RFC 4648), with padding.
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
