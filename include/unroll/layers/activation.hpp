#pragma once

#include "unroll/layers/detail/normalising.hpp"
#include "unroll/simd/activations.hpp"

namespace unroll {

template <class S, Activation A>
class ActivationLayer;

/// Elementwise activation layer, with a function of simd/activations.hpp or a user-defined one: `Activate<Softplus>{}`,
/// `Activate<LeakyRelu>{{.negative_slope = 0.1}}`.
template <Activation A>
struct Activate {
  A function = {};

  template <class S>
  using Layer = ActivationLayer<S, A>;
};

template <class S, Activation A>
class ActivationLayer : public LayerBase<S> {
 public:
  struct Tape {
    Buffer<S> output;
  };

  explicit ActivationLayer(Activate<A> given) : function_(given.function) {}

  Shape connect(Shape in) {
    features_ = in.features;
    return in;
  }
  std::string_view name() const { return A::name; }
  LayerOptions options() const {
    LayerOptions all{{"layer", "activation"}, {"function", A::name}};
    if constexpr (requires { function_.visit_options([](std::string_view, double) {}); })
      function_.visit_options([&](std::string_view name, double number) { all.emplace_back(name, number); });
    return all;
  }
  bool columnwise() const { return true; }
  Index kept(Index columns, Index, Keeping) const { return features_ * columns; }

  Signal<S> forward(const S*, const Signal<S>& in, const Pass&, const State<S>&, Tape& tape) const {
    auto out = tape.output.shape(in.values.rows(), in.values.cols());
    detail::map_entries([this](auto x) { return function_.value(x); }, out, in.values);
    return {view(std::as_const(out)), in.timeline};
  }

  void backward(const S*, const Signal<S>& in, const Pass&, ConstView<S> d_out, const State<S>&, Tape& tape, S*,
                View<S> d_in, State<S>*) const {
    if (d_in.data() == nullptr) return;
    const auto slope = [this](auto d, auto value) { return d * function_.slope(value); };
    if constexpr (A::by_output)
      detail::map_entries(slope, d_in, d_out, tape.output.view());
    else
      detail::map_entries(slope, d_in, d_out, in.values);
  }

 private:
  A function_;
  Index features_ = 0;
};

template <class S>
class PReluLayer;

/// Rectifier with a trained slope for negative inputs (He et al. 2015, arXiv:1502.01852, eq. 1): x if x > 0, else
/// weight * x, with one weight for all features or one per feature. Weight decay would reduce the slope to 0; see
/// `decay_mask`, with Role::gain.
struct PRelu {
  bool per_feature = false;
  double initial = 0.25;  ///< initial slope

  template <class S>
  using Layer = PReluLayer<S>;
};

/// Its prepared parameters are the slopes of all features.
template <class S>
class PReluLayer : public LayerBase<S, VectorX<S>>, PRelu {
 public:
  struct Tape {
    Buffer<S> output;
    VectorX<double> d_slope;
  };

  explicit PReluLayer(PRelu given) : PRelu(given) {}

  Shape connect(Shape in) {
    detail::check_option_in<S>(std::abs(initial) <= double(std::numeric_limits<S>::max()), "", "initial", "finite",
                               initial);
    features_ = in.features;
    table_ = {};
    table_.add("weight", Role::gain, per_feature ? features_ : 1, 1);
    return in;
  }
  std::string_view name() const { return "prelu"; }
  LayerOptions options() const { return {{"layer", "prelu"}, {"per_feature", per_feature}}; }
  const ParameterTable& parameters() const { return table_; }
  std::vector<NamedInitializer> named_initializers() const { return {{"weight", init::constant(initial)}}; }
  bool columnwise() const { return true; }
  Index kept(Index columns, Index, Keeping) const { return features_ * columns; }

  void prepare(const S* theta, VectorX<S>& slopes) const {
    slopes.setConstant(features_, *theta);
    if (per_feature) slopes = Eigen::Map<const VectorX<S>>(theta, features_);
  }

  Signal<S> forward(const VectorX<S>& slopes, const Signal<S>& in, const Pass&, const State<S>&, Tape& tape) const {
    auto out = tape.output.shape(features_, in.values.cols());
    each(out, [&]<class V>(V, Index row, Index c) {
      const V x = detail::lanes_at<V>(in.values, row, c);
      return select_greater(x, V::constant(0), x, x * V::load(slopes.data() + row));
    });
    return {view(std::as_const(out)), in.timeline};
  }

  void backward(const VectorX<S>& slopes, const Signal<S>& in, const Pass&, ConstView<S> d_out, const State<S>&,
                Tape& tape, S* gradient, View<S> d_in, State<S>*) const {
    const auto d_slope = [&]<class V>(V, Index row, Index c) {
      const V x = detail::lanes_at<V>(in.values, row, c);
      return std::array{select_greater(x, V::constant(0), V::constant(0), x * detail::lanes_at<V>(d_out, row, c))};
    };
    detail::sum_columns<S, 1>(features_, d_out.cols(), d_slope, {&tape.d_slope});
    for (Index row = 0; row < features_; ++row) gradient[per_feature ? row : 0] += S(tape.d_slope[row]);
    if (d_in.data() == nullptr) return;
    each(d_in, [&]<class V>(V, Index row, Index c) {
      const V d = detail::lanes_at<V>(d_out, row, c);
      return select_greater(detail::lanes_at<V>(in.values, row, c), V::constant(0), d,
                            d * V::load(slopes.data() + row));
    });
  }

 private:
  /// to(row, column) = f(lanes, row, column).
  template <class F>
  void each(View<S> to, F&& f) const {
    for (Index c = 0; c < to.cols(); ++c)
      detail::each_row<S>(features_,
                          [&]<class V>(V v, Index row) { f(v, row, c).store(to.data() + c * to.outerStride() + row); });
  }

  Index features_ = 0;
  ParameterTable table_;
};

}  // namespace unroll
