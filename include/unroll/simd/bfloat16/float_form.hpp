#pragma once

#include "unroll/simd/bfloat16/rounded_products.hpp"
#include "unroll/simd/bfloat16/rounding.hpp"
#include "unroll/simd/product_tiles.hpp"

namespace unroll::detail {

/// Form of product for every processor: rounded factors stored as floats, multiplied by the kernels for floats. The
/// product of two factors is exact, and each addition rounds to float.
struct FloatForm {
  using Number = float;
  using L = NativeLanes<float>;
  static constexpr Index panel_rows = L::size, adjacent_terms = 1;
  static constexpr Index panels = 3, term_step = 1, column_step = 1;
  static constexpr bool contiguous_columns = false;

  static float round(float value) { return round_to_bfloat16(value); }
  static void round_column(const float* from, Index terms, float* to) {
    for (Index k = 0; k < terms; ++k) to[k] = round(from[k]);
  }
  static void round_terms(const float* from, Index, Index rows, float* to) { round_column(from, rows, to); }

  static void multiply(const RoundedBlock<float>& block) {
    Tile<float> tile{.left = block.left,
                     .panel_stride = block.panel_stride,
                     .left_stride = panel_rows,
                     .right = block.right,
                     .right_stride = block.term_stride,
                     .column_stride = block.column_stride,
                     .terms = block.terms,
                     .target = block.target,
                     .target_stride = block.target_stride,
                     .last_rows = 0,
                     .add = block.add};
    multiply_panels<L>(tile, block.rows, block.columns);
  }
};

}  // namespace unroll::detail
