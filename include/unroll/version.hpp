#pragma once
// The version of the library, written here alone: CMakeLists.txt reads these lines.

#include <string_view>

#include "unroll/core/requirements.hpp"

#define UNROLL_VERSION_MAJOR 0
#define UNROLL_VERSION_MINOR 1
#define UNROLL_VERSION_PATCH 0

/// One number to compare with: `#if UNROLL_VERSION >= 100` is 0.1.0 or newer.
#define UNROLL_VERSION (UNROLL_VERSION_MAJOR * 10000 + UNROLL_VERSION_MINOR * 100 + UNROLL_VERSION_PATCH)

#define UNROLL_QUOTED(number) #number
#define UNROLL_VERSION_TEXT(major, minor, patch) UNROLL_QUOTED(major) "." UNROLL_QUOTED(minor) "." UNROLL_QUOTED(patch)

namespace unroll {

/// "0.1.0"
inline constexpr std::string_view library_version =
    UNROLL_VERSION_TEXT(UNROLL_VERSION_MAJOR, UNROLL_VERSION_MINOR, UNROLL_VERSION_PATCH);

}  // namespace unroll

#undef UNROLL_VERSION_TEXT
#undef UNROLL_QUOTED
