#pragma once

#include "unroll/layers/layer.hpp"
#include "unroll/simd/elementary.hpp"
#include "unroll/simd/runs.hpp"

namespace unroll {

template <class S>
class SoftmaxLayer;

/// Softmax over the features of each column: y_k = exp(x_k) / sum_j exp(x_j), computed with the greatest feature
/// subtracted. For models of other systems that end in probabilities; in training, use SoftmaxCrossEntropy, which takes
/// scores and must not follow this layer.
struct Softmax {
  template <class S>
  using Layer = SoftmaxLayer<S>;
};

template <class S>
class SoftmaxLayer : public LayerBase<S> {
 public:
  struct Tape {
    Buffer<S> output;
  };

  explicit SoftmaxLayer(Softmax) {}

  Shape connect(Shape in) {
    features_ = in.features;
    return in;
  }
  std::string_view name() const { return "softmax"; }
  LayerOptions options() const { return {{"layer", "softmax"}}; }
  bool columnwise() const { return true; }
  Index kept(Index columns, Index, Keeping) const { return features_ * columns; }

  Signal<S> forward(const S*, const Signal<S>& in, const Pass&, const State<S>&, Tape& tape) const {
    auto out = tape.output.shape(in.values.rows(), in.values.cols());
    for (Index c = 0; c < out.cols(); ++c) {
      const auto shifted = [greatest = in.values.col(c).maxCoeff()](auto x) {
        return exp(x - decltype(x)::constant(greatest));
      };
      detail::map_run(features_, shifted, out.col(c).data(), in.values.col(c).data());
      double sum = 0;  // in order, so that the bits of a column do not depend on its position
      for (Index k = 0; k < features_; ++k) sum += double(out(k, c));
      for (Index k = 0; k < features_; ++k) out(k, c) = S(double(out(k, c)) / sum);
    }
    return {view(std::as_const(out)), in.timeline};
  }

  void backward(const S*, const Signal<S>&, const Pass&, ConstView<S> d_out, const State<S>&, Tape& tape, S*,
                View<S> d_in, State<S>*) const {
    if (d_in.data() == nullptr) return;
    const auto y = tape.output.view();
    for (Index c = 0; c < d_in.cols(); ++c) {
      double mean = 0;
      for (Index k = 0; k < features_; ++k) mean += double(y(k, c)) * double(d_out(k, c));
      for (Index k = 0; k < features_; ++k) d_in(k, c) = S(double(y(k, c)) * (double(d_out(k, c)) - mean));
    }
  }

 private:
  Index features_ = 0;
};

}  // namespace unroll
