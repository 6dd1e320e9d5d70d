#pragma once
// Model with a chain of layers known at compile time.

#include <array>
#include <tuple>
#include <utility>

#include "unroll/models/chain.hpp"

namespace unroll {
namespace detail {

/// Layers as a tuple, called without virtual dispatch.
template <class S, class... L>
class FixedLayers {
  static_assert(sizeof...(L) > 0, "unroll: a model must have at least 1 layer");
  static_assert((check_layer<L>() && ...));

 public:
  using Scalar = S;
  using Weights = std::tuple<typename L::Weights...>;
  using Tapes = std::tuple<typename L::Tape...>;

  explicit FixedLayers(L... layers) : layers_(std::move(layers)...) {}

  static constexpr std::size_t size() { return sizeof...(L); }
  std::string first_name() const { return std::string(std::get<0>(layers_).name()); }
  template <std::size_t k>
  const auto& at() const {
    return std::get<k>(layers_);
  }

  template <class All>
  void make_room(All&) const {}
  /// Weights or tape of layer k.
  template <class All, std::size_t k>
  static auto& of(All& all, std::integral_constant<std::size_t, k>) {
    return std::get<k>(all);
  }

  /// Calls f(layer, number), with the number as a compile-time constant.
  template <class F>
  void each(F&& f) const {
    [&]<std::size_t... k>(std::index_sequence<k...>) {
      (f(std::get<k>(layers_), std::integral_constant<std::size_t, k>{}), ...);
    }
    (std::make_index_sequence<size()>{});
  }
  template <class F>
  void each_back(F&& f) const {
    [&]<std::size_t... k>(std::index_sequence<k...>) {
      (f(std::get<size() - 1 - k>(layers_), std::integral_constant<std::size_t, size() - 1 - k>{}), ...);
    }
    (std::make_index_sequence<size()>{});
  }
  template <class F>
  void each_mutable(F&& f) {
    std::apply([&](auto&... layer) { (f(layer), ...); }, layers_);
  }

 private:
  std::tuple<L...> layers_;
};

/// Scalar of the first layer with a fixed one; otherwise float.
template <class... Given>
struct ScalarOf {
  using type = float;
};
template <class First, class... Rest>
struct ScalarOf<First, Rest...> : ScalarOf<Rest...> {};
template <HasScalar First, class... Rest>
struct ScalarOf<First, Rest...> {
  using type = typename First::Scalar;
};

}  // namespace detail

/// Model with a chain of layers known at compile time, constructed from their options:
///
///     Sequential model(6, Recurrent<Gru>{.units = 32}, MeanOverTime{}, Dense{.units = 4});  // float
///     auto precise = sequential<double>(6, Recurrent<Gru>{.units = 32}, MeanOverTime{}, Dense{.units = 4});
///     model.initialise(1);
///
/// Shapes are checked at construction. Chain has the passes.
template <std::floating_point S, class... Given>
class Sequential : public Chain<detail::FixedLayers<S, LayerOf<Given, S>...>> {
  using Layers = detail::FixedLayers<S, LayerOf<Given, S>...>;

 public:
  /// `features` per input step. Throws ShapeError or ValueError with the name of the layer that does not fit.
  explicit Sequential(Index features, Given... layers)
      : Chain<Layers>(features, Layers(LayerOf<Given, S>(std::move(layers))...)) {}

  template <std::size_t k>
  const auto& layer() const {
    return this->layers().template at<k>();
  }

  /// Value of a named equation of recurrent layer k at every step [rows x columns of its timeline] in the last forward
  /// pass, such as gates and cell states. Throws ValueError after the backward pass, which overwrites the stored
  /// values, and for an unknown name.
  template <std::size_t k>
  MatrixX<S> trace(std::string_view equation, typename Chain<Layers>::Tape& tape) const {
    this->check_forward(tape);
    this->check_not_consumed(tape);
    MatrixX<S> values;
    layer<k>().trace(std::get<k>(tape.weights->layers), tape.in[k], std::get<k>(tape.layers), equation, values);
    return values;
  }
};

template <class... Given>
explicit Sequential(Index, Given...) -> Sequential<typename detail::ScalarOf<Given...>::type, Given...>;

/// Sequential with a scalar other than float.
template <std::floating_point S, class... Given>
Sequential<S, Given...> sequential(Index features, Given... layers) {
  return Sequential<S, Given...>(features, std::move(layers)...);
}

}  // namespace unroll
