#pragma once
// Layers one after the other, known at compile time.

#include <array>
#include <tuple>
#include <utility>

#include "unroll/models/chain.hpp"

namespace unroll {
namespace detail {

/// Layers as a tuple: each is called directly.
template <class First, class... Rest>
class FixedLayers {
  static_assert(check_layer<First>() && (check_layer<Rest>() && ...));
  static_assert((std::same_as<typename First::Scalar, typename Rest::Scalar> && ...),
                "unroll: all layers of a model have the same Scalar");

 public:
  using Scalar = typename First::Scalar;
  using Weights = std::tuple<typename First::Weights, typename Rest::Weights...>;
  using Tapes = std::tuple<typename First::Tape, typename Rest::Tape...>;

  explicit FixedLayers(First first, Rest... rest) : layers_(std::move(first), std::move(rest)...) {}

  static constexpr std::size_t size() { return 1 + sizeof...(Rest); }
  std::string first_name() const { return std::string(std::get<0>(layers_).name()); }
  template <std::size_t k>
  const auto& at() const {
    return std::get<k>(layers_);
  }

  template <class All>
  void make_room(All&) const {}
  /// The weights or the tape of layer k.
  template <class All, std::size_t k>
  static auto& of(All& all, std::integral_constant<std::size_t, k>) {
    return std::get<k>(all);
  }

  /// f(layer, its number as a constant)
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
  std::tuple<First, Rest...> layers_;
};

}  // namespace detail

/// A stack of layers:
///
///     Sequential model(6, Recurrent<Gru<float>>{.units = 32}, MeanOverTime<float>{}, Dense<float>{.units = 4});
///     model.initialise(1);
///
/// Shapes are checked when it is made; everything else is in Chain.
template <class First, class... Rest>
class Sequential : public Chain<detail::FixedLayers<First, Rest...>> {
  using Layers = detail::FixedLayers<First, Rest...>;

 public:
  /// `features` per step come in. Throws ShapeError or ValueError naming the layer that does not fit.
  explicit Sequential(Index features, First first, Rest... rest)
      : Chain<Layers>(features, Layers(std::move(first), std::move(rest)...)) {}

  template <std::size_t k>
  const auto& layer() const {
    return this->layers().template at<k>();
  }

  /// The value of a named equation of recurrent layer k at every step [rows x columns of its timeline], as the last
  /// pass forward computed it: gates, cell states, whatever has a name. Throws ValueError after the way back, which
  /// uses it up, and for a name that no equation has.
  template <std::size_t k>
  Matrix<typename Layers::Scalar> trace(std::string_view equation, typename Chain<Layers>::Tape& tape) const {
    this->check_forward(tape);
    this->check_not_consumed(tape);
    Matrix<typename Layers::Scalar> values;
    layer<k>().trace(std::get<k>(tape.weights->layers), tape.in[k], std::get<k>(tape.layers), equation, values);
    return values;
  }
};

}  // namespace unroll
