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
  struct Scope {};
  static constexpr Index columns = 1, terms = 2;
  static constexpr int panels = 3, column_tiles = 8;
  static constexpr bool contiguous_columns = false;

  template <int i, int j>
  EIGEN_ALWAYS_INLINE void zero() {
    sum_[i][j] = _mm512_setzero_ps();
  }
  template <int i>
  EIGEN_ALWAYS_INLINE void left(const std::uint16_t* from) {
    left_[i] = _mm512_loadu_si512(from);
  }
  template <int>
  EIGEN_ALWAYS_INLINE void right(const std::uint16_t* from, Index) {
    std::int32_t pair;
    __builtin_memcpy(&pair, from, sizeof(pair));
    right_ = _mm512_set1_epi32(pair);
  }
  template <int i, int j>
  EIGEN_ALWAYS_INLINE void add() {
    sum_[i][j] = _mm512_dpbf16_ps(sum_[i][j], (__m512bh)(left_[i]), (__m512bh)(right_));
  }
  template <int i, int j>
  EIGEN_ALWAYS_INLINE void put(float* to, Index, bool add) {
    _mm512_storeu_ps(to, add ? _mm512_add_ps(_mm512_loadu_ps(to), sum_[i][j]) : sum_[i][j]);
  }

 private:
  __m512 sum_[std::size_t(panels)][std::size_t(column_tiles)];
  __m512i left_[std::size_t(panels)], right_;
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
  static constexpr bool contiguous_columns = true;

  struct Scope {
    Scope() { _tile_loadconfig(&amx_configuration); }
    ~Scope() { _tile_release(); }
    Scope(const Scope&) = delete;
    Scope& operator=(const Scope&) = delete;
  };

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
  void put(float* to, Index distance, bool add) {
    if (!add) return store<i, j>(to, distance);
    alignas(64) float sum[16 * columns];
    store<i, j>(sum, 16);
    for (Index c = 0; c < columns; ++c)
      for (Index r = 0; r < 16; ++r) to[c * distance + r] += sum[16 * c + r];
  }

 private:
  template <int i, int j>
  void store(float* to, Index distance) {
    if constexpr (i == 0 && j == 0) _tile_stored(0, to, bytes<float>(distance));
    if constexpr (i == 0 && j == 1) _tile_stored(1, to, bytes<float>(distance));
    if constexpr (i == 1 && j == 0) _tile_stored(2, to, bytes<float>(distance));
    if constexpr (i == 1 && j == 1) _tile_stored(3, to, bytes<float>(distance));
    memory_is_read();
  }
  template <class T>
  static std::size_t bytes(Index distance) {
    return std::size_t(distance) * sizeof(T);
  }
  /// The loads of g++ 12 do not declare that they read memory: without this, stores before them could be moved.
  static void memory_is_read() { __asm__ volatile("" ::: "memory"); }
};
#endif

}  // namespace unroll::detail
