#pragma once
// Stream of a layer: of the layer itself if it has one, else by its forward pass.

#include <memory>
#include <utility>

#include "unroll/layers/streams/pass_stream.hpp"

namespace unroll::detail {

/// Stream that runs step by step: `Stream` has memory_rows(), state(numbers, turn, s) and step(x, numbers, turn), which
/// returns the output.
template <class S, class Stream>
class StepStream final : public AnyStream<S> {
 public:
  StepStream(Stream stream, Index features, Index outputs)
      : stream_(std::move(stream)), features_(features), outputs_(outputs) {}

  Index memory_rows() const override { return stream_.memory_rows(); }
  S* state(S* numbers, Index turn, Index s) const override { return stream_.state(numbers, turn, int(s)).data(); }

  bool run(const S* x, S* y, Index steps, S* numbers, Index turn, typename AnyStream<S>::Work*) const override {
    const Stream& stream = stream_;
    const Index features = features_, outputs = outputs_;
    for (Index t = 0; t < steps; ++t, turn = 1 - turn, x += features, y += outputs) {
      const S* const out = stream.step(x, numbers, turn);
      for (Index k = 0; k < outputs; ++k) y[k] = out[k];
    }
    return true;
  }

 private:
  Stream stream_;
  Index features_, outputs_;
};

/// Makes the stream of a layer with these features per step. `theta` points to its parameters and must outlive the
/// stream. Layers with a faster stream than their forward pass specialise it, for their exact type.
template <class L>
struct MakeStream {
  using S = typename L::Scalar;
  static std::unique_ptr<AnyStream<S>> of(const L& layer, Index features, Index, const S* theta) {
    return std::make_unique<PassStream<L>>(layer, features, theta);
  }
};

}  // namespace unroll::detail
