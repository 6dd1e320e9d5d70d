#pragma once
// What a model asks of a layer. A layer is a description; parameters, states and everything a pass writes are handed to it.

#include <concepts>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "unroll/core/buffer.hpp"
#include "unroll/core/initializers.hpp"
#include "unroll/core/parameters.hpp"
#include "unroll/core/timeline.hpp"
#include "unroll/engine/state.hpp"

namespace unroll {

/// What flows between layers: features, and whether there is a column for every step or one for every sequence.
struct Shape {
  Index features = 0;
  bool per_step = true;
};

/// Values on their timeline [features x timeline->columns()]. Both belong to somebody else and must outlive the pass.
template <class Scalar>
struct Signal {
  ConstView<Scalar> values;
  const Timeline* timeline;
};

/// Whether a pass trains, and what its random numbers are keyed by.
struct Pass {
  bool training = false;     ///< dropout only happens in training
  std::uint64_t seed = 0;
  std::uint64_t update = 0;  ///< counts the batches of a training run
  std::uint64_t layer = 0;   ///< set by the model
};

/// First values by role; a cell may override single blocks (the forget bias of an LSTM).
struct Start {
  Initializer input_weight = init::glorot_uniform();
  Initializer recurrent_weight = init::orthogonal();
  Initializer bias = init::zeros();
  Initializer gain = init::zeros();

  const Initializer& of(Role role) const {
    switch (role) {
      case Role::input_weight: return input_weight;
      case Role::recurrent_weight: return recurrent_weight;
      case Role::bias: return bias;
      default: return gain;
    }
  }
};

/// A named block with its own first values.
using NamedStart = std::pair<std::string, Initializer>;

/// The first value that was not finite, in the words of whoever computed it.
struct NonFinite {
  std::string value;          ///< what it is, e.g. "equation 'c'"
  Index column = 0;           ///< of the timeline of what came in, or
  bool per_sequence = false;  ///< of the timeline of what goes out: one step per sequence
};

/// connect: told what comes in, says what goes out; throws ShapeError. forward fills the tape and returns a view into it.
/// `initial` and `d_final` are empty or one matrix per state by sample; a `d_in` without data is not wanted.
/// kept: numbers that a training step keeps for so many columns and sequences, output and gradients included.
template <class L>
concept Layer = requires(L& made, const L& layer, Shape shape, const typename L::Scalar* theta, Signal<typename L::Scalar> in,
                         const Pass& pass, State<typename L::Scalar>& state, typename L::Tape& tape,
                         ConstView<typename L::Scalar> d_out, typename L::Scalar* gradient, View<typename L::Scalar> d_in, Index n) {
  { made.connect(shape) } -> std::same_as<Shape>;
  { layer.name() } -> std::convertible_to<std::string_view>;
  { layer.parameters() } -> std::convertible_to<const ParameterTable&>;
  { layer.state_rows() } -> std::convertible_to<std::vector<Index>>;
  { layer.causal() } -> std::same_as<bool>;  // no step depends on a later one: may be run window by window
  { layer.start() } -> std::convertible_to<Start>;
  { layer.named_starts() } -> std::convertible_to<std::vector<NamedStart>>;
  { layer.kept(n, n) } -> std::convertible_to<Index>;
  { layer.forward(theta, in, pass, state, tape) } -> std::same_as<Signal<typename L::Scalar>>;
  layer.final_state(in, tape, state);
  layer.backward(theta, in, pass, d_out, state, tape, gradient, d_in, &state);
  { layer.first_non_finite(in, tape) } -> std::same_as<std::optional<NonFinite>>;
};

/// Instantiated by every model: names what is missing.
template <class L>
constexpr bool check_layer() {
  static_assert(Layer<L>, "unroll: a layer needs Scalar, Tape, connect, name, parameters, state_rows, causal, start, named_starts, kept, "
                          "forward, final_state, backward and first_non_finite; see layers/layer.hpp");
  return Layer<L>;
}

namespace detail {

/// The first column with a value that is not finite, or -1.
template <class Scalar>
Index first_non_finite_column(const ConstView<Scalar>& values) {
  for (Index c = 0; c < values.cols(); ++c)
    if (!values.col(c).allFinite()) return c;
  return -1;
}

template <class Scalar>
std::optional<NonFinite> non_finite_output(const ConstView<Scalar>& values, bool per_sequence = false) {
  const Index column = first_non_finite_column(values);
  if (column < 0) return std::nullopt;
  return NonFinite{"its output", column, per_sequence};
}

}  // namespace detail

/// For layers without parameters and states.
template <class S>
struct PlainLayer {
  using Scalar = S;

  const ParameterTable& parameters() const {
    static const ParameterTable none;
    return none;
  }
  std::vector<Index> state_rows() const { return {}; }
  bool causal() const { return true; }
  Start start() const { return {}; }
  std::vector<NamedStart> named_starts() const { return {}; }
  template <class Tape>
  void final_state(const Signal<S>&, const Tape&, State<S>& state) const {
    state.clear();
  }
};

}  // namespace unroll
