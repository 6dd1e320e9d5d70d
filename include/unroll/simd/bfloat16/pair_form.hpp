#pragma once
// Form of product for instructions that multiply pairs of bfloat16 numbers.

#include <cstdint>
#include <type_traits>
#include <utility>

#include "unroll/simd/bfloat16/rounded_products.hpp"
#include "unroll/simd/bfloat16/rounding.hpp"

namespace unroll::detail {

/// Calls f(0), ..., f(count - 1) with numbers known at compile time.
template <int count, class F>
EIGEN_ALWAYS_INLINE void each_number(F&& f) {
  [&]<int... k>(std::integer_sequence<int, k...>) { (f(std::integral_constant<int, k>()), ...); }
  (std::make_integer_sequence<int, count>());
}

/// Form of product composed of tile operations. An object of `Tiles` holds the registers of a thread during a product:
///
///     static constexpr Index columns;              // columns of a tile of the right factor and of a sum
///     static constexpr Index terms;                // terms of an operation, a multiple of 2
///     static constexpr int panels, column_tiles;   // sums that are held at a time: panels x column_tiles, each 1 or 2
///     template <int i, int j> void zero();         // sum (i, j) = 0
///     template <int i> void left(const std::uint16_t*);          // panel i: `terms` of 16 rows
///     template <int j> void right(const std::uint16_t*, Index);  // tile j: `terms` of each column; their distance
///     template <int i, int j> void add();          // sum (i, j) += left i times right j
///     template <int i, int j> void store(float*, Index);         // sum (i, j) [16 x columns]; distance of columns
///
/// Each sum starts at 0 and is added to the target at the end, so that its bits do not depend on its place.
template <class Tiles>
struct PairForm {
  using Number = std::uint16_t;
  using Block = RoundedBlock<Number>;
  static constexpr Index panel_rows = 16, adjacent_terms = 2, panels = Tiles::panels;
  static constexpr Index term_step = Tiles::terms, column_step = Tiles::columns;

  static Number round(float value) { return bfloat16_bits(value); }

  static void multiply(const Block& block) {
    Tiles tiles;
    for (Index row = 0; row < block.rows; row += panels * panel_rows)
      for (Index column = 0; column < block.columns; column += Tiles::column_tiles * Tiles::columns) {
        const bool more_panels = panels > 1 && block.rows - row > panel_rows;
        const bool more_columns = Tiles::column_tiles > 1 && block.columns - column > Tiles::columns;
        if (more_panels && more_columns)
          sum_up<Tiles::panels, Tiles::column_tiles>(tiles, block, row, column);
        else if (more_panels)
          sum_up<Tiles::panels, 1>(tiles, block, row, column);
        else if (more_columns)
          sum_up<1, Tiles::column_tiles>(tiles, block, row, column);
        else
          sum_up<1, 1>(tiles, block, row, column);
      }
  }

 private:
  template <int high, int wide>
  static void sum_up(Tiles& tiles, const Block& block, Index row, Index column) {
    // Copies, because the compiler must assume that storing a tile changes `block`.
    const Index panel_stride = block.panel_stride, distance = block.column_stride, terms = block.terms;
    const Number* left = block.left + row / panel_rows * panel_stride;
    const Number* right = block.right + column * distance;
    each_number<high>([&](auto i) { each_number<wide>([&](auto j) { tiles.template zero<i, j>(); }); });
    for (Index k = 0; k < terms; k += Tiles::terms, left += Tiles::terms * panel_rows, right += Tiles::terms) {
      each_number<high>([=, &tiles](auto i) { tiles.template left<i>(left + i * panel_stride); });
      each_number<wide>([=, &tiles](auto j) {
        tiles.template right<j>(right + j * Tiles::columns * distance, distance);
        each_number<high>([&](auto i) { tiles.template add<i, j>(); });
      });
    }
    each_number<high>([&](auto i) {
      each_number<wide>(
          [&](auto j) { put_sum<i, j>(tiles, block, row + i * panel_rows, column + j * Tiles::columns); });
    });
  }

  template <int i, int j>
  static void put_sum(Tiles& tiles, const Block& block, Index row, Index column) {
    const Index rows = std::min(panel_rows, block.rows - row);
    const Index columns = std::min(Tiles::columns, block.columns - column);
    float* const target = block.target + row + column * block.target_stride;
    if (rows == panel_rows && columns == Tiles::columns && !block.add)
      return tiles.template store<i, j>(target, block.target_stride);
    alignas(64) float sums[std::size_t(panel_rows * Tiles::columns)];
    tiles.template store<i, j>(sums, panel_rows);
    for (Index c = 0; c < columns; ++c)
      for (Index r = 0; r < rows; ++r) {
        float& to = target[c * block.target_stride + r];
        to = block.add ? to + sums[c * panel_rows + r] : sums[c * panel_rows + r];
      }
  }
};

}  // namespace unroll::detail
