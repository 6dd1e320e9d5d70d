#pragma once
// Flush-to-zero mode. Arithmetic on subnormal numbers (below 1.2e-38 for float) is many times slower than on others,
// and states or gradients that decay over time eventually become subnormal.

#include <atomic>
#include <cstdint>

#include "unroll/core/requirements.hpp"

#if defined(__SSE2__)
#include <xmmintrin.h>
#endif

namespace unroll {
namespace detail {

#if defined(__SSE2__)
inline constexpr std::uint64_t flush_bits = 0x8040;  // results (bit 15) and operands (bit 6)
inline std::uint64_t floating_point_mode() noexcept { return _mm_getcsr(); }
inline void set_floating_point_mode(std::uint64_t mode) noexcept { _mm_setcsr(static_cast<unsigned>(mode)); }
#elif defined(__aarch64__)
inline constexpr std::uint64_t flush_bits = std::uint64_t(1) << 24;  // operands and results
inline std::uint64_t floating_point_mode() noexcept {
  std::uint64_t mode;
  __asm__ volatile("mrs %0, fpcr" : "=r"(mode));
  return mode;
}
inline void set_floating_point_mode(std::uint64_t mode) noexcept { __asm__ volatile("msr fpcr, %0" : : "r"(mode)); }
#else
inline constexpr std::uint64_t flush_bits = 0;
inline std::uint64_t floating_point_mode() noexcept { return 0; }
inline void set_floating_point_mode(std::uint64_t) noexcept {}
#endif

/// Flush bits of the calling thread.
inline std::uint64_t flush_mode() noexcept { return floating_point_mode() & flush_bits; }

/// Scope in which the calling thread has the flush bits of another one. The destructor restores them.
class FlushAs {
 public:
  explicit FlushAs(std::uint64_t flush) noexcept : before_(flush_mode()) { set(flush); }
  ~FlushAs() { set(before_); }
  FlushAs(const FlushAs&) = delete;
  FlushAs& operator=(const FlushAs&) = delete;

 private:
  static void set(std::uint64_t flush) noexcept {
    std::atomic_signal_fence(std::memory_order_seq_cst);
    if (flush_mode() != flush) set_floating_point_mode((floating_point_mode() & ~flush_bits) | flush);
    std::atomic_signal_fence(std::memory_order_seq_cst);
  }
  const std::uint64_t before_;
};

}  // namespace detail

/// Scope in which SIMD arithmetic of the calling thread treats subnormal operands and results as 0. The destructor
/// restores the mode but keeps floating-point exception flags raised meanwhile. Nearly free if the mode is already set.
/// No effect on processors other than x86 with SSE2 and AArch64.
class FlushToZero {
 public:
  FlushToZero() noexcept {
    const std::uint64_t mode = detail::floating_point_mode();
    added_ = detail::flush_bits & ~mode;
    if (added_ != 0) detail::set_floating_point_mode(mode | added_);
    std::atomic_signal_fence(std::memory_order_seq_cst);  // keeps the compiler from moving arithmetic out of the scope
  }
  ~FlushToZero() {
    std::atomic_signal_fence(std::memory_order_seq_cst);
    if (added_ != 0) detail::set_floating_point_mode(detail::floating_point_mode() & ~added_);
  }
  FlushToZero(const FlushToZero&) = delete;
  FlushToZero& operator=(const FlushToZero&) = delete;

 private:
  std::uint64_t added_;  // bits set by the constructor
};

}  // namespace unroll
