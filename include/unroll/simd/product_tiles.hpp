#pragma once
// The innermost loop of a matrix product: a tile of the result in registers, and a whole made of such tiles.

#include <algorithm>
#include <array>
#include <cstddef>
#include <span>
#include <type_traits>
#include <utility>

#include "unroll/core/types.hpp"
#include "unroll/simd/lanes.hpp"

namespace unroll::detail {

// A panel is one register high: as many rows of the left factor as the register has lanes, its columns one after the
// other, so that the loop over the terms of the sum reads memory straight through. Rows that fill no register are
// padded with zeros.
//
// A tile is what the registers hold of the result: `height` panels times `width` columns of running sums. Each loaded
// register of the left factor serves `width` sums and each broadcast number `height` of them, so that arithmetic, not
// loading, is the limit. The usual ones are 2 x 6 or 3 x 4 of 16 registers (SSE, AVX2), 3 x 8 of 32 (AVX-512, NEON).
inline constexpr int registers = EIGEN_ARCH_DEFAULT_NUMBER_OF_REGISTERS;
inline constexpr bool many_registers = registers >= 32;
inline constexpr int most_panels = 8, most_columns = 10;  // of any tile

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wignored-attributes"  // as in lanes.hpp
/// Lanes for rows that fill no register. Where one has 64 bytes, its multiply-adds cost up to twice those of its half.
template <class Scalar>
using LastLanes =
    std::conditional_t<sizeof(NativeLanes<Scalar>) == 64, HalfLanes<NativeLanes<Scalar>>, NativeLanes<Scalar>>;
#pragma GCC diagnostic pop

template <class L>
inline constexpr bool full_register = L::size == NativeLanes<typename L::Scalar>::size;

/// The greatest height of tiles so wide. A multiply-add takes 4 cycles and up to 2 begin in each, so 8 sums and more
/// must be under way: few columns need more panels. Sums, a column of the panels and a broadcast number must fit into
/// the registers. Half a register is but the end of a column.
template <class L>
constexpr int tallest(int width) {
  if (!full_register<L>) return 1;
  if (many_registers) return width > 8 ? 0 : std::clamp(12 / width, 3, most_panels);
  return std::min(12 / width, (registers - 1) / (width + 1));
}

/// The greatest width of tiles so high, at [height].
template <class L>
inline constexpr auto widest = [] {
  std::array<Index, most_panels + 1> widths{};
  for (int width = 1; width <= most_columns; ++width)
    for (int height = 0; height <= tallest<L>(width); ++height) widths[static_cast<std::size_t>(height)] = width;
  return widths;
}();

/// How many columns tiles should have, if there are so many. Of 16 registers, 3 x 4 sums ask for fewer loads than 2 x
/// 6, but 10 columns are better 5 + 5 than 4 + 3 + 3.
template <class L>
Index usual_width(Index columns) {
  return !many_registers && columns % 4 == 0 ? 4 : widest<L>[!many_registers && full_register<L> ? 2 : 1];
}

/// The operands of one tile: target(r, j) (+)= sum over k of left(r, k) right(k, j).
template <class Scalar>
struct Tile {
  const Scalar* left;
  Index panel_stride, left_stride;  // from panel to panel, and in a panel from left(r, k) to left(r, k + 1)
  const Scalar* right;
  Index right_stride, column_stride;  // from right(k, j) to right(k + 1, j), and to right(k, j + 1)
  Index terms;
  Scalar* target;  // column-major
  Index target_stride;
  int last_rows;  // rows of the last panel that exist in the target: 1 to Lanes::size
  bool add;       // to what the target holds
};

/// Left to itself, g++ reads a left factor from memory again for every sum it serves, which narrow tiles cannot afford.
template <class Packet>
EIGEN_ALWAYS_INLINE void keep_in_register([[maybe_unused]] Packet& packet) {
#if EIGEN_COMP_GNUC && EIGEN_ARCH_x86_64
  __asm__("" : "+v"(packet));
#endif
}

/// A register, or the first n numbers of one and zeros.
template <class L>
EIGEN_ALWAYS_INLINE L load(const typename L::Scalar* from, int n) {
  return L::size == 1 || n == L::size ? L::load(from) : L::load_partial(from, n);
}

/// Writes or adds a register of sums, or the first n of them.
template <class L>
EIGEN_ALWAYS_INLINE void put(L sum, typename L::Scalar* to, int n, bool add) {
  if (add) sum = load<L>(to, n) + sum;
  if (L::size == 1 || n == L::size)
    sum.store(to);
  else
    sum.store_partial(to, n);
}

/// Every sum runs over the terms in their order, whatever the tile's shape: a column's bits do not depend on its
/// neighbours. The loops over places are unrolled, because only sums with fixed places live in registers.
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
      if constexpr (width > 1) keep_in_register(column[i].v);
    }
#pragma GCC unroll 10
    for (int j = 0; j < width; ++j) {
      const L factor = L::constant(right[j * tile.column_stride]);
#pragma GCC unroll 8
      for (int i = 0; i < height; ++i) sum[j][i] = fma(column[i], factor, sum[j][i]);
    }
  }

  // Read before the first writing, which might change the tile for all the compiler knows.
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

/// The tiles of one width, at [height - 1].
template <class L, int width>
inline constexpr auto tiles_of_width = []<int... i>(std::integer_sequence<int, i...>) {
  return std::array<void (*)(const Tile<typename L::Scalar>&), sizeof...(i)>{&multiply_tile<L, i + 1, width>...};
}
(std::make_integer_sequence<int, tallest<L>(width)>{});

/// All tiles, at [width - 1][height - 1]; the size of the inner list is the greatest height for that width.
template <class L>
inline constexpr auto tiles = []<int... i>(std::integer_sequence<int, i...>) {
  return std::array{std::span<void (*const)(const Tile<typename L::Scalar>&)>(tiles_of_width<L, i + 1>)...};
}
(std::make_integer_sequence<int, most_columns>{});

/// A whole cut into as few parts as can be, none above `most`, and equal: 5 + 5 for 10, not 8 + 2.
class EvenParts {
 public:
  EvenParts(Index whole, Index most) : size_(whole) {
    if (whole <= most) return;
    const Index parts = (whole + most - 1) / most;
    size_ = whole / parts, larger_ = whole % parts;
  }

  /// The size of the next part.
  Index next() { return size_ + (larger_-- > 0 ? 1 : 0); }

 private:
  Index size_, larger_ = 0;  // so many of the parts have one more
};

/// All `rows` of the left factor times all columns: a few panels, which stay in the first-level cache, pass over the
/// columns. `tile` begins as the first one and goes over the whole. It is no copy: reading a copy back would wait for
/// its writing.
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
      tiles<L>[static_cast<std::size_t>(width - 1)][static_cast<std::size_t>(height - 1)](tile);
    }
  }
}

}  // namespace unroll::detail
