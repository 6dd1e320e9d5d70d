#pragma once
// Recurrent layer.

#include "unroll/engine/over_time.hpp"
#include "unroll/layers/detail/cell_initializers.hpp"
#include "unroll/layers/detail/cell_inputs.hpp"
#include "unroll/layers/detail/last_step.hpp"
#include "unroll/layers/detail/layer_checks.hpp"
#include "unroll/layers/layer.hpp"
#include "unroll/layers/streams/make_stream.hpp"

namespace unroll {

/// Output of a recurrent layer.
enum class Returns {
  steps,  ///< output of every step
  last,   ///< output of the last step in the layer's direction; zero for a sequence without steps
};

namespace detail {

constexpr std::string_view name_of(Returns returns) { return returns == Returns::steps ? "steps" : "last"; }

/// One direction of a recurrent layer, used by Recurrent and Bidirectional.
template <Cell C>
struct OneDirection {
  using Scalar = typename C::Scalar;

  static std::string_view name() {
    if constexpr (requires { C::name; })
      return C::name;
    else
      return "recurrent";
  }

  /// Cell of the options of a layer, and the rows of its inputs.
  template <class Options>
  [[gnu::cold]] static std::pair<C, CellInputs> make(Shape in, const Options& options) {
    check_per_step(in);
    check_bias_initializer(options);
    const C unsized;
    require<ShapeError>(unsized.constants() == 0, "cell must have no constants, got ", unsized.constants(),
                        "; run it with OverTime");
    require<ShapeError>(unsized.inputs() <= 1 || NamesInputs<C>, "cell must name its inputs, or have at most 1, got ",
                        unsized.inputs(), "; run it with OverTime");
    CellInputs inputs = cell_inputs<C>(in, options);
    C cell = make_cell<C>("", {.inputs = inputs.rows,
                               .units = options.units,
                               .constants = {},
                               .sizes = options.sizes,
                               .biased = options.biased});
    return {std::move(cell), std::move(inputs)};
  }

  /// `output` may be null: then the output is stored on the tape. With Returns::last, a cell that can leaves out the
  /// other outputs.
  static void forward(const C& cell, const CellInputs& inputs, const typename C::Weights& weights,
                      const Signal<Scalar>& in, Direction direction, Returns returns, const Pass& pass,
                      std::span<const MatrixX<Scalar>> initial, Tape<C>& tape, Strided<Scalar> output = {}) {
    if constexpr (requires { C::finishes_some; }) tape.only_last = C::finishes_some && returns == Returns::last;
    const Noise noise{pass.training, pass.seed, pass.update, pass.layer, direction == Direction::backward};
    const InputViews<C, ConstView<Scalar>> x(inputs, in.values);
    over_time(cell, weights, in, direction, tape, pass.threads)
        .forward({x.all(), {}, nullptr, noise}, initial, pass.keeping, output);
  }

  static ConstView<Scalar> output(const C& cell, const Signal<Scalar>& in, const Tape<C>& tape) {
    return Strided<const Scalar>(tape.output).view(cell.output_rows(), in.timeline->columns());
  }

  static void final_state(const C& cell, const Signal<Scalar>& in, Direction direction, Tape<C>& tape,
                          std::span<MatrixX<Scalar>> state) {
    over_time(cell, tape.weights, in, direction, tape).final_state(state);
  }

  static void backward(const C& cell, const CellInputs& inputs, const typename C::Weights& weights,
                       const Signal<Scalar>& in, Direction direction, const Pass& pass,
                       const ConstView<Scalar>& d_output, std::span<const MatrixX<Scalar>> d_final, Tape<C>& tape,
                       Scalar* gradient, View<Scalar> d_in, std::span<MatrixX<Scalar>> d_initial,
                       bool add_to_input = false) {
    const InputViews<C, ConstView<Scalar>> x(inputs, in.values);
    InputViews<C, View<Scalar>> d_x(inputs, d_in);
    require<ValueError>(pass.detach_every == 0 || direction == Direction::forward,
                        "recurrent layer: detach_every must be 0 steps for a backward direction, got ",
                        pass.detach_every);
    tape.detach_every = pass.detach_every;
    over_time(cell, weights, in, direction, tape, pass.threads)
        .backward({x.all(), {}}, d_output, d_final, gradient, {d_x.all(), {}}, d_initial, add_to_input);
  }

  /// Adds the input gradient after a backward pass without it.
  static void add_input_gradient(const C& cell, const CellInputs& inputs, const typename C::Weights& weights,
                                 const Signal<Scalar>& in, Direction direction, Tape<C>& tape, View<Scalar> d_in) {
    InputViews<C, View<Scalar>> d_x(inputs, d_in);
    over_time(cell, weights, in, direction, tape).add_input_gradients({d_x.all(), {}});
  }

  /// First non-finite value: the earliest step in the direction of the pass, and within a step the first equation.
  [[gnu::cold]] static std::optional<NonFinite> first_non_finite(const C& cell, const CellInputs& inputs,
                                                                 const typename C::Weights& weights,
                                                                 const Signal<Scalar>& in, Direction direction,
                                                                 Tape<C>& tape) {
    constexpr bool searches = requires(const Step<Scalar, C::states>& all) {
      cell.first_non_finite(weights, all, *in.timeline, true, tape.work);
    };
    if constexpr (searches) {
      const InputViews<C, ConstView<Scalar>> x(inputs, in.values);
      const auto all = over_time(cell, weights, in, direction, tape).all_columns({x.all(), {}});
      if (const auto found =
              cell.first_non_finite(weights, all, *in.timeline, direction == Direction::forward, tape.work))
        return NonFinite{"equation '" + found->first + "'", found->second};
      return std::nullopt;
    } else {
      return non_finite_output(Signal<Scalar>{output(cell, in, tape), in.timeline}, {.features = cell.output_rows()});
    }
  }

  /// Value of a named equation [rows x columns]; valid only before the backward pass.
  [[gnu::cold]] static void trace(const C& cell, const CellInputs& inputs, const typename C::Weights& weights,
                                  const Signal<Scalar>& in, Direction direction, Tape<C>& tape,
                                  std::string_view equation, MatrixX<Scalar>& to) {
    const InputViews<C, ConstView<Scalar>> x(inputs, in.values);
    const auto all = over_time(cell, weights, in, direction, tape).all_columns({x.all(), {}});
    cell.trace(equation, weights, all, tape.work, to);
  }

  /// False if the backward pass reads the gradients of no other outputs than those of the last steps.
  static bool reads_other_steps(const Tape<C>& tape) { return !tape.only_last || tape.intervals.size() > 1; }

  static std::vector<Index> state_rows(const C& cell) {
    std::vector<Index> rows;
    for (int s = 0; s < C::states; ++s) rows.push_back(cell.state_rows(s));
    return rows;
  }

  static OverTime<C> over_time(const C& cell, const typename C::Weights& weights, const Signal<Scalar>& in,
                               Direction direction, Tape<C>& tape, ThreadPool* threads = nullptr) {
    return {cell, weights, *in.timeline, direction, tape, threads};
  }
};

}  // namespace detail

template <class Options, class S>
class RecurrentLayer;

/// Recurrent layer: runs one cell over time. `Recurrent<Gru>{.units = 32}`,
/// `Recurrent<EquationsOf<my::equations>::Cell>{.units = 32}`. The cell is a class template whose first parameter is
/// the scalar of the model.
///
/// The second template parameter is needed by GCC: with equations in an unnamed namespace, models must have internal
/// linkage, which GCC derives from a type argument but not from a template argument.
template <template <class, int...> class CellTemplate, class = CellTemplate<float>>
struct Recurrent {
  Index units = 0;
  Direction direction = Direction::forward;
  Returns returns = Returns::steps;
  std::vector<std::pair<std::string, Index>> sizes = {};  ///< of symbols with a separate size, see CellSizes
  /// Inputs of a cell with several, in the order of the rows of the layer's input: `{{"x", 6}, {"gap", 1}}`. Empty: the
  /// order of their first use in the equations. Inputs of the size "one" then have 1 row and the others equal shares of
  /// the rest.
  NamedRows inputs = {};
  bool biased = true;  ///< false: all biases of the cell are 0 and no parameters
  Initializers initializers = {};

  template <class S>
  using Cell = CellTemplate<S>;
  template <class S>
  using Layer = RecurrentLayer<Recurrent, S>;
};

/// Adapter of a cell with a fixed scalar to a template: `Recurrent<OneScalar<MyCell>::Cell>`.
template <class C>
struct OneScalar {
  template <class S>
  using Cell = C;
};

namespace detail {

/// Cell type of a layer's options.
template <class Options, class S>
struct CellOf {
  using type = typename Options::template Cell<S>;
  static_assert(!HasLayerTypes<type>,
                "unroll: Recurrent and Bidirectional must have a cell, such as Recurrent<Gru>, not a layer");
  static_assert(HasLayerTypes<type> || check_cell<type>());
};

}  // namespace detail

/// Implementation of Recurrent.
template <class Options, class S>
class RecurrentLayer : public LayerBase<S, typename detail::CellOf<Options, S>::type::Weights>, Options {
  using C = typename detail::CellOf<Options, S>::type;
  using One = detail::OneDirection<C>;
  using Options::direction, Options::initializers, Options::returns;
  static_assert(std::same_as<S, typename C::Scalar>, "unroll: all layers of a model must have the same Scalar");

 public:
  using typename RecurrentLayer::LayerBase::Weights;
  struct Tape {
    unroll::Tape<C> cell;
    Timeline one_step;
    Buffer<S> last, d_steps;
  };

  explicit RecurrentLayer(Options given) : Options(std::move(given)) {}

  Shape connect(Shape in) {
    std::tie(cell_, inputs_) = One::template make<Options>(in, *this);
    return {cell_.output_rows(), returns == Returns::steps, in.density};
  }
  std::string name() const { return std::string(One::name()) + (direction == Direction::backward ? ", backward" : ""); }
  LayerOptions options() const {
    LayerOptions all = detail::word_options({{"layer", "recurrent"},
                                             {"cell", One::name()},
                                             {"direction", direction == Direction::forward ? "forward" : "backward"},
                                             {"returns", detail::name_of(returns)}});
    detail::add_cell<Options>(all, cell_, *this);
    detail::add_inputs(all, inputs_.named);
    return all;
  }
  const NamedRows& inputs() const { return inputs_.named; }
  const C& cell() const { return cell_; }
  const ParameterTable& parameters() const { return cell_.parameters(); }
  std::vector<Index> state_rows() const { return One::state_rows(cell_); }
  bool causal() const { return direction == Direction::forward && returns == Returns::steps; }
  bool of_last_step() const { return direction == Direction::forward && returns == Returns::last; }
  bool detaches() const { return direction == Direction::forward; }
  Initializers role_initializers() const { return initializers; }
  std::vector<NamedInitializer> named_initializers() const { return detail::cell_initializers(cell_); }
  void set_given(S* theta) const { detail::set_given(cell_, theta); }
  Index kept(Index columns, Index batch, Keeping keeping) const {
    return OverTime<C>::kept(cell_, columns, batch, keeping) +
           (returns == Returns::last ? cell_.output_rows() * (columns + batch) : 0);
  }

  void prepare(const S* theta, Weights& weights) const { cell_.prepare(theta, weights); }
  void prepare_back(const S* theta, Weights& weights) const { cell_.prepare_back(theta, weights); }

  Signal<S> forward(const Weights& weights, const Signal<S>& in, const Pass& pass, const State<S>& initial,
                    Tape& tape) const {
    One::forward(cell_, inputs_, weights, in, direction, returns, pass, initial, tape.cell);
    const auto steps = One::output(cell_, in, tape.cell);
    if (returns == Returns::steps) return {steps, in.timeline};
    tape.one_step.assign_one_step(*in.timeline);
    auto last = tape.last.shape(steps.rows(), in.timeline->batch());
    detail::gather_last(steps, *in.timeline, direction, last);
    return {view(std::as_const(last)), &tape.one_step};
  }

  void final_state(const Signal<S>& in, Tape& tape, State<S>& state) const {
    state.resize(std::size_t(C::states));
    One::final_state(cell_, in, direction, tape.cell, state);
  }

  void backward(const Weights& weights, const Signal<S>& in, const Pass& pass, ConstView<S> d_out,
                const State<S>& d_final, Tape& tape, S* gradient, View<S> d_in, State<S>* d_initial) const {
    if (returns == Returns::last && d_out.data() != nullptr) {
      auto d_steps = tape.d_steps.shape(cell_.output_rows(), in.timeline->columns());
      detail::scatter_last(d_out, *in.timeline, direction, d_steps, One::reads_other_steps(tape.cell));
      new (&d_out) ConstView<S>(view(std::as_const(d_steps)));  // rebinds the Map, as Eigen documents
    }
    if (d_initial != nullptr) d_initial->resize(std::size_t(C::states));
    One::backward(cell_, inputs_, weights, in, direction, pass, d_out, d_final, tape.cell, gradient, d_in,
                  d_initial == nullptr ? std::span<MatrixX<S>>() : std::span<MatrixX<S>>(*d_initial));
  }

  std::optional<NonFinite> first_non_finite(const Weights& weights, const Signal<S>& in, Tape& tape) const {
    return One::first_non_finite(cell_, inputs_, weights, in, direction, tape.cell);
  }

  void trace(const Weights& weights, const Signal<S>& in, Tape& tape, std::string_view equation, MatrixX<S>& to) const {
    One::trace(cell_, inputs_, weights, in, direction, tape.cell, equation, to);
  }

 private:
  C cell_;
  detail::CellInputs inputs_;
};

namespace detail {

/// Cells with a stream; the layer must be causal.
template <class Options, class S>
requires requires { typename Options::template Cell<S>::template Stream<>; }
struct MakeStream<RecurrentLayer<Options, S>> {
  using Stream = typename Options::template Cell<S>::template Stream<>;
  static std::unique_ptr<AnyStream<S>> of(const RecurrentLayer<Options, S>& layer, Index features, Index outputs,
                                          const S* theta) {
    return std::make_unique<StepStream<S, Stream>>(Stream(layer.cell().layout(), theta), features, outputs);
  }
};

}  // namespace detail
}  // namespace unroll
