#pragma once
// Model with a chain of layers chosen at run time.

#include "unroll/layers/any_layer.hpp"
#include "unroll/models/chain.hpp"

namespace unroll {
namespace detail {

/// Layers as a vector.
template <class S>
class ListedLayers {
 public:
  using Scalar = S;
  using Weights = std::vector<typename AnyLayer<S>::Weights>;
  using Tapes = std::vector<typename AnyLayer<S>::Tape>;

  explicit ListedLayers(std::vector<AnyLayer<S>> layers) : layers_(std::move(layers)) {
    require<ShapeError>(!layers_.empty(), "model: number of layers must be at least 1, got 0");
  }

  std::size_t size() const { return layers_.size(); }
  std::string first_name() const { return layers_.front().name(); }
  const AnyLayer<S>& at(std::size_t k) const { return layers_[k]; }

  /// Resizes weights or tapes to the number of layers.
  template <class Each>
  void make_room(std::vector<Each>& all) const {
    all.resize(size());
  }
  template <class All>
  static auto& of(All& all, std::size_t k) {
    return all[k];
  }

  /// Calls f(layer, number).
  template <class F>
  void each(F&& f) const {
    for (std::size_t k = 0; k < size(); ++k) f(layers_[k], k);
  }
  template <class F>
  void each_back(F&& f) const {
    for (std::size_t k = size(); k-- > 0;) f(layers_[k], k);
  }
  template <class F>
  void each_mutable(F&& f) {
    for (AnyLayer<S>& layer : layers_) f(layer);
  }

 private:
  std::vector<AnyLayer<S>> layers_;
};

}  // namespace detail

/// Model with a chain of layers chosen at run time. Cells and depth may come from a file or from program options, with
/// one type of model, and each cell is compiled once.
///
///     std::vector<AnyLayer<float>> layers;
///     for (int k = 0; k < depth; ++k) layers.push_back(Recurrent<Gru>{.units = 32});
///     layers.push_back(MeanOverTime{});
///     layers.push_back(Dense{.units = 4});
///     Stack<float> model(6, std::move(layers));
///
/// Names, initial values and numbers of parameters are the same as in a Sequential of the same layers.
template <class S>
class Stack : public Chain<detail::ListedLayers<S>> {
 public:
  /// `features` per input step. Throws ShapeError or ValueError with the name of the layer that does not fit.
  Stack(Index features, std::vector<AnyLayer<S>> layers)
      : Chain<detail::ListedLayers<S>>(features, detail::ListedLayers<S>(std::move(layers))) {}
};

}  // namespace unroll
