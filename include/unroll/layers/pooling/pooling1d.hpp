#pragma once
// Pooling over windows of steps. A window ignores places without a step: before or after the sequence, or masked.

#include "unroll/core/option_checks.hpp"
#include "unroll/layers/convolution/window_padding.hpp"
#include "unroll/layers/detail/layer_checks.hpp"

namespace unroll {
namespace detail {

template <class S>
struct PoolingTape {
  std::vector<Index> columns;  // of a sequence, by place; -1 where masked
  Buffer<Index> chosen;        // by MaxPool1d: column of each maximum
  Buffer<S> output;
  Timeline timeline;  // of the output, if it differs from that of the input
};

/// Steps in one window.
struct PooledWindow {
  std::span<const Index>
      columns;  // of the input, from the first to the last tap, including places between taps; -1: masked
  Index dilation;
  Index places;  // places of the window with padding, without those beyond the padding

  /// Calls f(column) for each step of the window.
  template <class F>
  EIGEN_ALWAYS_INLINE void each_step(F&& f) const {
    for (std::size_t k = 0; k < columns.size(); k += std::size_t(dilation))
      if (columns[k] >= 0) f(columns[k]);
  }
  Index steps() const {
    Index count = 0;
    each_step([&](Index) { ++count; });
    return count;
  }
};

/// Window arithmetic of pooling layers, independent of the scalar type.
struct Pooled {
  Windows windows;
  WindowPadding padding;
  bool ceil_mode;

  /// Throws ShapeError or ValueError for invalid options.
  void check(Shape in) const {
    check_per_step(in);
    check_between("", "kernel", windows.kernel, 1, most_of_option - 1);
    check_between("", "stride", windows.stride, 1, most_of_option - 1, " (0: the kernel)");
    check_between("", "dilation", windows.dilation, 1, most_of_option - 1);
    check_between("", "padding", padding.steps(), 0, windows.span() / 2, ", half of a window");
    require<ValueError>(!ceil_mode || padding.kind() == WindowPadding::Kind::number,
                        "padding must be a number with ceil_mode, got ",
                        padding.kind() == WindowPadding::Kind::same ? "same()" : "causal()");
  }
  bool keeps_steps() const { return windows.stride == 1 && zeros_of(windows, padding) == windows.span() - 1; }

  /// Number of output steps. ceil_mode adds a window that extends beyond the padding, unless it would begin after the
  /// last step.
  Index length(Index steps) const {
    const ConvolvedSizes sizes = windows_on(windows, padding, steps);
    if (!ceil_mode) return sizes.coarse;
    const Index next = sizes.coarse * windows.stride - sizes.front, end = steps + padding.steps();
    return sizes.coarse + Index(next < steps && next - windows.stride + windows.span() < end);
  }

  template <class S>
  const Timeline& timeline_after(const Timeline& in, const PoolingTape<S>& tape) const {
    return keeps_steps() ? in : tape.timeline;
  }

  /// Calls f(output column, window) for each window.
  template <class S, class F>
  void each_window(const Timeline& in, PoolingTape<S>& tape, F&& f) const {
    const Timeline& out = timeline_after(in, tape);
    for (Index r = 0; r < out.batch(); ++r) {
      const Index places = places_of_sequence(in, r), front = windows_on(windows, padding, places).front;
      tape.columns.assign(std::size_t(places), -1);
      for (Index k = 0; k < in.length(r); ++k)
        tape.columns[std::size_t(place_in_sequence(in, r, k))] = in.offset(k) + r;
      for (Index k = 0; k < out.length(r); ++k)
        f(out.offset(k) + r, window(tape.columns, place_in_sequence(out, r, k) * windows.stride - front));
    }
  }

 private:
  PooledWindow window(std::span<const Index> columns, Index begin) const {
    const Index places = Index(columns.size()), span = windows.span(), dilation = windows.dilation;
    const Index first = begin < 0 ? begin + divide_up(-begin, dilation) * dilation : begin;
    const Index last = std::max(first, std::min(places, begin + span));
    return {first < places ? columns.subspan(std::size_t(first), std::size_t(last - first)) : std::span<const Index>(),
            dilation, ceil_mode ? std::min(span, places + padding.steps() - begin) : span};
  }
};

/// Base class of MaxPool1dLayer and AveragePool1dLayer.
template <class S>
class WindowPooling : public LayerBase<S> {
 public:
  using Tape = PoolingTape<S>;

  Shape connect(Shape in) {
    pooled_.check(in);
    features_ = in.features;
    return {in.features, true, in.density / double(pooled_.windows.stride)};
  }
  bool causal() const { return false; }
  Index steps_after(Index steps) const { return pooled_.length(steps); }
  Index kept(Index columns, Index batch, Keeping) const {
    return batch == 0 ? 0 : features_ * batch * pooled_.length(divide_up(columns, batch));
  }

 protected:
  WindowPooling(Windows windows, WindowPadding padding, bool ceil_mode)
      : pooled_{{windows.kernel, windows.stride == 0 ? windows.kernel : windows.stride, windows.dilation},
                padding,
                ceil_mode} {}

  View<S> begin(const Signal<S>& in, Tape& tape) const {
    const Timeline& out = resized_timeline(pooled_.keeps_steps(), *in.timeline, tape.timeline,
                                           [this](Index steps) { return steps_after(steps); });
    return tape.output.shape(in.values.rows(), out.columns());
  }
  Signal<S> result(const Signal<S>& in, const Tape& tape) const {
    return {tape.output.view(), &pooled_.timeline_after(*in.timeline, tape)};
  }
  const Pooled& pooled() const { return pooled_; }
  LayerOptions options_as(std::string_view kind) const {
    return {{"layer", kind},
            {"kernel", pooled_.windows.kernel},
            {"stride", pooled_.windows.stride},
            option_of(pooled_.padding),
            {"ceil_mode", pooled_.ceil_mode}};
  }

 private:
  Pooled pooled_;
  Index features_ = 0;
};

}  // namespace detail

template <class S>
class MaxPool1dLayer;

/// Max pooling over windows, per feature. The gradient goes to the first step with the maximum. The number of output
/// steps is that of Conv1d. A window without steps, possible only with dilation, gives 0.
struct MaxPool1d {
  Index kernel = 2;                 ///< steps per window
  Index stride = 0;                 ///< steps between windows; 0: kernel, so that windows do not overlap
  Index dilation = 1;               ///< steps between taps
  WindowPadding padding = valid();  ///< or same(), causal(), or a number up to half the span of a window
  bool ceil_mode = false;           ///< allows a last window beyond the end (PyTorch); see docs/convolutions.md

  template <class S>
  using Layer = MaxPool1dLayer<S>;
};

template <class S>
class MaxPool1dLayer : public detail::WindowPooling<S> {
 public:
  using typename detail::WindowPooling<S>::Tape;

  explicit MaxPool1dLayer(MaxPool1d options)
      : detail::WindowPooling<S>({options.kernel, options.stride, options.dilation}, options.padding,
                                 options.ceil_mode) {}

  std::string_view name() const { return "max pool1d"; }
  LayerOptions options() const {
    LayerOptions all = this->options_as(name());
    all.emplace_back("dilation", this->pooled().windows.dilation);
    return all;
  }
  Index kept(Index columns, Index batch, Keeping keeping) const {  // chosen columns are of type Index
    const Index output = detail::WindowPooling<S>::kept(columns, batch, keeping);
    return output + output * Index(sizeof(Index) / sizeof(S));
  }

  Signal<S> forward(const S*, const Signal<S>& in, const Pass&, const State<S>&, Tape& tape) const {
    auto greatest = this->begin(in, tape);
    auto chosen = tape.chosen.shape(greatest.rows(), greatest.cols());
    chosen.setConstant(-1);
    this->pooled().each_window(*in.timeline, tape, [&](Index to, const detail::PooledWindow& window) {
      bool empty = true;
      window.each_step([&](Index from) {
        choose(in.values.col(from), from, greatest.col(to), chosen.col(to));
        empty = false;
      });
      if (empty) greatest.col(to).setZero();
    });
    return this->result(in, tape);
  }
  void backward(const S*, const Signal<S>&, const Pass&, ConstView<S> d_out, const State<S>&, Tape& tape, S*,
                View<S> d_in, State<S>*) const {
    if (d_in.data() == nullptr) return;
    d_in.setZero();
    const auto chosen = std::as_const(tape.chosen).view();
    for (Index c = 0; c < d_out.cols(); ++c)
      for (Index k = 0; k < d_out.rows(); ++k)
        if (chosen(k, c) >= 0) d_in(k, chosen(k, c)) += d_out(k, c);
  }

 private:
  /// Propagates a NaN.
  template <class From, class To, class Chosen>
  static void choose(const From& values, Index column, To&& greatest, Chosen&& chosen) {
    for (Index k = 0; k < values.size(); ++k)
      if (chosen[k] < 0 || (!(values[k] <= greatest[k]) && greatest[k] == greatest[k]))
        greatest[k] = values[k], chosen[k] = column;
  }
};

template <class S>
class AveragePool1dLayer;

/// Average pooling over windows. The number of output steps is that of Conv1d.
///
/// The mean is over the steps in the window without padding, so windows at the ends of a sequence average fewer values,
/// as in Keras. PyTorch's default counts padding as zeros: `count_padding`.
struct AveragePool1d {
  Index kernel = 2;                 ///< steps per window
  Index stride = 0;                 ///< steps between windows; 0: kernel, so that windows do not overlap
  WindowPadding padding = valid();  ///< or same(), causal(), or a number up to kernel / 2
  bool count_padding = false;       ///< divides by all places of a window, padding included
  bool ceil_mode = false;           ///< as in MaxPool1d; places beyond the padding never count

  template <class S>
  using Layer = AveragePool1dLayer<S>;
};

template <class S>
class AveragePool1dLayer : public detail::WindowPooling<S> {
 public:
  using typename detail::WindowPooling<S>::Tape;

  explicit AveragePool1dLayer(AveragePool1d options)
      : detail::WindowPooling<S>({options.kernel, options.stride, 1}, options.padding, options.ceil_mode),
        count_padding_(options.count_padding) {}

  std::string_view name() const { return "average pool1d"; }
  LayerOptions options() const {
    LayerOptions all = this->options_as(name());
    all.emplace_back("count_padding", count_padding_);
    return all;
  }

  Signal<S> forward(const S*, const Signal<S>& in, const Pass&, const State<S>&, Tape& tape) const {
    auto mean = this->begin(in, tape);
    mean.setZero();
    this->pooled().each_window(*in.timeline, tape, [&](Index to, const detail::PooledWindow& window) {
      window.each_step([&](Index from) { mean.col(to) += in.values.col(from); });
      mean.col(to) /= divisor(window);
    });
    return this->result(in, tape);
  }
  void backward(const S*, const Signal<S>& in, const Pass&, ConstView<S> d_out, const State<S>&, Tape& tape, S*,
                View<S> d_in, State<S>*) const {
    if (d_in.data() == nullptr) return;
    d_in.setZero();
    this->pooled().each_window(*in.timeline, tape, [&](Index to, const detail::PooledWindow& window) {
      const S count = divisor(window);
      window.each_step([&](Index from) { d_in.col(from) += d_out.col(to) / count; });
    });
  }

 private:
  S divisor(const detail::PooledWindow& window) const { return S(count_padding_ ? window.places : window.steps()); }

  bool count_padding_;
};

}  // namespace unroll
