#pragma once
// What a model asks of a layer. A layer is a description; parameters, states and everything a pass writes are handed to
// it.

#include <cmath>
#include <concepts>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "unroll/cell/state.hpp"
#include "unroll/core/buffer.hpp"
#include "unroll/core/timeline.hpp"
#include "unroll/engine/tape.hpp"
#include "unroll/layers/options.hpp"
#include "unroll/parameters/initializers.hpp"
#include "unroll/parameters/parameters.hpp"
#include "unroll/threads/thread_pool.hpp"

namespace unroll {

/// What flows between layers: features, and whether there is a column for every step or one for every sequence.
struct Shape {
  Index features = 0;
  bool per_step = true;
  double density = 1;  ///< steps for each one that comes in, about: what strides and upsampling leave

  /// Of a batch that came in with `steps` steps of all sequences together. Throws ShapeError for more than memory
  /// holds.
  Index columns(Index steps, Index batch) const {
    if (!per_step) return batch;
    const double all = std::ceil(density * double(steps));
    require<ShapeError>(all <= double(most_entries), "memory: ", steps, " steps become ", all, " columns");
    return Index(all);
  }
};

/// Values on their timeline [features x timeline->columns()]. Both belong to somebody else and must outlive the pass.
template <class Scalar>
struct Signal {
  ConstView<Scalar> values;
  const Timeline* timeline;
};

/// How a pass runs, and what its random numbers are keyed by.
struct Pass {
  bool training = false;  ///< dropout only happens in training
  std::uint64_t seed = 0;
  std::uint64_t update = 0;       ///< counts the batches of a training run
  std::uint64_t layer = 0;        ///< set by the model; layers that hold others give each its own
  Keeping keeping = {};           ///< how much recurrent layers keep for the way back
  ThreadPool* threads = nullptr;  ///< for what a layer can do at the same time; nullptr: the calling thread alone
  bool* refused = nullptr;  ///< where given, a layer whose input has a value that it cannot take sets it, in place
                            ///< of throwing, and gives outputs that are not a number
};

/// First values by role; a cell may override single blocks (the forget bias of an LSTM).
struct Start {
  Initializer input_weight = init::glorot_uniform();
  Initializer recurrent_weight = init::orthogonal();
  Initializer bias = init::zeros();
  Initializer gain = init::zeros();

  const Initializer& of(Role role) const {
    switch (role) {
      case Role::input_weight:
        return input_weight;
      case Role::recurrent_weight:
        return recurrent_weight;
      case Role::bias:
        return bias;
      default:
        return gain;
    }
  }
};

/// A named block with its own first values.
using NamedStart = std::pair<std::string, Initializer>;

/// The first value that was not finite, in the words of whoever computed it.
struct NonFinite {
  std::string value;                   ///< what it is, e.g. "equation 'c'"
  Index column = 0;                    ///< of the timeline of what came in, or
  bool per_sequence = false;           ///< of the timeline of what goes out: one step per sequence
  const Timeline* timeline = nullptr;  ///< that the column belongs to, if it is neither
};

/// A block of parameters that belongs to another layer.
struct TiedWeight {
  ParameterBlock block = {};  ///< as the model has it
  Index distance = 0;  ///< to its first entry from the first parameter of the layer that is tied, also in a gradient
  std::string owner = {};  ///< "layer 0 (embedding)"
};

template <class L>
concept HasLayerTypes = requires {
  typename L::Scalar;
  typename L::Weights;
  typename L::Tape;
};

/// connect: told what comes in, says what goes out; throws ShapeError or ValueError. causal: no step depends on a later
/// one, so the layer may be run window by window. kept: numbers that a training step keeps on the tape for so many
/// columns and sequences, besides packed weights. A layer that also has `LayerOptions options() const` is compared with
/// the one in a file by all of them, see layers/options.hpp; one that has not by its name and the shapes of its
/// parameters.
template <class L>
concept HasDescription = requires(L& made, const L& layer, Shape shape, Index n) {
  { made.connect(shape) } -> std::same_as<Shape>;
  { layer.name() } -> std::convertible_to<std::string_view>;
  { layer.parameters() } -> std::convertible_to<const ParameterTable&>;
  { layer.state_rows() } -> std::convertible_to<std::vector<Index>>;
  { layer.causal() } -> std::same_as<bool>;
  { layer.start() } -> std::convertible_to<Start>;
  { layer.named_starts() } -> std::convertible_to<std::vector<NamedStart>>;
  { layer.kept(n, n) } -> std::convertible_to<Index>;
};

/// prepare: once for all passes after the parameters changed, brings them into the form that passes read (e.g. packed);
/// prepare_back: likewise for the way back. forward fills the tape and returns a view into it; backward adds to
/// `gradient` and overwrites `d_in`. `initial` and `d_final` are empty or one matrix per state by sample; a `d_in`
/// without data is not wanted. A `d_out` without data reaches only layers with states: nothing came back but the
/// gradient of their final states.
template <class L>
concept HasPasses = requires(const L& layer, const typename L::Scalar* theta, typename L::Weights& made,
                             const typename L::Weights& weights, Signal<typename L::Scalar> in, const Pass& pass,
                             const State<typename L::Scalar>& initial, State<typename L::Scalar>& state,
                             typename L::Tape& tape, ConstView<typename L::Scalar> d_out, typename L::Scalar* gradient,
                             View<typename L::Scalar> d_in) {
  layer.prepare(theta, made);
  layer.prepare_back(theta, made);
  { layer.forward(weights, in, pass, initial, tape) } -> std::same_as<Signal<typename L::Scalar>>;
  layer.final_state(in, tape, state);
  layer.backward(weights, in, pass, d_out, initial, tape, gradient, d_in, &state);
  { layer.first_non_finite(weights, in, tape) } -> std::same_as<std::optional<NonFinite>>;
};

template <class L>
concept Layer = HasLayerTypes<L> && HasDescription<L> && HasPasses<L>;

/// Instantiated by every model: names what is missing.
template <class L>
constexpr bool check_layer() {
  static_assert(HasLayerTypes<L>, "unroll: a layer needs the types Scalar, Weights and Tape");
  static_assert(HasDescription<L>,
                "unroll: a layer needs connect(shape), and const: name, parameters, state_rows, causal, start, "
                "named_starts and kept; see layers/layer.hpp");
  static_assert(HasPasses<L>,
                "unroll: a layer needs prepare, prepare_back, forward, final_state, backward and first_non_finite, all "
                "const; see layers/layer.hpp");
  return Layer<L>;
}

namespace detail {

/// Whether each column of the output depends on the same column of the input alone, so that the layer can be run on
/// some columns at a time. Layers that can say so in `columnwise`, or `columnwise()`.
template <class L>
bool is_columnwise(const L& layer) {
  if constexpr (requires { layer.columnwise(); })
    return layer.columnwise();
  else if constexpr (requires { L::columnwise; })
    return L::columnwise;
  else
    return false;
}

/// Layers whose tape depends on how much is kept for the way back have a third argument of `kept`.
template <class L>
Index kept_by(const L& layer, Index columns, Index batch, Keeping keeping) {
  if constexpr (requires { layer.kept(columns, batch, keeping); })
    return layer.kept(columns, batch, keeping);
  else
    return layer.kept(columns, batch);
}

/// Layers with a table that is looked up name the columns of their first block that the last way back on a tape gave a
/// gradient, in `touched(tape)`, so that a step may leave all others alone; see Parameters::touch.
template <class L>
std::span<const Index> touched_by(const L& layer, const typename L::Tape& tape) {
  if constexpr (requires { layer.touched(tape); })
    return layer.touched(tape);
  else
    return {};
}

/// Layers that use the block "weight" of an earlier one, too: they say of which, and are told about it before they are
/// connected.
template <class L>
concept TiedLayer = requires(L& made, const L& layer, const TiedWeight& weight) {
  { layer.tied_to() } -> std::convertible_to<std::optional<Index>>;
  made.tie(weight);
};

/// How many numbers of layers (Pass::layer) a layer needs: one for itself, or one for each layer that it holds, which
/// it says in `layers_inside()`.
template <class L>
std::uint64_t layers_inside(const L& layer) {
  if constexpr (requires { layer.layers_inside(); })
    return layer.layers_inside();
  else
    return 1;
}

/// What fills a block at first: what its layer asks for by name, or else by role.
template <class L>
Initializer first_values_of(const L& layer, const ParameterBlock& block) {
  for (const auto& [name, own] : layer.named_starts())
    if (name == block.name) return own;
  return layer.start().of(block.role);
}

/// Says in which part of a model something did not fit: `within("layer ", 2, layer, f)`.
template <class L, class F>
void within(std::string_view what, std::size_t k, const L& layer, F&& f) {
  const auto where = [&](const Error& error) { return text(what, k, " (", layer.name(), "): ", error.what()); };
  try {
    f();
  } catch (const ShapeError& error) {
    throw ShapeError(where(error));
  } catch (const ValueError& error) {
    throw ValueError(where(error));
  }
}

/// Layers with values that were given, not drawn, write them over the first values in `set_given(theta)`.
template <class L>
void set_given_values(const L& layer, typename L::Scalar* theta) {
  if constexpr (requires { layer.set_given(theta); }) layer.set_given(theta);
}

/// "sample 2, step 5", given the timeline.
inline std::string place_of(const NonFinite& where) {
  const std::string sample = text("sample ", where.timeline->place_of(where.column));
  return where.per_sequence ? sample : text(sample, ", step ", where.timeline->step_of(where.column));
}

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

/// For layers without states whose passes read parameters, if there are any, as they are.
template <class S>
struct PlainLayer {
  using Scalar = S;
  using Weights = const S*;

  void prepare(const S* theta, Weights& weights) const { weights = theta; }
  void prepare_back(const S*, Weights&) const {}

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
