#pragma once

#include "unroll/core/option_checks.hpp"
#include "unroll/layers/convolution/convolution.hpp"
#include "unroll/layers/detail/layer_checks.hpp"
#include "unroll/layers/streams/convolution_stream.hpp"
#include "unroll/layers/streams/make_stream.hpp"

namespace unroll {

template <class S>
class Conv1dLayer;

/// Convolution over time: y_q = b + sum over taps k of W_k x_{q stride - front + k dilation}. Steps that do not exist
/// and masked steps count as 0. A cross-correlation, as in PyTorch and Keras.
///
/// For a sequence of n steps the number of output steps is floor((n + 2 p - dilation (kernel - 1) - 1) / stride) + 1
/// with p zeros at each end, ceil(n / stride) with same() and causal(), and 0 if no window fits or n = 0. Masked steps
/// between valid ones are allowed only if the number of steps does not change.
///
/// weight [units x kernel * features / groups], column = tap * (features / groups) + feature: the memory layout of
/// Keras's (kernel, features / groups, units); bias [units].
///
/// With causal() and stride 1 the layer can run window by window: its state is the inputs of the last dilation (kernel
/// - 1) steps, initially zeros.
struct Conv1d {
  Index units = 0;
  Index kernel = 1;                 ///< taps per window
  Index stride = 1;                 ///< steps between windows
  Index dilation = 1;               ///< steps between taps
  Index groups = 1;                 ///< number of feature groups; each feeds its own group of units
  WindowPadding padding = valid();  ///< or same(), causal(), or a number of zeros at each end
  bool biased = true;
  Initializers initializers = {};

  template <class S>
  using Layer = Conv1dLayer<S>;
};

template <class S>
class Conv1dLayer : public LayerBase<S, detail::ConvolutionWeights<S>>, Conv1d {
 public:
  using typename Conv1dLayer::LayerBase::Weights;
  using Tape = detail::ConvolutionTape<S>;

  explicit Conv1dLayer(Conv1d given) : Conv1d(std::move(given)) {}

  Shape connect(Shape in) {
    detail::check_per_step(in);
    detail::check_least<ShapeError>("", "units", units, 1);
    detail::check_bias_initializer<Conv1d>(*this);
    features_ = in.features;
    convolution_ = {features_, units, windows(), groups};
    detail::check_padding(padding);
    table_ = {};
    table_.add("weight", Role::input_weight, units, convolution_.inputs_of_window(), kernel);
    if (biased) table_.add("bias", Role::bias, units, 1);
    return {units, true, in.density / double(stride)};
  }
  std::string_view name() const { return "conv1d"; }
  LayerOptions options() const {
    return {{"layer", "conv1d"},    {"units", units},   {"kernel", kernel},         {"stride", stride},
            {"dilation", dilation}, {"groups", groups}, detail::option_of(padding), {"biased", biased}};
  }
  const ParameterTable& parameters() const { return table_; }
  bool detaches() const { return true; }  // its states are inputs, which have no gradient through time
  std::vector<Index> state_rows() const {
    return remembered() > 0 ? std::vector{features_ * remembered()} : std::vector<Index>();
  }
  Index steps_after(Index steps) const { return sizes_of(steps).coarse; }
  bool causal() const { return keeps_steps() && (kernel == 1 || padding.kind() == WindowPadding::Kind::causal); }
  /// Fans count all taps, as in PyTorch and Keras.
  Initializers role_initializers() const {
    return detail::with_fans(initializers, {kernel * (features_ / groups), kernel * units});
  }
  Index kept(Index columns, Index batch, Keeping) const {
    const auto sizes = sizes_of(batch == 0 ? 0 : divide_up(columns, batch));
    return batch * (convolution_.kept(sizes) + units * sizes.coarse);
  }

  void prepare(const S* theta, Weights& weights) const {
    convolution_.pack_gather(theta, weights);
    weights.bias = Eigen::Map<const VectorX<S>>(theta + weight_size(), biased ? units : 0);
  }
  void prepare_back(const S* theta, Weights& weights) const { convolution_.pack_spread(theta, weights); }

  Signal<S> forward(const Weights& weights, const Signal<S>& in, const Pass& pass, const State<S>& initial,
                    Tape& tape) const {
    const Timeline& out = detail::resized_timeline(keeps_steps(), *in.timeline, tape.timeline,
                                                   [this](Index steps) { return steps_after(steps); });
    detail::find_sizes(*in.timeline, tape.sizes, [this](Index steps) { return sizes_of(steps); });
    convolution_.fill(detail::Side::fine, in, tape, pass.threads);
    if (!initial.empty()) begin_with(initial, *in.timeline, tape);
    const View<S> y = tape.output.shape(units, out.columns());
    convolution_.run(detail::Side::coarse, weights, weights.bias.data(), tape, out, y, pass.threads);
    return {std::as_const(tape.output).view(), &out};
  }

  /// Inputs of the last steps, in order of time.
  void final_state(const Signal<S>& in, Tape& tape, State<S>& state) const {
    state.resize(remembered() > 0 ? 1 : 0);
    if (state.empty()) return;
    state[0].resize(features_ * remembered(), in.timeline->batch());
    for (Index r = 0; r < in.timeline->batch(); ++r)
      for (Index k = 0; k < remembered(); ++k)
        tape.fine.get(r, tape.sizes[std::size_t(r)].coarse + k, &state[0](k * features_, in.timeline->sample(r)));
  }

  void backward(const Weights& weights, const Signal<S>& in, const Pass& pass, ConstView<S> d_out,
                const State<S>& d_final, Tape& tape, S* gradient, View<S> d_in, State<S>* d_initial) const {
    const Timeline &time = *in.timeline, &out = timeline_after(in, tape);
    const Index rows = features_ * remembered();
    if (!d_final.empty()) check("gradient of the final state", d_final[0], time);
    const bool first = d_initial != nullptr && rows > 0;
    if (d_initial != nullptr) d_initial->resize(first ? 1 : 0);
    if (first) (*d_initial)[0].resize(rows, time.batch());

    const ConstView<S> d_y = d_out.data() != nullptr ? d_out : no_gradient(tape.output, out.columns());
    if (biased) detail::add_columns(d_y, gradient + weight_size());
    convolution_.fill(detail::Side::coarse, {d_y, &out}, tape, pass.threads);
    if (d_in.data() == nullptr && !first) return convolution_.add_gradient(weights, tape, gradient);
    convolution_.run_back(detail::Side::fine, weights, tape, time, d_in, gradient, pass.threads,
                          [&](Index r, S* places) {
                            const Index last = tape.sizes[std::size_t(r)].coarse * features_;
                            if (!d_final.empty())
                              Eigen::Map<VectorX<S>>(places + last, rows) += d_final[0].col(time.sample(r));
                            if (first) (*d_initial)[0].col(time.sample(r)) = Eigen::Map<const VectorX<S>>(places, rows);
                          });
  }

  /// Stream of a causal layer; see detail::MakeStream.
  std::unique_ptr<detail::AnyStream<S>> make_stream(const S* theta) const {
    using Stream = detail::ConvolutionStream<S>;
    const typename Stream::Sizes sizes{features_, units, kernel, dilation, groups};
    if (!Stream::fits(sizes)) return std::make_unique<detail::PassStream<Conv1dLayer>>(*this, features_, theta);
    return std::make_unique<Stream>(
        sizes, ConstView<S>(theta, units, convolution_.inputs_of_window(), Eigen::OuterStride<>(units)),
        Eigen::Map<const VectorX<S>>(theta + weight_size(), biased ? units : 0));
  }

 private:
  detail::Windows windows() const { return {kernel, stride, dilation}; }
  ConstView<S> no_gradient(Buffer<S>& memory, Index columns) const {
    memory.zero(units, columns);
    return std::as_const(memory).view();
  }
  /// Number of past input steps that a causal convolution stores as its state.
  Index remembered() const {
    return stride == 1 && padding.kind() == WindowPadding::Kind::causal ? windows().span() - 1 : 0;
  }
  detail::ConvolvedSizes sizes_of(Index steps) const {
    const Index before = remembered();
    if (before > 0) return {before + steps, steps, 0, before};
    return detail::windows_on(windows(), padding, steps);
  }
  void check(std::string_view what, const MatrixX<S>& given, const Timeline& timeline) const {
    detail::check_shape("", what, given.rows(), given.cols(), features_ * remembered(), timeline.batch());
  }
  void begin_with(const State<S>& initial, const Timeline& timeline, Tape& tape) const {
    check("initial state", initial[0], timeline);
    detail::check_no_gaps(timeline);
    for (Index r = 0; r < timeline.batch(); ++r)
      for (Index k = 0; k < remembered(); ++k) tape.fine.put(r, k, &initial[0](k * features_, timeline.sample(r)));
  }
  bool keeps_steps() const { return stride == 1 && detail::zeros_of(windows(), padding) == windows().span() - 1; }
  Index weight_size() const { return table_.blocks().front().size(); }
  const Timeline& timeline_after(const Signal<S>& in, const Tape& tape) const {
    return keeps_steps() ? *in.timeline : tape.timeline;
  }

  Index features_ = 0;
  ParameterTable table_;
  detail::Convolution<S> convolution_ = {};
};

namespace detail {
template <class S>
struct MakeStream<Conv1dLayer<S>> {
  static std::unique_ptr<AnyStream<S>> of(const Conv1dLayer<S>& layer, Index, Index, const S* theta) {
    return layer.make_stream(theta);
  }
};
}  // namespace detail

}  // namespace unroll
