#pragma once
// Form of product for instructions that multiply pairs of bfloat16 numbers.

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <type_traits>
#include <utility>

#include "unroll/simd/bfloat16/rounded_products.hpp"
#include "unroll/simd/bfloat16/rounding.hpp"

namespace unroll::detail {

/// Form of product composed of tile operations. An object of `Tiles` holds the registers of a block of sums:
///
///     using Scope = ...;                           // an object of it exists during a product
///     static constexpr Index columns;              // columns of a tile of the right factor and of a sum
///     static constexpr Index terms;                // terms of an operation, a multiple of 2
///     static constexpr int panels, column_tiles;   // largest numbers of sums that are held: panels x column_tiles
///     static constexpr bool contiguous_columns;    // whether `terms` terms of a column must be contiguous
///     template <int i, int j> void zero();         // sum (i, j) = 0
///     template <int i> void left(const std::uint16_t*);          // panel i: `terms` of 16 rows
///     template <int j> void right(const std::uint16_t*, Index);  // tile j: `terms` of each column; their distance
///     template <int i, int j> void add();          // sum (i, j) += left i times right j
///     template <int i, int j> void put(float*, Index, bool);     // writes sum (i, j) [16 x columns] to memory or adds
///                                                                // it; distance of columns
///
/// Each sum starts at 0 and is added to the target at the end, so that its bits do not depend on its place.
template <class Tiles>
struct PairForm {
  using Number = std::uint16_t;
  using Block = RoundedBlock<Number>;
  static constexpr Index panel_rows = 16, adjacent_terms = 2, panels = Tiles::panels;
  static constexpr Index term_step = Tiles::terms, column_step = Tiles::columns;
  static constexpr bool contiguous_columns = Tiles::contiguous_columns;

  static Number round(float value) { return bfloat16_bits(value); }
  static void round_column(const float* from, Index terms, Number* to) { round_numbers(from, terms, to); }
  static void round_terms(const float* from, Index distance, Index rows, Number* to) {
    round_pairs(from, from + distance, rows, to);
  }

  static void multiply(const Block& block) {
    static constexpr auto sums = all_sums(std::make_integer_sequence<int, Tiles::panels>());
    [[maybe_unused]] const typename Tiles::Scope scope;
    EvenParts heights((block.rows + panel_rows - 1) / panel_rows, panels);
    for (Index row = 0, height; row < block.rows; row += height * panel_rows) {
      height = heights.next();
      EvenParts widths((block.columns + Tiles::columns - 1) / Tiles::columns, Tiles::column_tiles);
      for (Index column = 0, width; column < block.columns; column += width * Tiles::columns) {
        width = widths.next();
        sums[std::size_t(height - 1)][std::size_t(width - 1)](block, row, column);
      }
    }
  }

 private:
  template <int high, int wide>
  static void sum_up(const Block& block, Index row, Index column) {
    constexpr Index height = high * panel_rows, width = wide * Tiles::columns;
    constexpr std::make_integer_sequence<int, high * wide> each_sum;
    Tiles tiles;
    // Copies, because the compiler must assume that storing a tile changes `block`.
    const Index panel_stride = block.panel_stride, distance = block.column_stride, terms = block.terms;
    const Index term_stride = block.term_stride;
    const Number* left = block.left + row / panel_rows * panel_stride;
    const Number* right = block.right + column * distance;
    float* const target = block.target + row + column * block.target_stride;
    const Index stride = block.target_stride, rows = block.rows - row, columns = block.columns - column;
    const bool add = block.add, whole = rows >= height && columns >= width;
    if (whole) prefetch_target(target, stride, height, width);
    zero<high>(tiles, each_sum);
    for (Index k = 0; k < terms; k += Tiles::terms, left += Tiles::terms * panel_rows, right += term_stride) {
      load_panels(tiles, left, panel_stride, std::make_integer_sequence<int, high>());
      add_products<high>(tiles, right, distance, each_sum);
    }
    if (whole) return put<high>(tiles, target, stride, add, each_sum);
    alignas(64) float sums_of_block[std::size_t(height * width)];
    put<high>(tiles, sums_of_block, height, false, each_sum);
    for (Index c = 0; c < std::min(columns, width); ++c)
      for (Index r = 0; r < std::min(rows, height); ++r) {
        float& to = target[c * stride + r];
        const float sum = sums_of_block[c * height + r];
        to = add ? to + sum : sum;
      }
  }

  // Operations on all panels or all sums; sum (i, j) has the number i + j * high.

  template <int high, int... n>
  EIGEN_ALWAYS_INLINE static void zero(Tiles& tiles, std::integer_sequence<int, n...>) {
    (tiles.template zero<n % high, n / high>(), ...);
  }
  template <int... i>
  EIGEN_ALWAYS_INLINE static void load_panels(Tiles& tiles, const Number* left, Index panel_stride,
                                              std::integer_sequence<int, i...>) {
    (tiles.template left<i>(left + i * panel_stride), ...);
  }
  template <int high, int... n>
  EIGEN_ALWAYS_INLINE static void add_products(Tiles& tiles, const Number* right, Index distance,
                                               std::integer_sequence<int, n...>) {
    ((n % high == 0 ? tiles.template right<n / high>(right + n / high * Tiles::columns * distance, distance) : void(),
      tiles.template add<n % high, n / high>()),
     ...);
  }
  template <int high, int... n>
  EIGEN_ALWAYS_INLINE static void put(Tiles& tiles, float* to, Index stride, bool add,
                                      std::integer_sequence<int, n...>) {
    (tiles.template put<n % high, n / high>(to + n % high * panel_rows + n / high * Tiles::columns * stride, stride,
                                            add),
     ...);
  }

  /// Functions sum_up, indexed by [panels - 1][tiles of columns - 1].
  template <int... i>
  static constexpr auto all_sums(std::integer_sequence<int, i...>) {
    return std::array{sums_of_height<i + 1>(std::make_integer_sequence<int, Tiles::column_tiles>())...};
  }
  template <int high, int... j>
  static constexpr auto sums_of_height(std::integer_sequence<int, j...>) {
    return std::array{&sum_up<high, j + 1>...};
  }
};

}  // namespace unroll::detail
