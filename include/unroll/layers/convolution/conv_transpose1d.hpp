#pragma once

#include "unroll/core/option_checks.hpp"
#include "unroll/layers/convolution/convolution.hpp"
#include "unroll/layers/detail/layer_checks.hpp"

namespace unroll {

template <class S>
class ConvTranspose1dLayer;

/// Transposed convolution over time, i.e. the gradient of a convolution as a layer. Input step q adds W_k x_q to output
/// step q stride + k dilation - front for each tap k. Sequences become longer by about the factor `stride`.
///
/// For a sequence of n steps the number of output steps is (n - 1) stride - 2 p + dilation (kernel - 1) + 1 +
/// output_padding with p steps cut off at each end, n stride with same(), and 0 if that is below 1 or n = 0. Keras's
/// "valid" with a kernel below the stride corresponds to output_padding = stride - kernel.
///
/// weight [features x kernel * units / groups], column = tap * (units / groups) + unit: the memory layout of Keras's
/// (kernel, units / groups, features); bias [units].
struct ConvTranspose1d {
  Index units = 0;
  Index kernel = 1;                 ///< taps per window
  Index stride = 1;                 ///< output steps between input steps
  Index dilation = 1;               ///< output steps between taps
  Index groups = 1;                 ///< number of feature groups; each feeds its own group of units
  WindowPadding padding = valid();  ///< or same(), or the number of steps cut off at each end
  Index output_padding = 0;         ///< additional steps at the end, below stride or dilation
  bool biased = true;
  Initializers initializers = {};

  template <class S>
  using Layer = ConvTranspose1dLayer<S>;
};

template <class S>
class ConvTranspose1dLayer : public LayerBase<S, detail::ConvolutionWeights<S>>, ConvTranspose1d {
 public:
  using typename ConvTranspose1dLayer::LayerBase::Weights;
  using Tape = detail::ConvolutionTape<S>;

  explicit ConvTranspose1dLayer(ConvTranspose1d given) : ConvTranspose1d(std::move(given)) {}

  Shape connect(Shape in) {
    detail::check_per_step(in);
    detail::check_least<ShapeError>("", "units", units, 1);
    detail::check_bias_initializer<ConvTranspose1d>(*this);
    features_ = in.features;
    convolution_ = {units, features_, windows(), groups};
    check_padding();
    table_ = {};
    table_.add("weight", Role::input_weight, features_, convolution_.inputs_of_window(), kernel);
    if (biased) table_.add("bias", Role::bias, units, 1);
    return {units, true, in.density * double(stride)};
  }
  std::string_view name() const { return "conv transpose"; }
  LayerOptions options() const {
    return {
        {"layer", "conv transpose"}, {"units", units},   {"kernel", kernel},         {"stride", stride},
        {"dilation", dilation},      {"groups", groups}, detail::option_of(padding), {"output_padding", output_padding},
        {"biased", biased}};
  }
  const ParameterTable& parameters() const { return table_; }
  bool causal() const { return false; }
  Index steps_after(Index steps) const { return sizes_of(steps).fine; }
  /// Fans count all taps.
  Initializers role_initializers() const {
    return detail::with_fans(initializers, {kernel * (features_ / groups), kernel * units});
  }
  Index kept(Index columns, Index batch, Keeping) const {
    const auto sizes = sizes_of(batch == 0 ? 0 : divide_up(columns, batch));
    return batch * (convolution_.kept(sizes) + units * sizes.fine);
  }

  void prepare(const S* theta, Weights& weights) const {
    convolution_.pack_spread(theta, weights);
    weights.bias = Eigen::Map<const VectorX<S>>(theta + weight_size(), biased ? units : 0);
  }
  void prepare_back(const S* theta, Weights& weights) const { convolution_.pack_gather(theta, weights); }

  Signal<S> forward(const Weights& weights, const Signal<S>& in, const Pass& pass, const State<S>&, Tape& tape) const {
    const Timeline& out = detail::resized_timeline(keeps_steps(), *in.timeline, tape.timeline,
                                                   [this](Index steps) { return steps_after(steps); });
    detail::find_sizes(*in.timeline, tape.sizes, [this](Index steps) { return sizes_of(steps); });
    convolution_.fill(detail::Side::coarse, in, tape, pass.threads);
    const View<S> y = tape.output.shape(units, out.columns());
    convolution_.run(detail::Side::fine, weights, weights.bias.data(), tape, out, y, pass.threads);
    return {std::as_const(tape.output).view(), &out};
  }

  void backward(const Weights& weights, const Signal<S>& in, const Pass& pass, ConstView<S> d_out, const State<S>&,
                Tape& tape, S* gradient, View<S> d_in, State<S>*) const {
    if (biased) detail::add_columns(d_out, gradient + weight_size());
    convolution_.fill(detail::Side::fine, {d_out, &timeline_after(in, tape)}, tape, pass.threads);
    if (d_in.data() == nullptr) return convolution_.add_gradient(weights, tape, gradient);
    convolution_.run_back(detail::Side::coarse, weights, tape, *in.timeline, d_in, gradient, pass.threads,
                          [](Index, S*) {});
  }

 private:
  using Kind = WindowPadding::Kind;

  void check_padding() const {
    detail::check_padding(padding);
    require<ValueError>(padding.kind() != Kind::causal,
                        "padding must be valid(), same() or a number of steps, got causal()");
    detail::check_between("", "output_padding", output_padding, 0, std::max(stride, dilation) - 1,
                          ", below stride or dilation");
    require<ValueError>(output_padding == 0 || padding.kind() == Kind::number,
                        "output_padding must be 0 with padding same(), got ", output_padding, "; padding ", kernel / 2,
                        " gives Keras's output");
  }
  detail::Windows windows() const { return {kernel, stride, dilation}; }
  detail::ConvolvedSizes sizes_of(Index steps) const {
    const Index span = windows().span(), cut = padding.steps();
    if (steps == 0) return {};
    if (padding.kind() == Kind::same)
      return {detail::lengthened(steps, stride), steps, std::max<Index>(0, span - stride) / 2};
    return {std::max<Index>(0, detail::lengthened(steps - 1, stride) + span - 2 * cut + output_padding), steps, cut};
  }
  bool keeps_steps() const { return stride == 1 && sizes_of(1).fine == 1; }
  Index weight_size() const { return table_.blocks().front().size(); }
  const Timeline& timeline_after(const Signal<S>& in, const Tape& tape) const {
    return keeps_steps() ? *in.timeline : tape.timeline;
  }

  Index features_ = 0;
  ParameterTable table_;
  detail::Convolution<S> convolution_ = {};
};

}  // namespace unroll
