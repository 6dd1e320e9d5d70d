#pragma once
// Tile operations of x86-64 processors for PairForm: AVX512-BF16 and AMX. The compiler's target decides which exist.

#include "unroll/simd/bfloat16/pair_form.hpp"

#if defined(__AVX512BF16__)
#include <immintrin.h>
#endif
// The macros of g++, and of early Clang.
#if (defined(__AMX_BF16__) || defined(__AMXBF16__)) && defined(__x86_64__) && defined(__linux__)
#include <immintrin.h>
#define UNROLL_AMX 1
#include <sys/syscall.h>
#include <unistd.h>
#endif

namespace unroll::detail {

#if defined(__AVX512BF16__)
/// Registers of AVX512-BF16. `vdpbf16ps` adds the product of the second numbers of a pair to a sum and rounds, then
/// that of the first ones. It treats subnormal operands and results as 0.
class Avx512Tiles {
 public:
  static constexpr Index columns = 8, terms = 2;
  static constexpr int panels = 2, column_tiles = 1;

  template <int i, int>
  EIGEN_ALWAYS_INLINE void zero() {
#pragma GCC unroll 8
    for (int c = 0; c < columns; ++c) sum_[i][c] = _mm512_setzero_ps();
  }
  template <int i>
  EIGEN_ALWAYS_INLINE void left(const std::uint16_t* from) {
    left_[i] = _mm512_loadu_si512(from);
  }
  template <int>
  EIGEN_ALWAYS_INLINE void right(const std::uint16_t* from, Index distance) {
    right_ = from, distance_ = distance;
  }
  template <int i, int>
  EIGEN_ALWAYS_INLINE void add() {
#pragma GCC unroll 8
    for (int c = 0; c < columns; ++c) {
      std::int32_t pair;
      __builtin_memcpy(&pair, right_ + c * distance_, sizeof(pair));
      sum_[i][c] = _mm512_dpbf16_ps(sum_[i][c], (__m512bh)(left_[i]), (__m512bh)(_mm512_set1_epi32(pair)));
    }
  }
  template <int i, int>
  EIGEN_ALWAYS_INLINE void store(float* to, Index distance) {
#pragma GCC unroll 8
    for (int c = 0; c < columns; ++c) _mm512_storeu_ps(to + c * distance, sum_[i][c]);
  }

 private:
  __m512 sum_[std::size_t(panels)][std::size_t(columns)];
  __m512i left_[std::size_t(panels)];
  const std::uint16_t* right_;
  Index distance_;
};
#endif

#if defined(UNROLL_AMX)
/// Whether the operating system lets this process use the tile registers.
inline bool amx_granted() {
  static const bool granted = [] {
    constexpr long request_permission = 0x1023, tile_data = 18;  // ARCH_REQ_XCOMP_PERM, XFEATURE_XTILEDATA
    return ::syscall(SYS_arch_prctl, request_permission, tile_data) == 0;
  }();
  return granted;
}

/// Registers 0 to 3 hold sums, 4 and 5 columns of the right factor, 6 and 7 panels; 16 rows of 64 bytes each.
struct AmxConfiguration {
  std::uint8_t palette = 1, start_row = 0, reserved[14] = {};
  std::uint16_t row_bytes[16] = {64, 64, 64, 64, 64, 64, 64, 64};
  std::uint8_t rows[16] = {16, 16, 16, 16, 16, 16, 16, 16};
};
inline constexpr AmxConfiguration amx_configuration;

/// Tile registers of AMX. An operation sums the products of the first numbers of the pairs, and those of the second
/// ones, each in the order of the terms, and adds both sums to the previous sum. It treats subnormal operands and
/// results as 0. The registers are configured for one product at a time, because other code of the thread may use them.
class AmxTiles {
 public:
  static constexpr Index columns = 16, terms = 32;
  static constexpr int panels = 2, column_tiles = 2;

  AmxTiles() { _tile_loadconfig(&amx_configuration); }
  ~AmxTiles() { _tile_release(); }
  AmxTiles(const AmxTiles&) = delete;
  AmxTiles& operator=(const AmxTiles&) = delete;

  // The numbers of registers must be literals.
  template <int i, int j>
  void zero() {
    if constexpr (i == 0 && j == 0) _tile_zero(0);
    if constexpr (i == 0 && j == 1) _tile_zero(1);
    if constexpr (i == 1 && j == 0) _tile_zero(2);
    if constexpr (i == 1 && j == 1) _tile_zero(3);
  }
  template <int i>
  void left(const std::uint16_t* from) {
    memory_is_read();
    if constexpr (i == 0) _tile_loadd(6, from, 64);
    if constexpr (i == 1) _tile_loadd(7, from, 64);
  }
  template <int j>
  void right(const std::uint16_t* from, Index distance) {
    memory_is_read();
    if constexpr (j == 0) _tile_loadd(4, from, bytes<std::uint16_t>(distance));
    if constexpr (j == 1) _tile_loadd(5, from, bytes<std::uint16_t>(distance));
  }
  template <int i, int j>
  void add() {
    if constexpr (i == 0 && j == 0) _tile_dpbf16ps(0, 4, 6);
    if constexpr (i == 0 && j == 1) _tile_dpbf16ps(1, 5, 6);
    if constexpr (i == 1 && j == 0) _tile_dpbf16ps(2, 4, 7);
    if constexpr (i == 1 && j == 1) _tile_dpbf16ps(3, 5, 7);
  }
  template <int i, int j>
  void store(float* to, Index distance) {
    if constexpr (i == 0 && j == 0) _tile_stored(0, to, bytes<float>(distance));
    if constexpr (i == 0 && j == 1) _tile_stored(1, to, bytes<float>(distance));
    if constexpr (i == 1 && j == 0) _tile_stored(2, to, bytes<float>(distance));
    if constexpr (i == 1 && j == 1) _tile_stored(3, to, bytes<float>(distance));
    memory_is_read();
  }

 private:
  template <class T>
  static std::size_t bytes(Index distance) {
    return std::size_t(distance) * sizeof(T);
  }
  /// The loads of g++ 12 do not declare that they read memory: without this, stores before them could be moved.
  static void memory_is_read() { __asm__ volatile("" ::: "memory"); }
};
#endif

}  // namespace unroll::detail
