#pragma once
// Weights of one pass of a cell in the order in which a stream reads them.

#include <algorithm>

#include "unroll/recurrence/run/stream/stream_plan.hpp"

namespace unroll::detail {

/// Packed weights of the pass of one stage and one size: blocks of rows, each with all its values.
template <class S, class D, FixedRows fixed, int stage, int dimension>
class StreamPacking {
  using Plan = detail::StreamPlan<D>;
  static constexpr const auto& program = D::program;
  static constexpr const auto& schedule = D::schedule;

 public:
  using Rows = StreamRows<D, fixed>;
  static constexpr auto weights = Plan::vectors(stage, dimension);
  static constexpr auto terms = Plan::terms(stage, dimension);
  template <int v>
  static constexpr auto readers = Plan::readers(stage, dimension, v);

  template <class F>
  EIGEN_ALWAYS_INLINE static void each_segment(const Rows& rows, F&& f) {
    detail::each_segment<S, fixed.size[dimension], terms.count>(rows.template of_size<dimension>(), f);
  }

  /// Number of packed values of a block of `height` rows: single weights, biases, weights of each source column by
  /// column.
  EIGEN_ALWAYS_INLINE static Index block_numbers(const Rows& rows, Index height) {
    Index columns = weights.count + terms.count;
    each_source([&]<class Source>(Source) __attribute__((always_inline)) {
      columns += rows.template of_source<Source::value>() * readers<Source::value>.count;
    });
    return columns * height;
  }

  /// Packs the values of the block of `height` rows from `row` on; rows that the cell does not have are 0. Returns the
  /// end of the written range.
  template <class Layout, class Vectors>
  static S* pack(const Layout& layout, const S* theta, const Vectors& single, const Rows& rows, Index row, Index height,
                 S* to) {
    const Index within = std::min(height, rows.template of_size<dimension>() - row);
    const auto put = [&](const S* from, Index stride) {
      for (Index r = 0; r < height; ++r) to[r] = r < within && from != nullptr ? from[r * stride] : S(0);
      to += height;
    };
    for (int k = 0; k < weights.count; ++k) {
      const int w = weights.at[k];
      const bool per_unit = w >= program.weights || program.weight[w].per_unit;
      put(single[w].data() + (per_unit ? row : 0), per_unit ? 1 : 0);
    }
    for (int k = 0; k < terms.count; ++k) {
      const Index bias = layout.bias_offset(terms.at[k]);
      put(bias < 0 ? nullptr : theta + bias + row, 1);
    }
    each_source([&]<class Source>(Source) {
      constexpr int v = Source::value;
      for (Index column = 0; column < rows.template of_source<v>(); ++column)
        for (int k = 0; k < readers<v>.count; ++k)
          if (const auto from = weight_column(layout, theta, v, terms.at[readers<v>.at[k]], column); true)
            put(from.data + row * from.stride, from.stride);
    });
    return to;
  }

  /// Calls f(source) for each source that a term of the pass reads.
  template <class F>
  EIGEN_ALWAYS_INLINE static void each_source(F&& f) {
    detail::each_operation<schedule.sources>([&]<class Source>(Source source) __attribute__((always_inline)) {
      if constexpr (readers<Source::value>.count > 0) f(source);
    });
  }

 private:
  /// Column of the matrix by which a term multiplies source v.
  template <class Layout>
  static Strided<const S> weight_column(const Layout& layout, const S* theta, int v, int term, Index column) {
    const Source& source = schedule.source[v];
    const int slot = schedule.slot_of[term];
    for (int p = source.first_product; p < source.first_product + source.products; ++p)
      if (const Product& product = schedule.product[p];
          slot >= product.first_slot && slot < product.first_slot + product.slots)
        return column_of(layout, theta + layout.weight_offset(product), product, slot, column);
    return {};
  }
  template <class Layout>
  static Strided<const S> column_of(const Layout& layout, const S* first, const Product& product, int slot,
                                    Index column) {
    const Index stride = layout.weight_stride(product);
    if (layout.rule(product).transposed) return {first + column, stride};
    return {first + layout.slot_row(slot) - layout.slot_row(product.first_slot) + column * stride, 1};
  }
};

}  // namespace unroll::detail
