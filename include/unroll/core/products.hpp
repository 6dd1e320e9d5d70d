#pragma once
// Matrix products at the shapes recurrent networks live on: the same weights times a few columns, at every step.
//
// A general product copies both factors into its own order at each call, which costs more than the arithmetic when
// there are ten columns. Here the weights are put into order once, for all steps, and the other factor is read where it
// lies.

#include <algorithm>
#include <array>
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
// loading, is the limit; and there are enough independent sums to hide the latency of the multiply-add. Left and
// broadcast registers must fit as well: 2 x 6 sums + 2 + 1 = 15 of 16 registers (AVX2, SSE), 3 x 8 + 3 + 1 = 28 of 32
// (AVX-512, NEON).
inline constexpr bool many_registers = EIGEN_ARCH_DEFAULT_NUMBER_OF_REGISTERS >= 32;
inline constexpr int tile_height = many_registers ? 3 : 2;
inline constexpr int tile_width = many_registers ? 8 : 6;
inline constexpr int column_height = 8;  // of a tile that is one column wide: fewer sums would wait for one another

/// The operands of one tile: target(r, j) (+)= sum over k of left(r, k) right(k, j).
template <class Scalar>
struct Tile {
  const Scalar* left;  // panels
  Index panel_stride;
  const Scalar* right;
  Index term_stride;    // from right(k, j) to right(k + 1, j)
  Index column_stride;  // from right(k, j) to right(k, j + 1)
  Index terms;
  Scalar* target;  // column-major
  Index target_stride;
  int last_rows;  // rows of the highest panel that exist in the target: 1 to Lanes::size
  bool add;       // to what the target holds, which counts as the first term
};

/// f(0), f(1), ..., f(n - 1) with constants: running sums must have fixed places to live in registers.
template <int n, class F>
EIGEN_ALWAYS_INLINE void unrolled(F&& f) {
  [&]<int... i>(std::integer_sequence<int, i...>) __attribute__((always_inline)) {
    (f(std::integral_constant<int, i>{}), ...);
  }
  (std::make_integer_sequence<int, n>{});
}

/// Every sum runs over the terms in their order, whatever the tile's shape: a column's bits do not depend on its
/// neighbours.
template <class Scalar, int height, int width>
void multiply_tile(const Tile<Scalar>& tile) {
  using L = NativeLanes<Scalar>;
  const bool whole = tile.last_rows == L::size;
  const auto for_each_place = [&](auto&& f) __attribute__((always_inline)) {
    unrolled<width>([&](auto j) __attribute__((always_inline)) {
      unrolled<height>([&](auto i) __attribute__((always_inline)) {
        f(i, j, tile.target + j * tile.target_stride + i * L::size, i + 1 < height || whole);
      });
    });
  };

  L sum[width][height];
  for_each_place([&](auto i, auto j, const Scalar* at, bool full) __attribute__((always_inline)) {
    sum[j][i] = !tile.add ? L::constant(0) : full ? L::load(at) : L::load_partial(at, tile.last_rows);
  });
  const Scalar *left = tile.left, *right = tile.right;
  for (Index k = 0; k < tile.terms; ++k, left += L::size, right += tile.term_stride) {
    L column[height];
    unrolled<height>([&](auto i) __attribute__((always_inline)) { column[i] = L::load(left + i * tile.panel_stride); });
    unrolled<width>([&](auto j) __attribute__((always_inline)) {
      const L factor = L::constant(right[j * tile.column_stride]);
      unrolled<height>([&](auto i) __attribute__((always_inline)) { sum[j][i] = fma(column[i], factor, sum[j][i]); });
    });
  }
  for_each_place([&](auto i, auto j, Scalar* at, bool full) __attribute__((always_inline)) {
    full ? sum[j][i].store(at) : sum[j][i].store_partial(at, tile.last_rows);
  });
}

/// The tiles of one width, by height - 1.
template <class Scalar, int width>
inline constexpr auto tiles_of_width = []<int... i>(std::integer_sequence<int, i...>) {
  return std::array{&multiply_tile<Scalar, i + 1, width>...};
}
(std::make_integer_sequence<int, width == 1 ? column_height : tile_height>{});

template <class Scalar>
void multiply_tile(const Tile<Scalar>& tile, Index height, Index width) {
  static constexpr auto by_width = []<int... i>(std::integer_sequence<int, i...>) {
    return std::array{tiles_of_width<Scalar, i + 1>.data()...};
  }
  (std::make_integer_sequence<int, tile_width>{});
  by_width[static_cast<std::size_t>(width - 1)][height - 1](tile);
}

/// The first of as few and as equal parts, none above `most`, as `whole` can be cut into: 10 columns are 5 + 5, not 8
/// + 2.
inline Index even_part(Index whole, Index most) {
  const Index parts = (whole + most - 1) / most;
  return (whole + parts - 1) / parts;
}

/// A few panels, which stay in the first-level cache, times all columns.
template <class Scalar>
void multiply_columns(Tile<Scalar> tile, Index height, Index columns) {
  for (Index width; columns > 0; columns -= width) {
    width = even_part(columns, tile_width);
    multiply_tile(tile, height, width);
    tile.right += width * tile.column_stride;
    tile.target += width * tile.target_stride;
  }
}

/// Writes one panel of `columns` terms from up to Lanes::size rows.
template <class Scalar>
void pack_panel(const Scalar* from, Index stride, Index rows, Index columns, Scalar* to) {
  using L = NativeLanes<Scalar>;
  const int n = static_cast<int>(std::min<Index>(rows, L::size));
  for (Index k = 0; k < columns; ++k, from += stride, to += L::size)
    (n == L::size ? L::load(from) : L::load_partial(from, n)).store(to);
}

template <class Scalar>
Index panels_for(Index rows) {
  return (rows + NativeLanes<Scalar>::size - 1) / NativeLanes<Scalar>::size;
}

/// How many of the rows the last of `panels` panels holds.
template <class Scalar>
int rows_in_last(Index rows, Index panels) {
  return static_cast<int>(std::min<Index>(rows - (panels - 1) * NativeLanes<Scalar>::size, NativeLanes<Scalar>::size));
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
    for (Index row = 0; row < detail::panels_for<Scalar>(rows_) * lanes; ++row)
      for (Index k = 0; k < inner_; ++k)
        panel(row / lanes)[k * lanes + row % lanes] = row < rows_ ? w(k, row) : Scalar(0);
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
    rows_ = rows, inner_ = inner;
    const Index needed = detail::panels_for<Scalar>(rows) * lanes * inner;
    if (panels_.size() < needed) panels_.resize(needed);
  }

  Scalar* panel(Index i) { return panels_.data() + i * lanes * inner_; }

  void multiply(const Scalar* x, Index x_stride, Index columns, Scalar* y, Index y_stride, bool add) const {
    const Index most = columns == 1 ? detail::column_height : detail::tile_height;
    const Index panels = detail::panels_for<Scalar>(rows_);
    for (Index first = 0, height; first < panels; first += height) {
      height = detail::even_part(panels - first, most);
      detail::multiply_columns<Scalar>({.left = panels_.data() + first * lanes * inner_,
                                        .panel_stride = lanes * inner_,
                                        .right = x,
                                        .term_stride = 1,
                                        .column_stride = x_stride,
                                        .terms = inner_,
                                        .target = y + first * lanes,
                                        .target_stride = y_stride,
                                        .last_rows = detail::rows_in_last<Scalar>(rows_ - first * lanes, height),
                                        .add = add},
                                       height, columns);
    }
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
  constexpr Index lanes = NativeLanes<Scalar>::size, height = detail::tile_height;
  // Columns are taken in blocks: the packed panels of a block stay in the first-level cache, the block of b in the
  // second.
  constexpr Index block = 24 * 1024 / (height * lanes * Index(sizeof(Scalar)));
  alignas(EIGEN_MAX_ALIGN_BYTES) std::array<Scalar, static_cast<std::size_t>(block * height * lanes)> left;
  for (Index from = 0; from < columns; from += block) {
    const Index terms = std::min(block, columns - from);
    const Index panels = detail::panels_for<Scalar>(rows);
    for (Index first = 0, part; first < panels; first += part) {
      part = detail::even_part(panels - first, height);
      for (Index i = 0; i < part; ++i) {
        const Index row = (first + i) * lanes;
        detail::pack_panel(a + from * a_stride + row, a_stride, rows - row, terms, left.data() + i * lanes * terms);
      }
      detail::multiply_columns<Scalar>({.left = left.data(),
                                        .panel_stride = lanes * terms,
                                        .right = b + from * b_stride,
                                        .term_stride = b_stride,
                                        .column_stride = 1,
                                        .terms = terms,
                                        .target = gradient + first * lanes,
                                        .target_stride = gradient_stride,
                                        .last_rows = detail::rows_in_last<Scalar>(rows - first * lanes, part),
                                        .add = true},
                                       part, inner);
    }
  }
}

}  // namespace unroll
