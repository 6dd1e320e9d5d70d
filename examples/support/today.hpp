#pragma once
// Current date.

#include <ctime>
#include <string>

namespace example {

/// Local date: "2026-03-31".
inline std::string today() {
  const std::time_t now = std::time(nullptr);
  char date[16] = "";
  if (const std::tm* const local = std::localtime(&now)) std::strftime(date, sizeof date, "%Y-%m-%d", local);
  return date;
}

}  // namespace example
