#pragma once

#include <cstddef>
#include <cstdint>

#include "unroll/core/requirements.hpp"

#if __has_include(<sys/mman.h>)
#include <sys/mman.h>
#endif

namespace unroll::detail {

/// Asks the system for pages of 2 MB in memory that is about to be written for the first time. With small pages, the
/// system needs more time to provide them than a program to fill them. Only whole pages inside the memory are affected;
/// without support the memory has small pages.
inline void prefer_large_pages([[maybe_unused]] void* memory, [[maybe_unused]] std::size_t bytes) {
#ifdef MADV_HUGEPAGE
  constexpr std::uintptr_t page = std::uintptr_t(2) << 20;
  const auto first = reinterpret_cast<std::uintptr_t>(memory), begin = (first + page - 1) / page * page,
             end = (first + bytes) / page * page;
  if (begin < end) madvise(reinterpret_cast<void*>(begin), end - begin, MADV_HUGEPAGE);
#endif
}

}  // namespace unroll::detail
