#pragma once

#include "unroll/core/option_checks.hpp"
#include "unroll/layers/detail/layer_checks.hpp"
#include "unroll/layers/layer.hpp"
#include "unroll/layers/streams/dot_stream.hpp"
#include "unroll/layers/streams/make_stream.hpp"
#include "unroll/simd/column_sums.hpp"
#include "unroll/simd/products.hpp"

namespace unroll {
namespace detail {

/// Affine map y = W x + b by columns, with W packed for products.
template <class S>
struct PackedMap {
  PackedMatrix<S> packed, transposed;
  VectorX<S> bias;  // empty: no bias

  ConstView<S> forward(const ConstView<S>& x, Buffer<S>& output) const {
    auto y = output.shape(packed.rows(), x.cols());
    packed.multiply(x.data(), x.outerStride(), x.cols(), y.data(), y.outerStride());
    if (bias.size() > 0) y.colwise() += bias;
    return unroll::view(std::as_const(y));
  }
  /// `d_x` may be null: then it is not computed.
  void backward(const ConstView<S>& d_y, View<S> d_x) const {
    if (d_x.data() != nullptr)
      transposed.multiply(d_y.data(), d_y.outerStride(), d_y.cols(), d_x.data(), d_x.outerStride());
  }
};

}  // namespace detail

template <class S>
class DenseLayer;

/// Dense layer: y = W x + b for each column, i.e. each step, or each sequence after pooling. W [units x features], b
/// [units].
struct Dense {
  Index units = 0;
  bool biased = true;
  Initializers initializers = {};

  template <class S>
  using Layer = DenseLayer<S>;
};

template <class S>
class DenseLayer : public LayerBase<S, detail::PackedMap<S>>, Dense {
 public:
  using typename DenseLayer::LayerBase::Weights;
  struct Tape {
    Buffer<S> output;
  };

  explicit DenseLayer(Dense given) : Dense(std::move(given)) {}

  Shape connect(Shape in) {
    detail::check_least<ShapeError>("", "units", units, 1);
    detail::check_bias_initializer<Dense>(*this);
    features_ = in.features;
    table_ = {};
    table_.add("weight", Role::input_weight, units, features_);
    if (biased) table_.add("bias", Role::bias, units, 1);
    return {units, in.per_step, in.density};
  }
  std::string_view name() const { return "dense"; }
  LayerOptions options() const { return {{"layer", "dense"}, {"units", units}, {"biased", biased}}; }
  const ParameterTable& parameters() const { return table_; }
  bool columnwise() const { return true; }
  Initializers role_initializers() const { return initializers; }
  Index kept(Index columns, Index, Keeping) const { return units * columns; }

  void prepare(const S* theta, Weights& weights) const {
    weights.packed.pack(matrix(theta));
    weights.bias = Eigen::Map<const VectorX<S>>(theta + units * features_, biased ? units : 0);
  }
  void prepare_back(const S* theta, Weights& weights) const { weights.transposed.pack_transposed(matrix(theta)); }

  Signal<S> forward(const Weights& weights, const Signal<S>& in, const Pass&, const State<S>&, Tape& tape) const {
    return {weights.forward(in.values, tape.output), in.timeline};
  }

  void backward(const Weights& weights, const Signal<S>& in, const Pass&, ConstView<S> d_out, const State<S>&, Tape&,
                S* gradient, View<S> d_in, State<S>*) const {
    add_outer_products(d_out.data(), d_out.outerStride(), units, in.values.data(), in.values.outerStride(), features_,
                       d_out.cols(), gradient, units, weights.packed.products());
    if (biased) detail::add_columns(d_out, gradient + units * features_);
    weights.backward(d_out, d_in);
  }

 private:
  ConstView<S> matrix(const S* theta) const { return {theta, units, features_, Eigen::OuterStride<>(units)}; }

  Index features_ = 0;
  ParameterTable table_;
};

namespace detail {

/// Few outputs are dot products.
template <class S>
struct MakeStream<DenseLayer<S>> {
  static std::unique_ptr<AnyStream<S>> of(const DenseLayer<S>& layer, Index features, Index outputs, const S* theta) {
    if (outputs > most_dots) return std::make_unique<PassStream<DenseLayer<S>>>(layer, features, theta);
    const bool biased = layer.parameters().size() > outputs * features;
    return std::make_unique<StepStream<S, DotStream<S>>>(
        DotStream<S>({theta, outputs, features, Eigen::OuterStride<>(outputs)},
                     Eigen::Map<const VectorX<S>>(theta + outputs * features, biased ? outputs : 0)),
        features, outputs);
  }
};

}  // namespace detail
}  // namespace unroll
