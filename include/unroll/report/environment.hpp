#pragma once

#include <fstream>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include "unroll/core/error.hpp"
#include "unroll/core/types.hpp"
#include "unroll/report/detail/markup.hpp"
#include "unroll/version.hpp"

namespace unroll {

/// Ordered names and values.
using NamedValues = std::vector<std::pair<std::string, std::string>>;

namespace detail {

inline std::string compiler() {
#if defined(__clang__)
  return "Clang " __clang_version__;
#elif defined(__GNUC__)
  return "GCC " __VERSION__;
#else
  return "unknown";
#endif
}

/// Name of the processor according to Linux.
inline std::string processor() {
  std::ifstream file("/proc/cpuinfo");
  for (std::string line; std::getline(file, line);)
    if (const auto colon = line.find(": "); line.starts_with("model name") && colon != std::string::npos)
      return readable(line.substr(colon + 2));
  return "unknown";
}

}  // namespace detail

/// Environment of a run: library, compiler, processor, vector instructions and threads. `date` is included unless it is
/// empty; the caller supplies it.
inline NamedValues environment(std::string_view date = {}) {
  NamedValues all{{"unroll", std::string(library_version)},
                  {"Eigen", text(EIGEN_WORLD_VERSION, ".", EIGEN_MAJOR_VERSION, ".", EIGEN_MINOR_VERSION)},
                  {"compiler", detail::compiler()},
                  {"processor", detail::processor()},
                  {"vector instructions", Eigen::SimdInstructionSetsInUse()},
                  {"threads of the machine", text(std::thread::hardware_concurrency())}};
  if (!date.empty()) all.emplace_back("date", date);
  return all;
}

}  // namespace unroll
