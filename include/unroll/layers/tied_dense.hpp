#pragma once

#include <algorithm>

#include "unroll/layers/dense.hpp"

namespace unroll {

template <class S>
class TiedDenseLayer;

/// Dense layer that shares the weights of an Embedding: y = E^T x + b for each column, where E [features x tokens]
/// belongs to an Embedding earlier in the model. Scores each token by its embedding vector (Press & Wolf 2017,
/// arXiv:1608.05859; Inan et al. 2017, arXiv:1611.01462).
///
///     Sequential model(1, Embedding{.size = 8000, .dimension = 128}, Recurrent<Gru>{.units = 128},
///                      TiedDense{.embedding = 0});
///
/// The layer has only the biases b [tokens] as parameters. The gradient of E is the sum over both layers. Frozen
/// columns of the embedding, including padding, receive no gradient from this layer either.
struct TiedDense {
  Index embedding = 0;  ///< number of the Embedding layer
  bool biased = true;
  Initializers initializers = {};

  template <class S>
  using Layer = TiedDenseLayer<S>;
};

template <class S>
class TiedDenseLayer : public LayerBase<S, detail::PackedMap<S>>, TiedDense {
 public:
  using typename TiedDenseLayer::LayerBase::Weights;
  struct Tape {
    Buffer<S> output;
  };

  explicit TiedDenseLayer(TiedDense given) : TiedDense(std::move(given)) {}

  std::optional<Index> tied_to() const { return embedding; }
  void tie(const TiedWeight& of_embedding) { weight_ = of_embedding; }

  Shape connect(Shape in) {
    const Index features = weight_.block.rows, tokens = weight_.block.cols;
    require<ShapeError>(in.features == features, "features per step must be ", features, ", the dimension of ",
                        weight_.owner, ", got ", in.features);
    detail::check_bias_initializer<TiedDense>(*this);
    table_ = {};
    if (biased) table_.add("bias", Role::bias, tokens, 1);
    return {tokens, in.per_step, in.density};
  }
  std::string_view name() const { return "tied dense"; }
  LayerOptions options() const { return {{"layer", "tied dense"}, {"embedding", embedding}, {"biased", biased}}; }
  const ParameterTable& parameters() const { return table_; }
  bool columnwise() const { return true; }
  Initializers role_initializers() const { return initializers; }
  Index kept(Index columns, Index, Keeping) const { return weight_.block.cols * columns; }

  void prepare(const S* theta, Weights& weights) const {
    weights.packed.pack_transposed(matrix(theta));
    weights.bias = Eigen::Map<const VectorX<S>>(theta, biased ? weight_.block.cols : 0);
  }
  void prepare_back(const S* theta, Weights& weights) const { weights.transposed.pack(matrix(theta)); }

  Signal<S> forward(const Weights& weights, const Signal<S>& in, const Pass&, const State<S>&, Tape& tape) const {
    return {weights.forward(in.values, tape.output), in.timeline};
  }

  void backward(const Weights& weights, const Signal<S>& in, const Pass&, ConstView<S> d_out, const State<S>&, Tape&,
                S* gradient, View<S> d_in, State<S>*) const {
    const ParameterBlock& block = weight_.block;
    S* const shared = gradient + weight_.distance;
    constexpr Index some = 512;  // tokens per block, so that the block of d_out stays in cache
    for (Index first = 0; first < block.cols; first += some)
      add_outer_products(in.values.data(), in.values.outerStride(), block.rows, d_out.data() + first,
                         d_out.outerStride(), std::min(some, block.cols - first), d_out.cols(),
                         shared + first * block.stride, block.stride, weights.packed.products());
    for (Index k = 0; k < block.cols; ++k)
      if (block.is_frozen(k)) Eigen::Map<VectorX<S>>(shared + k * block.stride, block.rows).setZero();
    if (biased) detail::add_columns(d_out, gradient);
    weights.backward(d_out, d_in);
  }

 private:
  ConstView<S> matrix(const S* theta) const {
    return {theta + weight_.distance, weight_.block.rows, weight_.block.cols,
            Eigen::OuterStride<>(weight_.block.stride)};
  }

  TiedWeight weight_;
  ParameterTable table_;
};

}  // namespace unroll
