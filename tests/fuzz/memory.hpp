#pragma once
// Limit of the memory that reading an input allocates, measured with the hooks of the address sanitizer.

#include <sanitizer/allocator_interface.h>

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstdio>
#include <cstdlib>

#include "fuzz.hpp"

namespace fuzz {

namespace detail {

// Bytes allocated since the beginning of an input, their maximum, and the maximum over all inputs.
inline std::atomic<std::ptrdiff_t> allocated{0}, peak{0};
inline std::ptrdiff_t highest = 0, size_at_highest = 0;

inline void count_allocation(const volatile void*, std::size_t size) {
  const std::ptrdiff_t now = allocated += std::ptrdiff_t(size);
  std::ptrdiff_t before = peak;
  while (before < now && !peak.compare_exchange_weak(before, now)) {
  }
}

inline void count_release(const volatile void* block) {
  if (block != nullptr)
    allocated -= std::ptrdiff_t(__sanitizer_get_allocated_size(const_cast<const void*>(block)));  // NOLINT
}

}  // namespace detail

/// Counts allocations from now on. Prints the largest peak at the end of the program, for scripts/fuzz.
inline void measure_memory() {
  expect(__sanitizer_install_malloc_and_free_hooks(detail::count_allocation, detail::count_release) != 0,
         "the memory cannot be measured");
  std::atexit([] {
    std::fprintf(stderr, "memory: at most %.2f MB, for an input of %td bytes\n", double(detail::highest) / 1e6,
                 detail::size_at_highest);
  });
}

/// Memory of one input. Copies of the target, and files that it writes and reads again, are included.
class MemoryOfInput {
 public:
  explicit MemoryOfInput(std::size_t size) : size_(std::ptrdiff_t(size)) { detail::allocated = detail::peak = 0; }
  MemoryOfInput(const MemoryOfInput&) = delete;
  MemoryOfInput& operator=(const MemoryOfInput&) = delete;
  ~MemoryOfInput() {
    constexpr std::ptrdiff_t always = 64'000'000, per_byte = 4;
    const std::ptrdiff_t peak = detail::peak;
    if (peak > detail::highest) detail::highest = peak, detail::size_at_highest = size_;
    if (peak > always + per_byte * size_)
      found(unroll::text("an input of ", size_, " bytes must take at most 64 MB and 4 times its size, got ", peak,
                         " bytes"));
  }

 private:
  std::ptrdiff_t size_;
};

}  // namespace fuzz
