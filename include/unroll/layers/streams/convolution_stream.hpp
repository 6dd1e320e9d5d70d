#pragma once
// Stream of a causal convolution.

#include <algorithm>
#include <vector>

#include "unroll/layers/streams/any_stream.hpp"
#include "unroll/simd/products.hpp"
#include "unroll/simd/runs.hpp"

namespace unroll::detail {

/// Causal convolution with stride 1: the last inputs are followed by those of a run, and each tap is a product with
/// some of these columns. The bits of the forward pass of a model.
template <class S>
class ConvolutionStream final : public AnyStream<S> {
 public:
  struct Sizes {
    Index features, units, kernel, dilation, groups;
  };

  /// `weight` [units x kernel * features / groups], column = tap * (features / groups) + feature; `bias` [units], or
  /// empty.
  ConvolutionStream(const Sizes& sizes, const ConstView<S>& weight, VectorX<S> bias)
      : sizes_(sizes), bias_(std::move(bias)), taps_(std::size_t(sizes.groups * sizes.kernel)) {
    const Index rows = units_of_group(), columns = features_of_group();
    for (Index g = 0; g < sizes_.groups; ++g)
      for (Index k = 0; k < sizes_.kernel; ++k) tap(g, k).pack(weight.block(g * rows, k * columns, rows, columns));
  }

  Index memory_rows() const override { return sizes_.features * (remembered() + stream_chunk); }
  S* state(S* numbers, Index, Index) const override { return numbers; }

  bool run(const S* x, S* y, Index steps, S* numbers, Index, typename AnyStream<S>::Work*) const override {
    const Index features = sizes_.features, units = sizes_.units, history = remembered() * features;
    std::copy_n(x, steps * features, numbers + history);
    for (Index g = 0; g < sizes_.groups; ++g)
      for (Index k = 0; k < sizes_.kernel; ++k) {
        const S* const from = numbers + k * sizes_.dilation * features + g * features_of_group();
        S* const to = y + g * units_of_group();
        if (k == 0)
          tap(g, k).multiply(from, features, steps, to, units);
        else
          tap(g, k).multiply_add(from, features, steps, to, units);
      }
    if (bias_.size() > 0)
      for (Index t = 0; t < steps; ++t)
        for (Index row = 0; row < units; ++row) y[t * units + row] += bias_[row];
    std::copy_n(numbers + steps * features, history, numbers);
    return true;
  }

 private:
  Index remembered() const { return (sizes_.kernel - 1) * sizes_.dilation; }
  Index features_of_group() const { return sizes_.features / sizes_.groups; }
  Index units_of_group() const { return sizes_.units / sizes_.groups; }
  PackedMatrix<S>& tap(Index group, Index k) { return taps_[std::size_t(group * sizes_.kernel + k)]; }
  const PackedMatrix<S>& tap(Index group, Index k) const { return taps_[std::size_t(group * sizes_.kernel + k)]; }

  Sizes sizes_;
  VectorX<S> bias_;
  std::vector<PackedMatrix<S>> taps_;  // of all groups
};

}  // namespace unroll::detail
