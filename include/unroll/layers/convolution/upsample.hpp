#pragma once

#include "unroll/core/option_checks.hpp"
#include "unroll/layers/convolution/window_padding.hpp"
#include "unroll/layers/detail/layer_checks.hpp"

namespace unroll {

template <class S>
class UpsampleLayer;

/// Upsampling layer: repeats each step `factor` times (Keras's UpSampling1D, PyTorch's Upsample with nearest
/// neighbour).
struct Upsample {
  Index factor = 2;

  template <class S>
  using Layer = UpsampleLayer<S>;
};

template <class S>
class UpsampleLayer : public LayerBase<S>, Upsample {
 public:
  struct Tape {
    Buffer<S> output;
    Timeline timeline;
  };

  explicit UpsampleLayer(Upsample given) : Upsample(given) {}

  Shape connect(Shape in) {
    detail::check_per_step(in);
    detail::check_between("", "factor", factor, 1, detail::most_of_option);
    features_ = in.features;
    return {in.features, true, in.density * double(factor)};
  }
  std::string_view name() const { return "upsample"; }
  LayerOptions options() const { return {{"layer", "upsample"}, {"factor", factor}}; }
  bool causal() const { return false; }
  Index steps_after(Index steps) const { return detail::lengthened(steps, factor); }
  Index kept(Index columns, Index, Keeping) const { return factor * features_ * columns; }

  Signal<S> forward(const S*, const Signal<S>& in, const Pass&, const State<S>&, Tape& tape) const {
    const Timeline& out = detail::resized_timeline(false, *in.timeline, tape.timeline,
                                                   [this](Index steps) { return steps_after(steps); });
    auto y = tape.output.shape(in.values.rows(), out.columns());
    for (Index c = 0; c < y.cols(); ++c) y.col(c) = in.values.col(source(in, out, c));
    return {std::as_const(tape.output).view(), &out};
  }
  void backward(const S*, const Signal<S>& in, const Pass&, ConstView<S> d_out, const State<S>&, Tape& tape, S*,
                View<S> d_in, State<S>*) const {
    if (d_in.data() == nullptr) return;
    d_in.setZero();
    for (Index c = 0; c < d_out.cols(); ++c) d_in.col(source(in, tape.timeline, c)) += d_out.col(c);
  }

 private:
  Index source(const Signal<S>& in, const Timeline& out, Index column) const {
    return in.timeline->offset(out.step_of(column) / factor) + out.rank_of(column);
  }

  Index features_ = 0;
};

}  // namespace unroll
