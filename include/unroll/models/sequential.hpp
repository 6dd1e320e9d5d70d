#pragma once
// Model with a chain of layers known at compile time.

#include <tuple>
#include <utility>

#include "unroll/models/stack.hpp"

namespace unroll {
namespace detail {

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
/// A Stack whose layers have known types: both run the same code. Shapes are checked at construction.
template <std::floating_point S, class... Given>
class Sequential : public Stack<S> {
  static_assert(sizeof...(Given) > 0, "unroll: a model must have at least 1 layer");
  static_assert((check_layer<LayerOf<Given, S>>() && ...));
  template <std::size_t k>
  using Layer = std::tuple_element_t<k, std::tuple<LayerOf<Given, S>...>>;

 public:
  using Untyped = Stack<S>;  ///< the same model for functions that do not use the types of the layers

  /// `features` per input step. Throws ShapeError or ValueError with the name of the layer that does not fit.
  explicit Sequential(Index features, Given... layers) : Stack<S>(features, list(std::move(layers)...)) {}

  template <std::size_t k>
  const Layer<k>& layer() const {
    return this->layers().at(k).template as<Layer<k>>();
  }

  /// Values of layer k that the last pass stored. Throws ValueError before the first one.
  template <std::size_t k>
  static auto& tape_of(typename Stack<S>::Tape& tape) {
    return AnyLayer<S>::template own<typename Layer<k>::Tape>(tape.layers[k]);
  }

  /// Value of a named equation of recurrent layer k at every step [rows x columns of its timeline] in the last forward
  /// pass, such as gates and cell states. Throws ValueError after the backward pass, which overwrites the stored
  /// values, and for an unknown name.
  template <std::size_t k>
  MatrixX<S> trace(std::string_view equation, typename Stack<S>::Tape& tape) const {
    this->check_forward(tape);
    this->check_not_consumed(tape);
    MatrixX<S> values;
    layer<k>().trace(AnyLayer<S>::template own<const typename Layer<k>::Weights>(tape.weights->layers[k]), tape.in[k],
                     tape_of<k>(tape), equation, values);
    return values;
  }

 private:
  [[gnu::cold]] static std::vector<AnyLayer<S>> list(Given... layers) {
    std::vector<AnyLayer<S>> all;
    all.reserve(sizeof...(Given));
    (all.push_back(AnyLayer<S>(std::move(layers))), ...);
    return all;
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
