#pragma once
// Counts of memory allocations, for tests that require none, and their peak, for tests that limit it. A folder of tests
// whose sources include this file is linked with allocations.cpp, which replaces `operator new` and, with the linker's
// --wrap, the malloc family that Eigen calls directly. The first use in a folder needs a new run of cmake.

#include <cstddef>

namespace support {

/// Number of allocations since construction, in all threads. Assign it to a variable before a CHECK, which may
/// allocate:
///     AllocationCount allocations;
///     step();
///     const auto count = allocations.count();
///     CHECK(count == 0);
class AllocationCount {
 public:
  AllocationCount();

  /// Allocations since construction, including those freed since.
  std::size_t count() const;

 private:
  std::size_t before_;
};

/// Largest number of bytes allocated at the same time since construction, in all threads, without those before. One
/// object at a time. Allocations within shared libraries are not counted.
class MemoryPeak {
 public:
  MemoryPeak();
  std::size_t bytes() const;
};

}  // namespace support
