#pragma once

#include <cmath>

#include "unroll/layers/detail/normalising.hpp"

namespace unroll {

template <class S>
class LayerNormLayer;

/// Layer normalisation (Ba et al. 2016, arXiv:1607.06450, eq. 3 and 4). Normalises every column to mean 0 and variance
/// 1 over its features, then applies a gain and a shift per feature:
///
///     y = weight * (x - mean) / sqrt(variance + epsilon) + bias
///
/// with the variance over n features, not n - 1. If `centred` is false, no mean is subtracted and the mean square
/// replaces the variance: RMSNorm (Zhang & Sennrich 2019, arXiv:1910.07467).
struct LayerNorm {
  double epsilon = 1e-5;  ///< PyTorch's default; Keras's is 1e-3
  bool scaled = true;     ///< has a gain
  bool shifted = true;    ///< has a shift
  bool centred = true;    ///< subtracts the mean

  template <class S>
  using Layer = LayerNormLayer<S>;
};

template <class S>
class LayerNormLayer : public LayerBase<S, detail::GainAndShift<S>>, LayerNorm {
 public:
  using typename LayerNormLayer::LayerBase::Weights;
  struct Tape {
    Buffer<S> output;
    Buffer<S> moments;  // of each column: mean and 1 / sqrt(variance + epsilon)
    VectorX<double> d_gain, d_shift;
  };

  explicit LayerNormLayer(LayerNorm given) : LayerNorm(given) {}

  Shape connect(Shape in) {
    detail::check_divisor<S>("", "epsilon", epsilon);
    features_ = in.features;
    table_ = {};
    Weights::add_to(table_, features_, scaled, shifted);
    return in;
  }
  std::string_view name() const { return centred ? "layer norm" : "rms norm"; }
  LayerOptions options() const {
    return {
        {"layer", "layer norm"}, {"epsilon", epsilon}, {"scaled", scaled}, {"shifted", shifted}, {"centred", centred}};
  }
  const ParameterTable& parameters() const { return table_; }
  std::vector<NamedInitializer> named_initializers() const { return Weights::named_initializers(); }
  bool columnwise() const { return true; }
  Index kept(Index columns, Index, Keeping) const { return (features_ + 2) * columns; }

  void prepare(const S* theta, Weights& weights) const { weights.read(theta, features_, scaled, shifted); }

  Signal<S> forward(const Weights& weights, const Signal<S>& in, const Pass&, const State<S>&, Tape& tape) const {
    auto moments = tape.moments.shape(2, in.values.cols());
    auto out = tape.output.shape(features_, in.values.cols());
    for (Index c = 0; c < out.cols(); ++c) {
      const S mean =
          centred ? over_features([&](auto v, Index row) { return from<decltype(v)>(in.values, row, c); }) : S(0);
      const S variance = over_features([&](auto v, Index row) {
        const auto apart = from<decltype(v)>(in.values, row, c) - v.constant(mean);
        return apart * apart;
      });
      moments(0, c) = mean;
      moments(1, c) = 1 / std::sqrt(variance + S(epsilon));
      detail::each_row<S>(features_, [&]<class V>(V, Index row) {
        const V gain = V::load(weights.gain.data() + row), shift = V::load(weights.shift.data() + row);
        fma(normal<V>(in, tape, row, c), gain, shift).store(out.data() + c * features_ + row);
      });
    }
    return {view(std::as_const(out)), in.timeline};
  }

  void backward(const Weights& weights, const Signal<S>& in, const Pass&, ConstView<S> d_out, const State<S>&,
                Tape& tape, S* gradient, View<S> d_in, State<S>*) const {
    if (scaled || shifted) add_gradients(in, d_out, tape, gradient);
    if (d_in.data() != nullptr)
      for (Index c = 0; c < d_in.cols(); ++c) column_back(weights, in, d_out, tape, d_in, c);
  }

 private:
  template <class V>
  EIGEN_ALWAYS_INLINE static V from(const ConstView<S>& matrix, Index row, Index c) {
    return detail::lanes_at<V>(matrix, row, c);
  }
  template <class V>
  EIGEN_ALWAYS_INLINE static V normal(const Signal<S>& in, Tape& tape, Index row, Index c) {
    const S* const moments = tape.moments.data() + 2 * c;
    return (from<V>(in.values, row, c) - V::constant(moments[0])) * V::constant(moments[1]);
  }

  /// Mean of f(lanes, row) over the features. Lanes are counted from the first row: Eigen's sums would depend on the
  /// memory alignment of the column.
  template <class F>
  S over_features(const F& f) const {
    NativeLanes<S> wide = NativeLanes<S>::constant(0);
    S rest = 0;
    detail::each_row<S>(features_, [&]<class V>(V v, Index row) {
      if constexpr (std::is_same_v<V, NativeLanes<S>>)
        wide += f(v, row);
      else
        rest += lane_sum(f(v, row));
    });
    return (lane_sum(wide) + rest) / S(features_);
  }

  void add_gradients(const Signal<S>& in, const ConstView<S>& d_out, Tape& tape, S* gradient) const {
    const auto terms = [&]<class V>(V, Index row, Index c) {
      const V d = from<V>(d_out, row, c);
      return std::array{d * normal<V>(in, tape, row, c), d};
    };
    detail::sum_columns<S, 2>(features_, d_out.cols(), terms, {&tape.d_gain, &tape.d_shift});
    Weights::add_gradients(tape.d_gain, tape.d_shift, scaled, shifted, gradient);
  }

  /// With n = (x - mean) scale and g = d_out weight: d_in = scale (g - mean(g) - n mean(g n)).
  void column_back(const Weights& weights, const Signal<S>& in, const ConstView<S>& d_out, Tape& tape, View<S>& d_in,
                   Index c) const {
    const auto g = [&]<class V>(V, Index row) { return from<V>(d_out, row, c) * V::load(weights.gain.data() + row); };
    const S mean = centred ? over_features(g) : S(0);
    const S along = over_features([&](auto v, Index row) { return g(v, row) * normal<decltype(v)>(in, tape, row, c); });
    const S scale = tape.moments.view()(1, c);
    detail::each_row<S>(features_, [&]<class V>(V v, Index row) {
      const V rest = g(v, row) - V::constant(mean) - normal<V>(in, tape, row, c) * V::constant(along);
      (rest * V::constant(scale)).store(d_in.data() + c * d_in.outerStride() + row);
    });
  }

  Index features_ = 0;
  ParameterTable table_;
};

}  // namespace unroll
