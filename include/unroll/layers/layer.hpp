#pragma once
// Layer interface. A layer holds only sizes and options; parameters, states and tapes are arguments.

#include <concepts>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "unroll/cell/concept.hpp"
#include "unroll/cell/state.hpp"
#include "unroll/core/buffer.hpp"
#include "unroll/core/tables/named_rows.hpp"
#include "unroll/layers/options.hpp"
#include "unroll/layers/pass.hpp"

namespace unroll {

/// Base class of all layers, with defaults for optional members. A layer has
///
///     Shape connect(Shape in);                      // shape of the output; throws ShapeError or ValueError
///     std::string_view name() const;                // for messages and files
///     Signal<S> forward(const W&, const Signal<S>& in, const Pass&, const State<S>& initial, Tape&) const;
///     void backward(const W&, const Signal<S>& in, const Pass&, ConstView<S> d_out, const State<S>& d_final, Tape&,
///                   S* gradient, View<S> d_in, State<S>* d_initial) const;
///
/// and may override the members below; see docs/own-layer.md. `forward` fills the tape and returns a view into it.
/// `backward` adds to `gradient` and overwrites `d_in` and `d_initial`. States are empty (all zero), or one matrix per
/// state [rows x batch], by sample. `d_in` may be null: then it is not computed. `d_out` is null if only final states
/// have a gradient; only layers with states receive a null `d_out`.
///
/// `W` is the type of the prepared parameters. If it is not a pointer, the layer has a `prepare`.
template <class S, class W = const S*>
struct LayerBase {
  using Scalar = S;
  using Weights = W;
  /// Values that the forward pass stores for the backward pass.
  struct Tape {};

  /// Options for files, see options.hpp. A layer without options is compared by name and parameter shapes.
  LayerOptions options() const { return {}; }
  const ParameterTable& parameters() const {
    static const ParameterTable none;
    return none;
  }
  /// Names and rows of the layer's inputs; empty: one input without a name.
  NamedRows inputs() const { return {}; }
  /// Initializers by role, and for single blocks by name.
  Initializers role_initializers() const { return {}; }
  std::vector<NamedInitializer> named_initializers() const { return {}; }
  /// Overwrites initial values with given ones, such as pretrained vectors.
  void set_given(S*) const {}
  /// Rows of each state. A layer with states also has a `final_state`.
  std::vector<Index> state_rows() const { return {}; }
  /// Whether no step depends on a later one. A causal layer can run window by window.
  bool causal() const { return true; }
  /// Whether the output is that of each sequence's last step: last steps and the states before them determine it.
  bool of_last_step() const { return false; }
  bool detaches() const { return false; }  ///< whether a layer with states follows Pass::detach_every
  /// Whether each output column depends only on the same input column. Such a layer can run on a subset of columns and
  /// has no states.
  bool columnwise() const { return false; }
  /// Steps of the output for an unmasked sequence of `steps`; must be non-decreasing in `steps`.
  Index steps_after(Index steps) const { return steps; }
  /// Throws like `forward` for invalid input values.
  void check_input(const ConstView<S>&) const {}
  /// Number of layer numbers (Pass::layer) used: 1, or one for each layer inside.
  std::uint64_t layers_inside() const { return 1; }
  /// Numbers stored on the tape by a training step, for `columns` and `batch` sequences. Used for memory estimates.
  Index kept(Index, Index, Keeping) const { return 0; }

  /// Prepares the parameters for the passes, e.g. packs them. Called once after each change of the parameters.
  void prepare(const S* theta, W& weights) const requires std::same_as<W, const S*> { weights = theta; }
  /// Prepares the parameters that only backward passes use.
  void prepare_back(const S*, W&) const {}
  /// States after the last step of each sequence.
  template <class AnyTape>
  void final_state(const Signal<S>&, const AnyTape&, State<S>& state) const {
    state.clear();
  }
  /// First non-finite value inside the layer. The model itself checks the output.
  template <class AnyTape>
  std::optional<NonFinite> first_non_finite(const W&, const Signal<S>&, const AnyTape&) const {
    return std::nullopt;
  }

  /// Columns of the first block that received a gradient in the last backward pass, for layers with a lookup table. An
  /// update may leave the other columns unchanged; see Parameters::touch.
  template <class AnyTape>
  std::span<const Index> touched(const AnyTape&) const {
    return {};
  }
  /// Number of the earlier layer whose block "weight" this layer uses, if any. The model calls `tie` before `connect`.
  std::optional<Index> tied_to() const { return std::nullopt; }
  void tie(const TiedWeight&) {}

  /// Number of running statistics of a layer whose frozen parameters follow its training inputs, e.g. running means.
  /// `add_statistics` adds those of the last forward pass, so that all windows of one update count as one batch.
  /// `update_statistics` updates the parameters after a successful update.
  Index statistics() const { return 0; }
  template <class AnyTape>
  void add_statistics(const AnyTape&, double*) const {}
  void update_statistics(const double*, S*) const {}
};

template <class L>
concept HasLayerTypes = requires {
  typename L::Scalar;
  typename L::Weights;
  typename L::Tape;
};

template <class L>
concept HasDescription = requires(L& made, const L& layer, Shape shape) {
  { made.connect(shape) } -> std::same_as<Shape>;
  { layer.name() } -> std::convertible_to<std::string_view>;
};

template <class L>
concept HasPrepare = requires(const L& layer, const typename L::Scalar* theta, typename L::Weights& made) {
  layer.prepare(theta, made);
};

template <class L>
concept HasPasses = requires(const L& layer, const typename L::Weights& weights, Signal<typename L::Scalar> in,
                             const Pass& pass, const State<typename L::Scalar>& initial,
                             State<typename L::Scalar>& state, typename L::Tape& tape,
                             ConstView<typename L::Scalar> d_out, typename L::Scalar* gradient,
                             View<typename L::Scalar> d_in) {
  { layer.forward(weights, in, pass, initial, tape) } -> std::same_as<Signal<typename L::Scalar>>;
  layer.backward(weights, in, pass, d_out, initial, tape, gradient, d_in, &state);
};

/// Members with defaults in LayerBase.
template <class L>
concept HasDefaults = requires(L& made, const L& layer, Index n, Keeping keeping, const TiedWeight& weight,
                               typename L::Scalar* theta, typename L::Weights& weights, Signal<typename L::Scalar> in,
                               State<typename L::Scalar>& state, typename L::Tape& tape, double* numbers) {
  { layer.options() } -> std::same_as<LayerOptions>;
  { layer.parameters() } -> std::convertible_to<const ParameterTable&>;
  { layer.inputs() } -> std::convertible_to<NamedRows>;
  { layer.role_initializers() } -> std::convertible_to<Initializers>;
  { layer.named_initializers() } -> std::convertible_to<std::vector<NamedInitializer>>;
  layer.set_given(theta);
  { layer.state_rows() } -> std::convertible_to<std::vector<Index>>;
  { layer.causal() } -> std::same_as<bool>;
  { layer.of_last_step() } -> std::same_as<bool>;
  { layer.detaches() } -> std::same_as<bool>;
  { layer.columnwise() } -> std::same_as<bool>;
  { layer.steps_after(n) } -> std::same_as<Index>;
  layer.check_input(in.values);
  { layer.layers_inside() } -> std::convertible_to<std::uint64_t>;
  { layer.kept(n, n, keeping) } -> std::convertible_to<Index>;
  layer.prepare_back(theta, weights);
  layer.final_state(in, tape, state);
  { layer.first_non_finite(weights, in, tape) } -> std::same_as<std::optional<NonFinite>>;
  { layer.touched(tape) } -> std::convertible_to<std::span<const Index>>;
  { layer.tied_to() } -> std::convertible_to<std::optional<Index>>;
  made.tie(weight);
  { layer.statistics() } -> std::same_as<Index>;
  layer.add_statistics(tape, numbers);
  layer.update_statistics(numbers, theta);
};

template <class L>
concept Layer = HasLayerTypes<L> && HasDescription<L> && HasPrepare<L> && HasPasses<L> && HasDefaults<L>;

/// Static check of a layer type, instantiated by every model; reports the first missing member.
template <class L>
constexpr bool check_layer() {
  static_assert(
      !requires(const L& layer) { layer.start(); }, "unroll: start() of a layer was renamed to role_initializers()");
  static_assert(
      !requires(const L& layer) { layer.named_starts(); },
      "unroll: named_starts() of a layer was renamed to named_initializers()");
  if constexpr (!HasLayerTypes<L>)
    static_assert(HasLayerTypes<L>, "unroll: a layer derives from LayerBase<Scalar>; see docs/own-layer.md");
  else if constexpr (!HasDescription<L>)
    static_assert(HasDescription<L>, "unroll: a layer needs Shape connect(Shape) and name() const");
  else if constexpr (!HasPrepare<L>)
    static_assert(HasPrepare<L>,
                  "unroll: a layer with Weights other than a pointer to its parameters needs prepare(theta, weights) "
                  "const");
  else if constexpr (!HasPasses<L>)
    static_assert(HasPasses<L>,
                  "unroll: a layer needs forward(weights, in, pass, initial, tape) and backward(weights, in, pass, "
                  "d_out, d_final, tape, gradient, d_in, d_initial), both const; see LayerBase in layers/layer.hpp");
  else
    static_assert(HasDefaults<L>,
                  "unroll: a layer derives from LayerBase<Scalar>, and its members have the signatures that they have "
                  "there; see layers/layer.hpp");
  return true;
}

namespace detail {

template <class L>
concept HasScalar = requires {
  typename L::Scalar;
};

/// Placeholder for a rejected type, so that the compiler reports only the reason.
template <class S>
struct NoLayer : LayerBase<S> {
  template <class Given>
  explicit NoLayer(const Given&);
  Shape connect(Shape);
  std::string_view name() const;
  Signal<S> forward(const S*, const Signal<S>&, const Pass&, const State<S>&, typename NoLayer::Tape&) const;
  void backward(const S*, const Signal<S>&, const Pass&, ConstView<S>, const State<S>&, typename NoLayer::Tape&, S*,
                View<S>, State<S>*) const;
};

template <class Given, class S>
struct LayerFor {
  using type = NoLayer<S>;  // first: Clang ignores what follows a failed assertion
  static_assert(!HasTypes<Given>,
                "unroll: a cell is not a layer; write Recurrent<Gru>{.units = 32} or Bidirectional<Gru>{.units = 32}");
  static_assert(
      HasTypes<Given>,
      "unroll: a layer must be options such as Dense{.units = 4}, or a type that derives from LayerBase<Scalar>");
};
template <class Given, class S>
requires(HasScalar<Given> && !HasTypes<Given>) struct LayerFor<Given, S> {
  static constexpr bool same = std::same_as<S, typename Given::Scalar>;
  using type = std::conditional_t<same, Given, NoLayer<S>>;
  static_assert(same, "unroll: all layers of a model must have the same Scalar");
};
template <class Given, class S>
requires(!HasScalar<Given>) && requires { typename Given::template Layer<S>; }
struct LayerFor<Given, S> {
  using type = typename Given::template Layer<S>;
};

}  // namespace detail

/// Layer type of a model with scalar S for `Given`: either options without a scalar, such as `Dense{.units = 4}`, which
/// have `template <class S> using Layer`, or a layer type that already has a scalar.
template <class Given, class S>
using LayerOf = typename detail::LayerFor<Given, S>::type;

namespace detail {

/// Initializer of a block: by name if the layer has a named one, otherwise by role.
template <class L>
Initializer initializer_of(const L& layer, const ParameterBlock& block) {
  for (const auto& [name, own] : layer.named_initializers())
    if (name == block.name) return own;
  return layer.role_initializers().of(block.role);
}

/// Runs f and prefixes errors with the part of the model: `within("layer ", 2, layer, f)`.
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

/// Location of a value such as "sample 2, step 5"; requires a timeline.
inline std::string place_of(const NonFinite& where) {
  const std::string sample = text("sample ", where.timeline->place_of(where.column));
  return where.per_sequence ? sample : text(sample, ", step ", where.timeline->step_of(where.column));
}

/// First column with a non-finite value, or -1.
template <class Scalar>
Index first_non_finite_column(const ConstView<Scalar>& values) {
  for (Index c = 0; c < values.cols(); ++c)
    if (!values.col(c).allFinite()) return c;
  return -1;
}

template <class Scalar>
std::optional<NonFinite> non_finite_output(const Signal<Scalar>& out, const Shape& shape) {
  const Index column = first_non_finite_column(out.values);
  if (column < 0) return std::nullopt;
  return NonFinite{"its output", column, out.timeline, !shape.per_step};
}

/// First non-finite value in a layer or its output.
template <class L>
std::optional<NonFinite> first_non_finite(const L& layer, const typename L::Weights& weights,
                                          const Signal<typename L::Scalar>& in, const Shape& shape_in,
                                          typename L::Tape& tape, const Signal<typename L::Scalar>& out,
                                          const Shape& shape_out) {
  auto found = layer.first_non_finite(weights, in, tape);
  if (found && found->timeline == nullptr) found->timeline = in.timeline, found->per_sequence = !shape_in.per_step;
  return found ? found : non_finite_output(out, shape_out);
}

}  // namespace detail
}  // namespace unroll
