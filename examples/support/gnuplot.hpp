#pragma once
// Pictures by gnuplot, from scripts that stay beside them.

#include <cstdlib>
#include <filesystem>
#include <string>

#include "unroll/core/error.hpp"

namespace example {

/// For gnuplot, which runs what stands in backquotes, but not between single quotes.
inline std::string quoted(const std::string& words) {
  std::string safe = "'";
  for (const char c : words) safe += c == '\'' ? "''" : std::string(1, static_cast<unsigned char>(c) < 0x20 ? '?' : c);
  return safe + "'";
}

/// For a shell: what stands between single quotes is taken as it is.
inline std::string shell_quoted(const std::string& words) {
  std::string safe = "'";
  for (const char c : words) safe += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return safe + "'";
}

/// Runs NAME.gp inside the folder. Empty when it has drawn, otherwise why not.
inline std::string draw(const std::filesystem::path& folder, const std::string& name) {
  if (std::system("command -v gnuplot > /dev/null 2>&1") != 0) return "gnuplot is not installed";
  const std::string command = unroll::text("cd -- ", shell_quoted(std::filesystem::absolute(folder).string()),
                                           " && gnuplot ", name, ".gp > gnuplot.log 2>&1");
  if (std::system(command.c_str()) != 0) return "gnuplot failed, see gnuplot.log there";
  std::filesystem::remove(folder / "gnuplot.log");
  return {};
}

}  // namespace example
