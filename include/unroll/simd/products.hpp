#pragma once
// Matrix products for recurrent networks: the same weights times a few columns at every step.
//
// A general product packs both factors at each call, which costs more than the arithmetic for about ten columns. Here
// the weights are packed once for all steps, and the other factor is read in place.

#include "unroll/simd/bfloat16/pack_for.hpp"
#include "unroll/simd/bfloat16/rounded_matrix.hpp"
#include "unroll/simd/product_tiles.hpp"

namespace unroll {
namespace detail {

/// Packs one panel: `columns` terms of up to Lanes::size rows.
template <class L, class Scalar>
void pack_panel(const Scalar* from, Index stride, Index rows, Index columns, Scalar* to) {
  const int n = static_cast<int>(std::min<Index>(rows, L::size));
  for (Index k = 0; k < columns; ++k) load<L>(from + k * stride, n).store(to + k * L::size);
}

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wignored-attributes"  // as in lanes.hpp
/// Packs one panel of the transpose: the rows of the panel are columns of `from`. Square blocks are transposed in
/// registers; half registers are faster here than whole AVX-512 registers.
template <class L, class Scalar>
void pack_panel_transposed(const Scalar* from, Index stride, Index rows, Index columns, Scalar* to) {
  using Half = LastLanes<Scalar>;
  SquareOfLanes<Half> square;
  for (Index row = 0; row < L::size; row += Half::size)
    for (Index k = 0; k < columns; k += Half::size) {
      const int n = static_cast<int>(std::min<Index>(columns - k, Half::size));
      for (Index r = 0; r < Half::size; ++r)
        square.set(r, row + r < rows ? load<Half>(from + (row + r) * stride + k, n) : Half::constant(0));
      square.transpose();
      for (Index i = 0; i < n; ++i) square[i].store(to + (k + i) * L::size + row);
    }
}
#pragma GCC diagnostic pop

}  // namespace detail

/// Packed left factor W [rows x inner] for repeated products.
///
/// A column of the result depends only on its own column of x, to the last bit: neither on the number of columns nor on
/// its index. Packing a matrix that is no larger than an earlier one allocates nothing; multiplying never allocates.
///
/// Precision::bfloat16 rounds W and x; sums are floats. Throws ValueError for it with double.
template <class Scalar>
class PackedMatrix {
 public:
  void pack(In<Scalar> w, Precision products = detail::PackFor::present());
  /// Packs w^T: rows() = w.cols().
  void pack_transposed(In<Scalar> w, Precision products = detail::PackFor::present());

  Index rows() const { return rows_; }
  Index inner() const { return inner_; }
  /// Precision of the factors.
  Precision products() const { return products_; }

  /// Product y[:, j] = W x[:, j] for j < columns. Column j of x begins at x + j * x_stride, column j of y at y + j *
  /// y_stride. x and y must not overlap.
  void multiply(const Scalar* x, Index x_stride, Index columns, Scalar* y, Index y_stride) const {
    multiply(x, x_stride, columns, y, y_stride, false);
  }

  /// Sum y[:, j] += W x[:, j], with the same layout.
  void multiply_add(const Scalar* x, Index x_stride, Index columns, Scalar* y, Index y_stride) const {
    multiply(x, x_stride, columns, y, y_stride, true);
  }

 private:
  using L = NativeLanes<Scalar>;
  using Last = detail::LastLanes<Scalar>;

  /// Sets precision and sizes, and makes room for panels of factors that are not rounded.
  void begin(Precision products, Index rows, Index inner) {
    detail::check_products<Scalar>(products);
    products_ = products, rows_ = rows, inner_ = inner;
    if (is_rounded()) return;
    const Index rest = rows % L::size, needed = (rows + L::size - 1) / L::size * L::size * inner;
    if (panels_.size() < needed) panels_.resize(needed);
    full_ = rest <= Last::size ? rows - rest : rows;
  }

  bool is_rounded() const { return std::is_same_v<Scalar, float> && products_ == Precision::bfloat16; }
  void round(const Scalar* w, Index row_distance, Index column_distance) {
    if constexpr (std::is_same_v<Scalar, float>) rounded_.pack({w, row_distance, column_distance}, rows_, inner_);
  }

  Scalar* panel(Index row) { return panels_.data() + row * inner_; }

  void multiply(const Scalar* x, Index x_stride, Index columns, Scalar* y, Index y_stride, bool add) const;

  Index rows_ = 0, inner_ = 0;
  Index full_ = 0;  // rows in panels of full registers; the other rows have one panel of LastLanes
  VectorX<Scalar> panels_;
  Precision products_ = Precision::float32;
  detail::RoundedMatrix rounded_;
};

// Outside of the class, so that a program which links the component `compiled` does not compile them again.
template <class Scalar>
void PackedMatrix<Scalar>::pack(In<Scalar> w, Precision products) {
  const Index stride = w.outerStride();
  begin(products, w.rows(), w.cols());
  if (is_rounded()) return round(w.data(), 1, stride);
  for (Index row = 0; row < full_; row += L::size)
    detail::pack_panel<L>(w.data() + row, stride, rows_ - row, inner_, panel(row));
  if (full_ < rows_) detail::pack_panel<Last>(w.data() + full_, stride, rows_ - full_, inner_, panel(full_));
}

template <class Scalar>
void PackedMatrix<Scalar>::pack_transposed(In<Scalar> w, Precision products) {
  const Index stride = w.outerStride();
  begin(products, w.cols(), w.rows());
  if (is_rounded()) return round(w.data(), stride, 1);
  for (Index row = 0; row < full_; row += L::size)
    detail::pack_panel_transposed<L>(w.data() + row * stride, stride, rows_ - row, inner_, panel(row));
  if (full_ < rows_)
    detail::pack_panel_transposed<Last>(w.data() + full_ * stride, stride, rows_ - full_, inner_, panel(full_));
}

template <class Scalar>
void PackedMatrix<Scalar>::multiply(const Scalar* x, Index x_stride, Index columns, Scalar* y, Index y_stride,
                                    bool add) const {
  if constexpr (std::is_same_v<Scalar, float>)
    if (is_rounded()) return rounded_.multiply(rows_, inner_, x, x_stride, columns, y, y_stride, add);
  detail::Tile<Scalar> tile{.left = panels_.data(),
                            .panel_stride = L::size * inner_,
                            .left_stride = L::size,
                            .right = x,
                            .right_stride = 1,
                            .column_stride = x_stride,
                            .terms = inner_,
                            .target = y,
                            .target_stride = y_stride,
                            .last_rows = 0,
                            .add = add};
  detail::multiply_panels<L>(tile, full_, columns);
  if (full_ == rows_) return;
  tile.left = panels_.data() + full_ * inner_, tile.left_stride = Last::size;
  tile.right = x, tile.target = y + full_;
  detail::multiply_panels<Last>(tile, rows_ - full_, columns);
}

namespace detail {

/// Columns per block of an outer product: few enough that the operands stay in cache, many enough that sums are rarely
/// written to memory.
inline constexpr Index many_terms = 128, fewer_terms = 96;

/// multiply_panels for a left factor that is not packed: copies a few panels at a time to contiguous memory.
template <class L, class Scalar>
void multiply_copied_panels(Tile<Scalar> tile, Index rows, Index columns) {
  constexpr int height = 3;
  alignas(64) Scalar copy[height * L::size * many_terms];
  const Tile<Scalar> whole = tile;
  tile.left_stride = L::size, tile.panel_stride = L::size * tile.terms;
  EvenParts parts((rows + L::size - 1) / L::size, height);
  for (Index row = 0, part; row < rows; row += part) {
    part = std::min(parts.next() * L::size, rows - row);
    for (Index i = 0; i < part; i += L::size)
      pack_panel<L>(whole.left + row + i, whole.left_stride, part - i, tile.terms, copy + i * tile.terms);
    tile.left = copy, tile.right = whole.right, tile.target = whole.target + row;
    multiply_panels<L>(tile, part, columns);
  }
}

}  // namespace detail

/// Sum of outer products, as in a weight gradient over many columns: gradient [rows x inner] += sum over columns j of
/// a[:, j] b[:, j]^T.
///
/// Column j of a [rows x columns] begins at a + j * a_stride; b [inner x columns] and gradient have the same layout.
/// gradient must not overlap a and b. Allocates nothing. Precision::bfloat16 rounds a and b, as in PackedMatrix.
template <class Scalar>
void add_outer_products(const Scalar* a, Index a_stride, Index rows, const Scalar* b, Index b_stride, Index inner,
                        Index columns, Scalar* gradient, Index gradient_stride,
                        Precision products = Precision::float32) {
  if constexpr (std::is_same_v<Scalar, float>)
    if (products == Precision::bfloat16)
      return detail::with_form([&]<class Form>(Form) {
        detail::add_rounded_outer_products<Form>({a, 1, a_stride}, rows, {b, 1, b_stride}, inner, columns, gradient,
                                                 gradient_stride);
      });
  using L = NativeLanes<Scalar>;
  using Last = detail::LastLanes<Scalar>;
  // Read in place, the terms of a panel are a_stride apart: at multiples of 1 KB they map to few sets of the first-level
  // cache and, from a page on, need one TLB entry each. A copy pays off if many columns follow. With large tiles (many
  // registers) it pays off only in these cases.
  const bool many = inner >= 64;
  const Index bytes = a_stride * Index(sizeof(Scalar));
  const bool copied = many && (!detail::many_registers || bytes % 1024 == 0 || bytes >= 4096);
  const Index full = rows / L::size * L::size, rest = rows - full;
  detail::EvenParts blocks(columns, many ? detail::many_terms : detail::fewer_terms);
  for (Index first = 0, terms; first < columns; first += terms) {
    terms = blocks.next();
    const auto from = [&](Index row) {
      return detail::Tile<Scalar>{.left = a + first * a_stride + row,
                                  .panel_stride = L::size,
                                  .left_stride = a_stride,
                                  .right = b + first * b_stride,
                                  .right_stride = b_stride,
                                  .column_stride = 1,
                                  .terms = terms,
                                  .target = gradient + row,
                                  .target_stride = gradient_stride,
                                  .last_rows = 0,
                                  .add = true};
    };
    detail::Tile<Scalar> tile = from(0);
    if (copied)
      detail::multiply_copied_panels<L>(tile, full, inner);
    else
      detail::multiply_panels<L>(tile, full, inner);
    if (rest > Last::size)  // the last rows fill no register, and memory behind them must not be read
      detail::multiply_copied_panels<L>(from(full), rest, inner);
    else if (rest > 0)
      detail::multiply_copied_panels<Last>(from(full), rest, inner);
  }
}

}  // namespace unroll
