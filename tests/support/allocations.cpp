#include "support/allocations.hpp"

#include <malloc.h>

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <new>

namespace {

std::atomic<std::size_t> total{0};

std::atomic<std::ptrdiff_t> allocated{0}, peak{0};

/// Counts a block that was allocated, and returns it.
void* counted(void* block) {
  total.fetch_add(1, std::memory_order_relaxed);
  const auto size = static_cast<std::ptrdiff_t>(malloc_usable_size(block));
  const std::ptrdiff_t now = allocated.fetch_add(size, std::memory_order_relaxed) + size;
  std::ptrdiff_t before = peak.load(std::memory_order_relaxed);
  while (before < now && !peak.compare_exchange_weak(before, now, std::memory_order_relaxed)) {
  }
  return block;
}

void count_release(void* block) {
  allocated.fetch_sub(static_cast<std::ptrdiff_t>(malloc_usable_size(block)), std::memory_order_relaxed);
}

}  // namespace

namespace support {

AllocationCount::AllocationCount() : before_(total.load()) {}

std::size_t AllocationCount::count() const { return total.load() - before_; }

MemoryPeak::MemoryPeak() { allocated = peak = 0; }

std::size_t MemoryPeak::bytes() const { return static_cast<std::size_t>(peak.load()); }

}  // namespace support

// Wrappers that the linker calls (option --wrap); `__real_` functions are those of the C library or of a sanitizer.
extern "C" {

void* __real_malloc(std::size_t size);
void* __real_calloc(std::size_t count, std::size_t size);
void* __real_realloc(void* old, std::size_t size);
void* __real_aligned_alloc(std::size_t alignment, std::size_t size);
int __real_posix_memalign(void** out, std::size_t alignment, std::size_t size);

void __real_free(void* block);

void* __wrap_malloc(std::size_t size) { return counted(__real_malloc(size)); }

void* __wrap_calloc(std::size_t count, std::size_t size) { return counted(__real_calloc(count, size)); }

void* __wrap_realloc(void* old, std::size_t size) {
  const auto before = static_cast<std::ptrdiff_t>(malloc_usable_size(old));
  void* const block = __real_realloc(old, size);
  // A block that grows in place does not exist twice.
  if (block == old) allocated.fetch_sub(before, std::memory_order_relaxed);
  counted(block);
  if (block != old && (block != nullptr || size == 0)) allocated.fetch_sub(before, std::memory_order_relaxed);
  return block;
}

void* __wrap_aligned_alloc(std::size_t alignment, std::size_t size) {
  return counted(__real_aligned_alloc(alignment, size));
}

int __wrap_posix_memalign(void** out, std::size_t alignment, std::size_t size) {
  const int status = __real_posix_memalign(out, alignment, size);
  if (status == 0) counted(*out);
  return status;
}

void __wrap_free(void* block) {
  count_release(block);
  __real_free(block);
}

}  // extern "C"

// All forms of operator new and delete, because a sanitizer replaces the remaining ones. malloc and free are the
// wrapped ones here, so each allocation counts once.
namespace {

void* allocate(std::size_t size) noexcept { return std::malloc(size == 0 ? 1 : size); }

void* allocate(std::size_t size, std::align_val_t alignment) noexcept {
  void* memory = nullptr;
  return posix_memalign(&memory, static_cast<std::size_t>(alignment), size) == 0 ? memory : nullptr;
}

void* or_throw(void* memory) {
  if (memory == nullptr) throw std::bad_alloc();
  return memory;
}

}  // namespace

void* operator new(std::size_t size) { return or_throw(allocate(size)); }
void* operator new[](std::size_t size) { return or_throw(allocate(size)); }
void* operator new(std::size_t size, std::align_val_t alignment) { return or_throw(allocate(size, alignment)); }
void* operator new[](std::size_t size, std::align_val_t alignment) { return or_throw(allocate(size, alignment)); }
void* operator new(std::size_t size, const std::nothrow_t&) noexcept { return allocate(size); }
void* operator new[](std::size_t size, const std::nothrow_t&) noexcept { return allocate(size); }

void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete[](void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }
void operator delete[](void* memory, std::size_t) noexcept { std::free(memory); }
void operator delete(void* memory, std::align_val_t) noexcept { std::free(memory); }
void operator delete[](void* memory, std::align_val_t) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t, std::align_val_t) noexcept { std::free(memory); }
void operator delete[](void* memory, std::size_t, std::align_val_t) noexcept { std::free(memory); }
void operator delete(void* memory, const std::nothrow_t&) noexcept { std::free(memory); }
void operator delete[](void* memory, const std::nothrow_t&) noexcept { std::free(memory); }
