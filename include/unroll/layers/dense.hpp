#pragma once

#include "unroll/core/products.hpp"
#include "unroll/layers/layer.hpp"

namespace unroll {

/// y = W x + b for every column on its own: each step, or each sequence after pooling. W [units x features], b [units].
template <class S>
struct Dense {
  using Scalar = S;
  static constexpr bool columnwise = true;
  struct Weights {
    PackedMatrix<S> packed, transposed;
    Vector<S> bias;
  };
  struct Tape {
    Buffer<S> output;
  };

  Index units = 0;
  bool biased = true;
  Start first_values = {};
  Index features = 0;         ///< set by connect
  ParameterTable table = {};  ///< made by connect

  Shape connect(Shape in) {
    require<ShapeError>(units > 0, "expects at least 1 unit, got ", units);
    features = in.features;
    table = {};
    table.add("weight", Role::input_weight, units, features);
    if (biased) table.add("bias", Role::bias, units, 1);
    return {units, in.per_step};
  }
  std::string_view name() const { return "dense"; }
  const ParameterTable& parameters() const { return table; }
  std::vector<Index> state_rows() const { return {}; }
  bool causal() const { return true; }
  Start start() const { return first_values; }
  std::vector<NamedStart> named_starts() const { return {}; }
  Index kept(Index columns, Index) const { return units * columns; }

  void prepare(const S* theta, Weights& weights) const {
    weights.packed.pack(matrix(theta));
    if (biased) weights.bias = Eigen::Map<const Vector<S>>(theta + units * features, units);
  }
  void prepare_back(const S* theta, Weights& weights) const { weights.transposed.pack_transposed(matrix(theta)); }

  Signal<S> forward(const Weights& weights, const Signal<S>& in, const Pass&, const State<S>&, Tape& tape) const {
    auto out = tape.output.shape(units, in.values.cols());
    weights.packed.multiply(in.values.data(), in.values.outerStride(), in.values.cols(), out.data(), out.outerStride());
    if (biased) out.colwise() += weights.bias;
    return {view(std::as_const(out)), in.timeline};
  }

  void final_state(const Signal<S>&, Tape&, State<S>& state) const { state.clear(); }

  void backward(const Weights& weights, const Signal<S>& in, const Pass&, ConstView<S> d_out, const State<S>&, Tape&,
                S* gradient, View<S> d_in, State<S>*) const {
    add_outer_products(d_out.data(), d_out.outerStride(), units, in.values.data(), in.values.outerStride(), features,
                       d_out.cols(), gradient, units);
    if (biased) {
      Eigen::Map<Vector<S>> d_bias(gradient + units * features, units);
      for (Index c = 0; c < d_out.cols(); ++c) d_bias += d_out.col(c);
    }
    if (d_in.data() == nullptr) return;
    weights.transposed.multiply(d_out.data(), d_out.outerStride(), d_out.cols(), d_in.data(), d_in.outerStride());
  }

  std::optional<NonFinite> first_non_finite(const Weights&, const Signal<S>&, Tape& tape) const {
    return detail::non_finite_output(std::as_const(tape.output).view());
  }

 private:
  ConstView<S> matrix(const S* theta) const { return {theta, units, features, Eigen::OuterStride<>(units)}; }
};

}  // namespace unroll
