#pragma once
// Counts memory allocations, for tests that ask for none. A folder of tests whose sources include this file is linked
// with allocations.cpp, which replaces `operator new` and, through the linker's --wrap, the malloc family that Eigen
// calls directly. The first use in a folder needs a new run of cmake.

#include <cstddef>

namespace support {

/// Counts from its construction on, in every thread. Read it into a variable before a CHECK, which may allocate itself:
///     AllocationCount allocations;
///     step();
///     const auto count = allocations.count();
///     CHECK(count == 0);
class AllocationCount {
 public:
  AllocationCount();

  /// Allocations since construction; what was freed meanwhile counts as well.
  std::size_t count() const;

 private:
  std::size_t before_;
};

}  // namespace support
