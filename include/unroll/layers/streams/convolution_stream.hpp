#pragma once
// Stream of a causal convolution.

#include <algorithm>
#include <limits>
#include <memory>
#include <utility>
#include <vector>

#include "unroll/layers/convolution/windows.hpp"
#include "unroll/layers/streams/any_stream.hpp"
#include "unroll/simd/products.hpp"

namespace unroll::detail {

/// Causal convolution with stride 1: the last inputs are followed by those of a run, and the windows of its steps are
/// the columns of one product. The bits of the forward pass of a model.
///
/// The first number of a sequence is the number of the column at which the last inputs begin. Columns are moved to the
/// front only when the memory is full. It is large enough that neither they nor the inputs of the next run overwrite
/// the earlier ones: a run is undone by the first number alone.
template <class S>
class ConvolutionStream final : public AnyStream<S> {
  using Base = typename AnyStream<S>::Work;

  struct Work final : Base {
    VectorX<S> windows;  // of the steps of a run
  };

 public:
  struct Sizes {
    Index features, units, kernel, dilation, groups;
    /// Inputs of past steps that a step reads.
    Index remembered() const { return (kernel - 1) * dilation; }
    /// Columns of memory.
    Index columns() const { return 2 * (remembered() + stream_chunk); }
  };

  /// Whether the numbers of all columns are exact as S.
  static bool fits(const Sizes& sizes) { return sizes.columns() < Index(1) << std::numeric_limits<S>::digits; }

  /// `weight` [units x kernel * features / groups], column = tap * (features / groups) + feature; `bias` [units], or
  /// empty.
  ConvolutionStream(const Sizes& sizes, const ConstView<S>& weight, VectorX<S> bias)
      : sizes_(sizes), bias_(std::move(bias)), packed_(std::size_t(sizes.groups)) {
    for (Index g = 0; g < sizes_.groups; ++g)
      packed_[std::size_t(g)].pack(weight.middleRows(g * units_of_group(), units_of_group()));
  }

  std::unique_ptr<Base> work() const override {
    auto work = std::make_unique<Work>();
    work->windows.resize(sizes_.kernel * features_of_group() * stream_chunk);
    return work;
  }
  Index memory_rows() const override { return 1 + sizes_.features * sizes_.columns(); }
  void save(const S* numbers, S* to) const override { *to = *numbers; }
  void restore(const S* from, S* numbers) const override { *numbers = *from; }
  S* state(S* numbers, Index, Index) const override { return numbers + 1 + Index(*numbers) * sizes_.features; }

  bool run(const S* x, S* y, Index steps, S* numbers, Index, Base* base) const override {
    const Index features = sizes_.features, units = sizes_.units, history = sizes_.remembered() * features;
    S* first = state(numbers, 0, 0);
    if (Index(*numbers) + sizes_.remembered() + steps > sizes_.columns())
      first = std::copy_n(first, history, numbers + 1) - history;
    std::copy_n(x, steps * features, first + history);
    for (Index g = 0; g < sizes_.groups; ++g) {
      const S* from = first;
      Index distance = features;
      if (sizes_.dilation > 1 || sizes_.groups > 1) {  // windows are not contiguous
        S* const to = static_cast<Work&>(*base).windows.data();
        distance = sizes_.kernel * features_of_group();
        for (Index t = 0; t < steps; ++t)
          for (Index k = 0; k < sizes_.kernel; ++k)
            copy_column<S>(first + (t + k * sizes_.dilation) * features + g * features_of_group(), nullptr,
                           features_of_group(), to + t * distance + k * features_of_group());
        from = to;
      }
      packed_[std::size_t(g)].multiply(from, distance, steps, y + g * units_of_group(), units);
    }
    if (bias_.size() > 0)
      for (Index t = 0; t < steps; ++t) copy_column<S>(y + t * units, bias_.data(), units, y + t * units);
    *numbers = S((first - (numbers + 1)) / features + steps);
    return true;
  }

 private:
  Index features_of_group() const { return sizes_.features / sizes_.groups; }
  Index units_of_group() const { return sizes_.units / sizes_.groups; }

  Sizes sizes_;
  VectorX<S> bias_;
  std::vector<PackedMatrix<S>> packed_;  // by group
};

}  // namespace unroll::detail
