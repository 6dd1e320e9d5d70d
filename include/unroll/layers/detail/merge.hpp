#pragma once
// Merging of values with the same steps.

#include <string>
#include <string_view>
#include <vector>

#include "unroll/layers/layer.hpp"

namespace unroll::detail {

constexpr std::string_view name_of(Merge merge) {
  constexpr std::string_view names[] = {"concat", "sum", "product", "mean"};
  return names[std::size_t(merge)];
}

/// Merges `count` values to `out`. `value(k)` has the columns of `out`, and also its rows unless values are
/// concatenated.
template <class S, class Value>
void merge_values(Merge merge, std::size_t count, const Value& value, View<S> out) {
  if (out.cols() == 0) return;  // a batch without steps may have null data
  Index row = 0;
  for (std::size_t k = 0; k < count; ++k) {
    const ConstView<S> in = value(k);
    if (merge == Merge::concat)
      out.middleRows(row, in.rows()) = in;
    else if (k == 0)
      out = in;
    else if (merge == Merge::product)
      out.array() *= in.array();
    else
      out += in;
    row += in.rows();
  }
  if (merge == Merge::average) out *= S(1) / S(count);
}

/// Gradient of value `k` from the gradient of the merged value.
template <class S, class Value>
void unmerge(Merge merge, std::size_t count, const Value& value, std::size_t k, const ConstView<S>& d_out,
             View<S> d_value) {
  if (d_value.cols() == 0) return;
  Index row = 0;
  for (std::size_t j = 0; merge == Merge::concat && j < k; ++j) row += value(j).rows();
  d_value = d_out.middleRows(row, d_value.rows());
  for (std::size_t j = 0; merge == Merge::product && j < count; ++j)
    if (j != k) d_value.array() *= value(j).array();
  if (merge == Merge::average) d_value *= S(1) / S(count);
}

/// Part of an error message for timelines with different steps or sequences: what `b` has for `a`; empty if equal.
inline std::string difference(const Timeline& a, const Timeline& b) {
  if (&a == &b) return {};
  for (Index sample = 0; sample < a.batch(); ++sample) {
    const Index rank = a.rank(sample), other = b.rank(sample);
    if (a.length(rank) != b.length(other))
      return text(b.length(other), " steps for ", a.length(rank), " of sequence ", a.place(sample));
    if (rank != other) return text("rank ", other, " for ", rank, " of sequence ", a.place(sample));
  }
  for (Index c = 0; c < a.columns(); ++c)
    if (a.step_of(c) != b.step_of(c))
      return text("step ", b.step_of(c), " for ", a.step_of(c), " of sequence ", a.place_of(c));
  return {};
}

}  // namespace unroll::detail
