#pragma once
// Inner kernel of matrix products: register tiles, and products composed of them.

#include <algorithm>
#include <array>
#include <cstddef>
#include <span>
#include <type_traits>
#include <utility>

#include "unroll/core/types.hpp"
#include "unroll/simd/lanes.hpp"

namespace unroll::detail {

// A panel is one register high: as many rows of the left factor as the register has lanes, stored column after column,
// so that the loop over the terms reads memory sequentially. Incomplete panels are padded with zeros.
//
// A tile is the part of the result held in registers: running sums of `height` panels times `width` columns. Each
// loaded register of the left factor is used in `width` sums and each broadcast number in `height`, so that arithmetic
// is the bottleneck, not loads. Usual tiles are 2 x 6 or 3 x 4 with 16 registers (SSE, AVX2), 3 x 8 with 32 (AVX-512,
// NEON).
inline constexpr int registers = EIGEN_ARCH_DEFAULT_NUMBER_OF_REGISTERS;
inline constexpr bool many_registers = registers >= 32;
inline constexpr int most_panels = 8, most_columns = 10;  // maximum tile size

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wignored-attributes"  // as in lanes.hpp
/// Lanes for the last rows, which fill no register. Multiply-adds of 64-byte registers cost up to twice as much as
/// those of half registers.
template <class Scalar>
using LastLanes =
    std::conditional_t<sizeof(NativeLanes<Scalar>) == 64, HalfLanes<NativeLanes<Scalar>>, NativeLanes<Scalar>>;
#pragma GCC diagnostic pop

template <class L>
inline constexpr bool full_register = L::size == NativeLanes<typename L::Scalar>::size;

/// Maximum height of tiles of a width. A multiply-add has a latency of 4 cycles, and up to 2 start per cycle, so at
/// least 8 independent sums are needed: narrow tiles need more panels. Sums, one column of the panels and one broadcast
/// number must fit into the registers. Half registers are used only for the last rows; one panel is enough there.
template <class L>
constexpr int tallest(int width) {
  if (!full_register<L>) return 1;
  if (many_registers) return width > 8 ? 0 : std::clamp(12 / width, 3, most_panels);
  return std::min(12 / width, (registers - 1) / (width + 1));
}

/// Maximum width of tiles, indexed by height.
template <class L>
inline constexpr auto widest = [] {
  std::array<Index, most_panels + 1> widths{};
  for (int width = 1; width <= most_columns; ++width)
    for (int height = 0; height <= tallest<L>(width); ++height) widths[static_cast<std::size_t>(height)] = width;
  return widths;
}();

/// Preferred width of tiles. With 16 registers, 3 x 4 sums need fewer loads than 2 x 6, but 10 columns are better split
/// into 5 + 5 than 4 + 3 + 3.
template <class L>
Index usual_width(Index columns) {
  return !many_registers && columns % 4 == 0 ? 4 : widest<L>[!many_registers && full_register<L> ? 2 : 1];
}

/// Operands of a tile: target(r, j) (+)= sum over k of left(r, k) right(k, j).
template <class Scalar>
struct Tile {
  const Scalar* left;
  Index panel_stride, left_stride;  // distances from panel to panel, and from left(r, k) to left(r, k + 1) in a panel
  const Scalar* right;
  Index right_stride, column_stride;  // distances from right(k, j) to right(k + 1, j), and to right(k, j + 1)
  Index terms;
  Scalar* target;  // column-major
  Index target_stride;
  int last_rows;  // rows of the last panel in the target: 1 to Lanes::size
  bool add;       // adds to the target instead of overwriting it
};

/// Without this barrier, g++ loads a left factor from memory again for each sum, which is too slow for narrow tiles.
template <class Packet>
EIGEN_ALWAYS_INLINE void keep_in_register([[maybe_unused]] Packet& packet) {
#if EIGEN_COMP_GNUC && EIGEN_ARCH_x86_64
  __asm__("" : "+v"(packet));
#endif
}

/// Whether a tile prefetches its panels, 24 terms ahead: if a term of a panel is one cache line. Panels are too short
/// for the prefetchers of processors, and those of an outer product are not contiguous. Tall tiles have few sums per
/// load.
template <class L, int height, int width>
inline constexpr bool prefetches_panels = sizeof(L) == 64 && width >= 4 && height <= 3;

template <class L>
EIGEN_ALWAYS_INLINE L load(const typename L::Scalar* from, int n) {
  return L::size == 1 || n == L::size ? L::load(from) : L::load_partial(from, n);
}

template <class L>
EIGEN_ALWAYS_INLINE void put(L sum, typename L::Scalar* to, int n, bool add) {
  if (add) sum = load<L>(to, n) + sum;
  if (L::size == 1 || n == L::size)
    sum.store(to);
  else
    sum.store_partial(to, n);
}

/// Product of one tile. The order of the terms does not depend on the shape of the tile: the bits of a column do not
/// depend on its neighbours. The loops over panels and columns are unrolled, because only sums with constant indices
/// stay in registers.
template <class L, int height, int width>
void multiply_tile(const Tile<typename L::Scalar>& tile) {
  using Scalar = typename L::Scalar;
  L sum[std::size_t(width)][std::size_t(height)];
#pragma GCC unroll 10
  for (int j = 0; j < width; ++j)
#pragma GCC unroll 8
    for (int i = 0; i < height; ++i) sum[j][i] = L::constant(0);

  for (Index k = 0; k < tile.terms; ++k) {
    const Scalar* const left = tile.left + k * tile.left_stride;
    const Scalar* const right = tile.right + k * tile.right_stride;
    L column[std::size_t(height)];
#pragma GCC unroll 8
    for (int i = 0; i < height; ++i) {
      column[i] = L::load(left + i * tile.panel_stride);
      if constexpr (prefetches_panels<L, height, width>) prefetch(left + i * tile.panel_stride + 24 * tile.left_stride);
      if constexpr (width > 1) keep_in_register(column[i].v);
    }
#pragma GCC unroll 10
    for (int j = 0; j < width; ++j) {
      const L factor = L::constant(right[j * tile.column_stride]);
#pragma GCC unroll 8
      for (int i = 0; i < height; ++i) sum[j][i] = fma(column[i], factor, sum[j][i]);
    }
  }

  // Loaded before the first store, which may alias the tile as far as the compiler can prove.
  Scalar* const target = tile.target;
  const Index stride = tile.target_stride;
  const int last_rows = tile.last_rows;
  const bool add = tile.add;
#pragma GCC unroll 10
  for (int j = 0; j < width; ++j)
#pragma GCC unroll 8
    for (int i = 0; i < height; ++i)
      put(sum[j][i], target + j * stride + i * L::size, i + 1 < height ? L::size : last_rows, add);
}

/// Tiles of one width, indexed by height - 1.
template <class L, int width>
inline constexpr auto tiles_of_width = []<int... i>(std::integer_sequence<int, i...>) {
  return std::array<void (*)(const Tile<typename L::Scalar>&), sizeof...(i)>{&multiply_tile<L, i + 1, width>...};
}
(std::make_integer_sequence<int, tallest<L>(width)>{});

/// All tiles, indexed by [width - 1][height - 1]. The size of an inner list is the maximum height for the width.
template <class L>
inline constexpr auto tiles = []<int... i>(std::integer_sequence<int, i...>) {
  return std::array{std::span<void (*const)(const Tile<typename L::Scalar>&)>(tiles_of_width<L, i + 1>)...};
}
(std::make_integer_sequence<int, most_columns>{});

/// Partition of a number into the fewest parts of at most `most`, as equal as possible: 10 = 5 + 5, not 8 + 2.
class EvenParts {
 public:
  EvenParts(Index whole, Index most) : size_(whole) {
    if (whole <= most) return;
    const Index parts = (whole + most - 1) / most;
    size_ = whole / parts, larger_ = whole % parts;
  }

  Index next() { return size_ + (larger_-- > 0 ? 1 : 0); }

 private:
  Index size_, larger_ = 0;  // `larger_` parts are larger by 1
};

/// Prefetches the target of a tile, `rows` by `width`, which arrives during the loop over its terms. Does nothing
/// unless its columns are far apart, as in targets that are not in the second-level cache.
template <class Scalar>
EIGEN_ALWAYS_INLINE void prefetch_target(const Scalar* target, Index stride, Index rows, Index width) {
  if (stride * Index(sizeof(Scalar)) < 2048) return;
  for (Index j = 0; j < width; ++j)
    for (Index row = 0; row < rows; row += 64 / Index(sizeof(Scalar))) prefetch(target + j * stride + row);
}

/// Product of `rows` of the left factor and all columns. A few panels, which stay in the first-level cache, are
/// multiplied by all columns before the next panels. `tile` must hold the first tile and is modified. It is not copied,
/// because loads from a copy would wait for its stores.
template <class L, class Scalar>
void multiply_panels(Tile<Scalar>& tile, Index rows, Index columns) {
  constexpr Index lanes = L::size;
  if (columns == 0) return;
  const Scalar *const left = tile.left, *const right = tile.right;
  Scalar* const target = tile.target;
  const Index panels = (rows + lanes - 1) / lanes;
  const Index first_width = EvenParts(columns, usual_width<L>(columns)).next();
  EvenParts heights(panels, std::ssize(tiles<L>[static_cast<std::size_t>(first_width - 1)]));
  for (Index panel = 0, height; panel < panels; panel += height) {
    height = heights.next();
    tile.left = left + panel * tile.panel_stride;
    tile.last_rows = static_cast<int>(std::min(lanes, rows - (panel + height - 1) * lanes));
    EvenParts widths(columns, widest<L>[static_cast<std::size_t>(height)]);
    for (Index j = 0, width; j < columns; j += width) {
      width = widths.next();
      tile.right = right + j * tile.column_stride;
      tile.target = target + panel * lanes + j * tile.target_stride;
      prefetch_target(tile.target, tile.target_stride, (height - 1) * lanes + tile.last_rows, width);
      tiles<L>[static_cast<std::size_t>(width - 1)][static_cast<std::size_t>(height - 1)](tile);
    }
  }
}

}  // namespace unroll::detail
