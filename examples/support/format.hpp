#pragma once
// printf-style formatting into a string.

#include <cstdarg>
#include <cstdio>
#include <string>

namespace example {

/// Formatted text, truncated to 255 bytes.
[[gnu::format(printf, 1, 2)]] inline std::string format(const char* pattern, ...) {
  char line[256];
  va_list values;
  va_start(values, pattern);
  std::vsnprintf(line, sizeof line, pattern, values);
  va_end(values);
  return line;
}

}  // namespace example
