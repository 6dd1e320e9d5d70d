#pragma once

#include "unroll/models/description.hpp"
#include "unroll/simd/bfloat16/pack_for.hpp"

namespace unroll::detail {

/// Base class of Chain: parameters in the form that passes read.
template <class Layers>
class PreparedChain : public Description<Layers> {
  using Base = Description<Layers>;

 public:
  using Scalar = typename Layers::Scalar;

  /// Prepared parameters. Any number of passes, in any threads, may share them.
  struct Weights {
    typename Layers::Weights layers;
    Precision products = Precision::float32;  ///< of all passes with these weights; set it before `prepare`
  };

  /// Prepares the current parameters for passes; prepare_back: for backward passes. Both throw ValueError for products
  /// in bfloat16 of a model of double.
  void prepare(Weights& weights) const {
    const auto pack = pack_for<Scalar>(weights.products);
    prepare(this->parameters().values().data(), weights);
  }
  void prepare_back(Weights& weights) const {
    const auto pack = pack_for<Scalar>(weights.products);
    prepare_back(this->parameters().values().data(), weights);
  }
  /// The same for parameters that are part of a larger model and begin at `theta`. The larger model sets the products.
  void prepare(const Scalar* theta, Weights& weights) const {
    this->layers().make_room(weights.layers);
    this->each([&](const auto& layer, auto k) {
      layer.prepare(theta + this->parameter_offset(k), Layers::of(weights.layers, k));
    });
  }
  void prepare_back(const Scalar* theta, Weights& weights) const {
    this->each([&](const auto& layer, auto k) {
      this->within(k, layer,
                   [&] { layer.prepare_back(theta + this->parameter_offset(k), Layers::of(weights.layers, k)); });
    });
  }

 protected:
  using Base::Base, Base::each;
};

}  // namespace unroll::detail
