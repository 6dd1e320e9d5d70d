#pragma once
// Memory check before a program starts, so that it ends with an error message instead of being killed.

#include <algorithm>
#include <cstddef>
#include <filesystem>
#include <fstream>
#include <optional>
#include <string>

#include "format.hpp"
#include "unroll/core/error.hpp"

namespace example {

/// Number after `name` in a file with lines "name number ..."; with an empty name the first word of the file. Empty if
/// the file does not exist or holds no number there (such as "max").
inline std::optional<std::size_t> number_in(const std::filesystem::path& file, const std::string& name = {}) {
  std::ifstream lines(file);
  for (std::string line; std::getline(lines, line);) {
    if (line.rfind(name, 0) != 0) continue;
    const std::size_t digit = line.find_first_not_of(" \t", name.size());
    if (digit == line.npos || line[digit] < '0' || line[digit] > '9') return {};
    return std::stoull(line.substr(digit, 19));
  }
  return {};
}

/// Bytes available to this process: the minimum of Linux's available memory and the rest of its control group's limit.
/// Empty if neither is known. `root` replaces the root folder.
inline std::optional<std::size_t> available_memory(const std::filesystem::path& root = "/") {
  std::optional<std::size_t> bytes;
  const auto at_most = [&](std::size_t limit) { bytes = std::min(bytes.value_or(limit), limit); };
  if (const auto kilobytes = number_in(root / "proc/meminfo", "MemAvailable:")) at_most(1024 * *kilobytes);
  const auto groups = root / "sys/fs/cgroup";
  for (const auto& [limit, used] : {std::pair("memory.max", "memory.current"),
                                    std::pair("memory/memory.limit_in_bytes", "memory/memory.usage_in_bytes")})
    if (const auto most = number_in(groups / limit))
      at_most(*most - std::min(*most, number_in(groups / used).value_or(0)));
  return bytes;
}

/// Throws ValueError, with both numbers and `advice`, if `needed` exceeds `available`.
inline void check_memory(std::size_t needed, std::optional<std::size_t> available, const std::string& advice) {
  if (!available || needed <= *available) return;
  constexpr double gigabyte = 1e9;
  throw unroll::ValueError(format("training needs about %.1f GB of memory, available are %.1f GB; ",
                                  double(needed) / gigabyte, double(*available) / gigabyte) +
                           advice);
}

}  // namespace example
