#pragma once

#include "unroll/layers/layer.hpp"
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

}  // namespace unroll
