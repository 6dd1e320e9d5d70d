#pragma once
// Matrix products at the shapes recurrent networks live on: the same weights times a few columns, at every step.
//
// A general product copies both factors into its own order at each call, which costs more than the arithmetic when
// there are ten columns. Here the weights are put into order once, for all steps, and the other factor is read where it
// lies.

#include <algorithm>
#include <array>
#include <span>
#include <utility>

#include "unroll/core/lanes.hpp"
#include "unroll/core/types.hpp"

namespace unroll {
namespace detail {

// A panel is one register high: `Lanes::size` rows of the left factor, its columns one after the other, so that the
// loop over the terms of the sum reads memory straight through. Rows that fill no register are padded with zeros.
//
// A tile is what the registers hold of the result: `height` panels times `width` columns of running sums. Each loaded
// register of the left factor serves `width` sums and each broadcast number `height` of them, so that arithmetic, not
// loading, is the limit. Left and broadcast registers must fit as well: 2 x 6 sums + 2 + 1 = 15 of 16 registers (SSE,
// AVX2), 3 x 8 + 3 + 1 = 28 of 32 (AVX-512, NEON).
inline constexpr bool many_registers = EIGEN_ARCH_DEFAULT_NUMBER_OF_REGISTERS >= 32;
inline constexpr int tile_height = many_registers ? 3 : 2;
inline constexpr int tile_width = many_registers ? 8 : 6;

/// Few columns need more panels: a multiply-add takes 4 cycles and up to 2 begin in each, so 8 sums and more must be
/// under way.
constexpr int height_for(int width) { return std::clamp(12 / width, tile_height, 8); }

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

/// Writes or adds a register of sums, or the first `rows` of them.
template <class Packet, class Scalar>
EIGEN_ALWAYS_INLINE void put(Lanes<Packet> sum, Scalar* to, int rows, bool add) {
  if (Lanes<Packet>::size == 1 || rows == Lanes<Packet>::size) {
    (add ? Lanes<Packet>::load(to) + sum : sum).store(to);
  } else {
    (add ? Lanes<Packet>::load_partial(to, rows) + sum : sum).store_partial(to, rows);
  }
}

/// Every sum runs over the terms in their order, whatever the tile's shape: a column's bits do not depend on its
/// neighbours. The loops over places are unrolled, because only sums with fixed places live in registers.
template <class Scalar, int height, int width>
void multiply_tile(const Tile<Scalar>& tile) {
  using L = NativeLanes<Scalar>;
  L sum[width][height];
#pragma GCC unroll 8
  for (int j = 0; j < width; ++j)
#pragma GCC unroll 8
    for (int i = 0; i < height; ++i) sum[j][i] = L::constant(0);

  for (Index k = 0; k < tile.terms; ++k) {
    const Scalar* const left = tile.left + k * tile.left_stride;
    const Scalar* const right = tile.right + k * tile.right_stride;
    L column[height];
#pragma GCC unroll 8
    for (int i = 0; i < height; ++i) {
      column[i] = L::load(left + i * tile.panel_stride);
      if constexpr (width > 1) keep_in_register(column[i].v);
    }
#pragma GCC unroll 8
    for (int j = 0; j < width; ++j) {
      const L factor = L::constant(right[j * tile.column_stride]);
#pragma GCC unroll 8
      for (int i = 0; i < height; ++i) sum[j][i] = fma(column[i], factor, sum[j][i]);
    }
  }

#pragma GCC unroll 8
  for (int j = 0; j < width; ++j)
#pragma GCC unroll 8
    for (int i = 0; i < height; ++i)
      put(sum[j][i], tile.target + j * tile.target_stride + i * L::size, i + 1 < height ? L::size : tile.last_rows,
          tile.add);
}

/// The tiles of one width, at [height - 1].
template <class Scalar, int width>
inline constexpr auto tiles_of_width = []<int... i>(std::integer_sequence<int, i...>) {
  return std::array{&multiply_tile<Scalar, i + 1, width>...};
}
(std::make_integer_sequence<int, height_for(width)>{});

/// All tiles, at [width - 1][height - 1]; the size of the inner list is the greatest height for that width.
template <class Scalar>
inline constexpr auto tiles = []<int... i>(std::integer_sequence<int, i...>) {
  return std::array{std::span<void (*const)(const Tile<Scalar>&)>(tiles_of_width<Scalar, i + 1>)...};
}
(std::make_integer_sequence<int, tile_width>{});

/// The first of the parts when `whole` is cut into as few as can be, none above `most`, and equal: 5 + 5 for 10, not 8
/// + 2.
inline Index even_part(Index whole, Index most) {
  if (whole <= most) return whole;
  const Index parts = (whole + most - 1) / most;
  return (whole + parts - 1) / parts;
}

/// All `rows` of the left factor times all columns: a few panels, which stay in the first-level cache, pass over the
/// columns. `tile` begins as the first one and goes over the whole. It is no copy: reading a copy back would wait for
/// its writing.
template <class Scalar>
void multiply_panels(Tile<Scalar>& tile, Index rows, Index columns) {
  constexpr Index lanes = NativeLanes<Scalar>::size;
  if (columns == 0) return;
  const Scalar *const left = tile.left, *const right = tile.right;
  Scalar* const target = tile.target;
  const Index panels = (rows + lanes - 1) / lanes;
  const Index most = std::ssize(tiles<Scalar>[static_cast<std::size_t>(even_part(columns, tile_width) - 1)]);
  for (Index panel = 0, height; panel < panels; panel += height) {
    height = even_part(panels - panel, most);
    tile.left = left + panel * tile.panel_stride;
    tile.last_rows = static_cast<int>(std::min(lanes, rows - (panel + height - 1) * lanes));
    for (Index j = 0, width; j < columns; j += width) {
      width = even_part(columns - j, tile_width);
      tile.right = right + j * tile.column_stride;
      tile.target = target + panel * lanes + j * tile.target_stride;
      tiles<Scalar>[static_cast<std::size_t>(width - 1)][static_cast<std::size_t>(height - 1)](tile);
    }
  }
}

/// Writes one panel of `columns` terms from up to Lanes::size rows.
template <class Scalar>
void pack_panel(const Scalar* from, Index stride, Index rows, Index columns, Scalar* to) {
  using L = NativeLanes<Scalar>;
  const int n = static_cast<int>(std::min<Index>(rows, L::size));
  for (Index k = 0; k < columns; ++k)
    (n == L::size ? L::load(from + k * stride) : L::load_partial(from + k * stride, n)).store(to + k * L::size);
}

}  // namespace detail

/// A left factor W [rows x inner], put into register order once and used for many products.
///
/// A column of the result depends on its own column of x alone, to the last bit: not on how many columns there are, nor
/// on where among them it stands. Packing again with a shape that is no larger allocates nothing; multiplying never
/// does.
template <class Scalar>
class PackedMatrix {
 public:
  void pack(In<Scalar> w) {
    resize(w.rows(), w.cols());
    for (Index row = 0; row < rows_; row += lanes)
      detail::pack_panel(w.data() + row, w.outerStride(), rows_ - row, inner_, panel(row / lanes));
  }

  /// Packs w^T: rows() = w.cols().
  void pack_transposed(In<Scalar> w) {
    resize(w.cols(), w.rows());
    for (Index row = 0; row < rows_; row += lanes) {
      Scalar* const to = panel(row / lanes);
      const Index n = std::min(lanes, rows_ - row);
      if (n < lanes) std::fill_n(to, lanes * inner_, Scalar(0));
      for (Index r = 0; r < n; ++r)
        for (Index k = 0; k < inner_; ++k) to[k * lanes + r] = w(k, row + r);
    }
  }

  Index rows() const { return rows_; }
  Index inner() const { return inner_; }

  /// y[:, j] = W x[:, j] for j < columns. Column j of x begins at x + j * x_stride, likewise y; they must not overlap.
  void multiply(const Scalar* x, Index x_stride, Index columns, Scalar* y, Index y_stride) const {
    multiply(x, x_stride, columns, y, y_stride, false);
  }

  /// y[:, j] += W x[:, j], likewise.
  void multiply_add(const Scalar* x, Index x_stride, Index columns, Scalar* y, Index y_stride) const {
    multiply(x, x_stride, columns, y, y_stride, true);
  }

 private:
  static constexpr Index lanes = NativeLanes<Scalar>::size;

  void resize(Index rows, Index inner) {
    const Index needed = (rows + lanes - 1) / lanes * lanes * inner;
    if (panels_.size() < needed) panels_.resize(needed);
    rows_ = rows, inner_ = inner;
  }

  Scalar* panel(Index i) { return panels_.data() + i * lanes * inner_; }

  void multiply(const Scalar* x, Index x_stride, Index columns, Scalar* y, Index y_stride, bool add) const {
    detail::Tile<Scalar> tile{.left = panels_.data(),
                              .panel_stride = lanes * inner_,
                              .left_stride = lanes,
                              .right = x,
                              .right_stride = 1,
                              .column_stride = x_stride,
                              .terms = inner_,
                              .target = y,
                              .target_stride = y_stride,
                              .last_rows = 0,
                              .add = add};
    detail::multiply_panels(tile, rows_, columns);
  }

  Index rows_ = 0, inner_ = 0;
  Vector<Scalar> panels_;
};

/// gradient [rows x inner] += sum over columns j of a[:, j] b[:, j]^T: what a weight gradient is, with many columns.
///
/// Column j of a [rows x columns] begins at a + j * a_stride, likewise b [inner x columns] and gradient, which must not
/// overlap the others. Allocates nothing.
template <class Scalar>
void add_outer_products(const Scalar* a, Index a_stride, Index rows, const Scalar* b, Index b_stride, Index inner,
                        Index columns, Scalar* gradient, Index gradient_stride) {
  constexpr Index lanes = NativeLanes<Scalar>::size;
  // Both factors are read where they lie, a few columns at a time: these stay in the caches, and the sums still leave
  // the registers seldom enough.
  constexpr Index block = 96;
  const Index whole = rows / lanes * lanes;
  for (Index first = 0; first < columns; first += block) {
    const Index terms = std::min(block, columns - first);
    detail::Tile<Scalar> tile{.left = a + first * a_stride,
                              .panel_stride = lanes,
                              .left_stride = a_stride,
                              .right = b + first * b_stride,
                              .right_stride = b_stride,
                              .column_stride = 1,
                              .terms = terms,
                              .target = gradient,
                              .target_stride = gradient_stride,
                              .last_rows = 0,
                              .add = true};
    detail::multiply_panels(tile, whole, inner);
    if (whole < rows) {  // the last rows fill no register, and nothing behind them may be read
      Scalar panel[block * lanes];
      detail::pack_panel(a + first * a_stride + whole, a_stride, rows - whole, terms, panel);
      tile.left = panel, tile.left_stride = lanes;
      tile.right = b + first * b_stride, tile.target = gradient + whole;
      detail::multiply_panels(tile, rows - whole, inner);
    }
  }
}

}  // namespace unroll
