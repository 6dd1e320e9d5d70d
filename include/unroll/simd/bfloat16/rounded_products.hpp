#pragma once
// Products of factors that are rounded to bfloat16, with sums in float: packing and blocks for any form of product.
//
// A form is a type with
//
//     using Number = ...;                     // type of a rounded factor in memory: float or bfloat16 bits
//     static Number round(float);
//     static constexpr Index panel_rows;      // rows of the left factor that are stored together
//     static constexpr Index adjacent_terms;  // terms of a row that are stored together
//     static constexpr Index panels;          // panels of a block of an outer product
//     static constexpr Index term_step;       // terms and columns are padded with zeros to multiples of these
//     static constexpr Index column_step;
//     static constexpr bool contiguous_columns;  // all terms of a column of the right factor are contiguous
//     static void round_column(const float*, Index terms, Number*);  // contiguous terms of a column
//     static void round_terms(const float*, Index distance, Index rows, Number*);  // adjacent_terms terms of a panel
//     static void multiply(const RoundedBlock<Number>&);  // the order of the terms does not depend on the block
//
// The left factor is divided into panels. In a panel, `adjacent_terms` terms of the first row are followed by those of
// the next row, and all rows by the next terms. The right factor is one such panel, its columns in place of rows, or
// all terms of a column are contiguous.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "unroll/core/types.hpp"
#include "unroll/simd/product_tiles.hpp"

namespace unroll::detail {

/// Operands of a product of packed factors: target(r, j) (+)= sum over k of left(r, k) right(k, j).
template <class Number>
struct RoundedBlock {
  const Number* left;
  Index panel_stride;  // distance from panel to panel
  Index rows;
  const Number* right;
  Index term_stride, column_stride;  // distances from `term_step` terms to the next ones, and from column to column
  Index columns;
  Index terms;  // a multiple of term_step
  float* target;
  Index target_stride;
  bool add;
};

/// Matrix whose entry (r, k) is at data + r * row_distance + k * column_distance.
struct StridedFactor {
  const float* data;
  Index row_distance, column_distance;

  float operator()(Index r, Index k) const { return data[r * row_distance + k * column_distance]; }
  StridedFactor from(Index r, Index k) const {
    return {data + r * row_distance + k * column_distance, row_distance, column_distance};
  }
};

constexpr Index round_up(Index value, Index step) { return (value + step - 1) / step * step; }

/// Terms in memory for `terms` of a factor.
template <class Form>
constexpr Index padded_terms(Index terms) {
  return round_up(terms, Form::term_step);
}
/// Numbers in the panels of a left factor.
template <class Form>
constexpr Index packed_numbers(Index rows, Index terms) {
  return round_up(rows, Form::panel_rows) * padded_terms<Form>(terms);
}

/// Rounds `rows` rows of a factor to a panel of `height` rows, `to` [height x padded_terms].
template <class Form>
void round_panel(StridedFactor from, Index rows, Index height, Index terms, typename Form::Number* to) {
  constexpr Index adjacent = Form::adjacent_terms;
  const Index padded = padded_terms<Form>(terms), whole = from.row_distance == 1 ? terms / adjacent * adjacent : 0;
  if (rows < height || whole < padded) std::fill_n(to, height * padded, Form::round(0));
  for (Index k = 0; k < whole; k += adjacent)
    Form::round_terms(from.data + k * from.column_distance, from.column_distance, rows, to + k * height);
  for (Index k = whole; k < terms; ++k) {
    typename Form::Number* const column = to + k / adjacent * (height * adjacent) + k % adjacent;
    for (Index r = 0; r < rows; ++r) column[r * adjacent] = Form::round(from(r, k));
  }
}

/// Packs and rounds a left factor [rows x terms] to `to` [packed_numbers].
template <class Form>
void pack_rounded(StridedFactor from, Index rows, Index terms, typename Form::Number* to) {
  constexpr Index height = Form::panel_rows;
  for (Index row = 0; row < rows; row += height, to += height * padded_terms<Form>(terms))
    round_panel<Form>(from.from(row, 0), std::min(height, rows - row), height, terms, to);
}

/// Rounds columns of a right factor [terms x columns] to `to` [padded_terms x padded columns].
template <class Form>
void round_columns(StridedFactor from, Index terms, Index columns, typename Form::Number* to) {
  const Index padded = padded_terms<Form>(terms);
  if (from.row_distance != 1)  // reads memory in its order
    for (Index k = 0; k < terms; ++k)
      for (Index j = 0; j < columns; ++j) to[j * padded + k] = Form::round(from(k, j));
  for (Index j = 0; j < columns; ++j) {
    typename Form::Number* const column = to + j * padded;
    const float* const terms_of_column = from.data + j * from.column_distance;
    if (from.row_distance == 1) Form::round_column(terms_of_column, terms, column);
    std::fill(column + terms, column + padded, Form::round(0));
  }
  std::fill(to + columns * padded, to + round_up(columns, Form::column_step) * padded, Form::round(0));
}

/// Numbers of a rounded block on the stack: 64 KB, which stay in the second-level cache.
template <class Form>
inline constexpr Index block_numbers = 65536 / Index(sizeof(typename Form::Number));
inline constexpr Index block_terms = 512;  // of a product with packed weights; sums of more terms are added in float

/// Product y[:, j] (+)= W x[:, j] for a packed W [rows x terms], see PackedMatrix::multiply. A column of y depends only
/// on its own column of x.
template <class Form>
void multiply_rounded(const typename Form::Number* packed, Index rows, Index terms, StridedFactor x, Index columns,
                      float* y, Index y_stride, bool add) {
  static_assert(block_terms % Form::term_step == 0);
  alignas(64) typename Form::Number right[std::size_t(block_numbers<Form>)];
  const Index panel_stride = Form::panel_rows * padded_terms<Form>(terms);
  const Index longest = std::max(Form::term_step, padded_terms<Form>(std::min(terms, block_terms)));
  const Index width = block_numbers<Form> / longest / Form::column_step * Form::column_step;
  for (Index first = 0; first < columns; first += width) {
    const Index some = std::min(width, columns - first);
    for (Index k = 0; k == 0 || k < terms; k += block_terms) {
      const Index count = std::min(block_terms, terms - k), padded = padded_terms<Form>(count);
      round_columns<Form>(x.from(k, first), count, some, right);
      Form::multiply({.left = packed + k * Form::panel_rows,
                      .panel_stride = panel_stride,
                      .rows = rows,
                      .right = right,
                      .term_stride = Form::term_step,
                      .column_stride = padded,
                      .columns = some,
                      .terms = padded,
                      .target = y + first * y_stride,
                      .target_stride = y_stride,
                      .add = add || k > 0});
    }
  }
}

/// Sum of outer products of rounded factors: gradient [rows x inner] += sum over j < columns of a(:, j) b(:, j)^T, see
/// add_outer_products. An entry of the gradient depends only on its row of a and of b.
template <class Form>
void add_rounded_outer_products(StridedFactor a, Index rows, StridedFactor b, Index inner, Index columns,
                                float* gradient, Index gradient_stride) {
  constexpr Index terms_at_once = 128, height = Form::panels * Form::panel_rows;
  constexpr Index width = block_numbers<Form> / terms_at_once;
  static_assert(terms_at_once % Form::term_step == 0 && width % Form::column_step == 0);
  alignas(64) typename Form::Number right[std::size_t(block_numbers<Form>)];
  alignas(64) typename Form::Number left[std::size_t(height * terms_at_once)];
  EvenParts parts(columns, terms_at_once);
  for (Index first = 0, terms; first < columns; first += terms) {
    terms = parts.next();
    const Index padded = padded_terms<Form>(terms);
    for (Index from = 0; from < inner; from += width) {
      const Index some = std::min(width, inner - from);
      const StridedFactor turned{b.data, b.column_distance, b.row_distance};
      if constexpr (Form::contiguous_columns)
        round_columns<Form>(turned.from(first, from), terms, some, right);
      else
        round_panel<Form>(b.from(from, first), some, some, terms, right);
      for (Index row = 0; row < rows; row += height) {
        const Index count = std::min(height, rows - row);
        pack_rounded<Form>(a.from(row, first), count, terms, left);
        Form::multiply({.left = left,
                        .panel_stride = Form::panel_rows * padded,
                        .rows = count,
                        .right = right,
                        .term_stride = Form::contiguous_columns ? Form::term_step : some * Form::term_step,
                        .column_stride = Form::contiguous_columns ? padded : Form::adjacent_terms,
                        .columns = some,
                        .terms = padded,
                        .target = gradient + row + from * gradient_stride,
                        .target_stride = gradient_stride,
                        .add = true});
      }
    }
  }
}

}  // namespace unroll::detail
