#pragma once
// Bidirectional recurrent layer.

#include "unroll/layers/detail/merge.hpp"
#include "unroll/layers/recurrent.hpp"

namespace unroll {

template <class Options, class S>
class BidirectionalLayer;

/// Bidirectional recurrent layer: two cells over the same steps, one forward and one backward in time. Each sequence is
/// reversed within its own length. Example: `Bidirectional<Lstm>{.units = 64, .merge = Merge::average}`. Parameters are
/// named forward.* and backward.*. The states of the forward direction precede those of the backward direction.
///
/// Returns::last returns the last output of each direction: at the last valid step for forward, at the first step for
/// backward.
///
/// The second template parameter is that of Recurrent.
template <template <class, int...> class CellTemplate, class = CellTemplate<float>>
struct Bidirectional {
  Index units = 0;
  Merge merge = Merge::concat;
  Returns returns = Returns::steps;
  std::vector<std::pair<std::string, Index>> sizes = {};
  NamedRows inputs = {};  ///< of a cell with several inputs, see Recurrent
  bool biased = true;     ///< false: all biases of the cells are 0 and no parameters
  Initializers initializers = {};

  template <class S>
  using Cell = CellTemplate<S>;
  template <class S>
  using Layer = BidirectionalLayer<Bidirectional, S>;
};

namespace detail {

template <class C>
struct BidirectionalWeights {
  typename C::Weights forward, backward;
};

}  // namespace detail

/// Implementation of Bidirectional.
template <class Options, class S>
class BidirectionalLayer : public LayerBase<S, detail::BidirectionalWeights<typename detail::CellOf<Options, S>::type>>,
                           Options {
  using C = typename detail::CellOf<Options, S>::type;
  using One = detail::OneDirection<C>;
  using Options::initializers, Options::merge, Options::returns;
  static_assert(std::same_as<S, typename C::Scalar>, "unroll: all layers of a model must have the same Scalar");

 public:
  using typename BidirectionalLayer::LayerBase::Weights;
  struct Tape {
    unroll::Tape<C> forward, backward;
    Timeline one_step;
    Buffer<S> last[2], merged, d_half[2], d_steps[2];
  };

  explicit BidirectionalLayer(Options given) : Options(std::move(given)) {}

  Shape connect(Shape in) {
    std::tie(cell_, inputs_) = One::template make<Options>(in, *this);
    table_ = {};
    table_.append(cell_.parameters(), "forward.");
    table_.append(cell_.parameters(), "backward.");
    return {(merge == Merge::concat ? 2 : 1) * cell_.output_rows(), returns == Returns::steps, in.density};
  }
  std::string name() const { return "bidirectional " + std::string(One::name()); }
  LayerOptions options() const {
    LayerOptions all = detail::word_options({{"layer", "bidirectional"},
                                             {"cell", One::name()},
                                             {"merge", detail::name_of(merge)},
                                             {"returns", detail::name_of(returns)}});
    detail::add_cell<Options>(all, cell_, *this);
    detail::add_inputs(all, inputs_.named);
    return all;
  }
  const NamedRows& inputs() const { return inputs_.named; }
  const C& cell() const { return cell_; }
  const ParameterTable& parameters() const { return table_; }
  std::vector<Index> state_rows() const {
    std::vector<Index> rows = One::state_rows(cell_);
    rows.insert(rows.end(), rows.begin(), rows.begin() + C::states);
    return rows;
  }
  bool causal() const { return false; }
  Initializers role_initializers() const { return initializers; }
  std::vector<NamedInitializer> named_initializers() const {
    std::vector<NamedInitializer> both;
    for (const std::string_view prefix : {"forward.", "backward."})
      for (const auto& [block, initializer] : detail::cell_initializers(cell_))
        both.emplace_back(std::string(prefix) + block, initializer);
    return both;
  }
  void set_given(S* theta) const {
    detail::set_given(cell_, theta);
    detail::set_given(cell_, theta + cell_.parameters().size());
  }
  Index kept(Index columns, Index batch, Keeping keeping) const {
    const Index rows = cell_.output_rows(), outputs = returns == Returns::last ? batch : columns;
    const bool in_place = merge == Merge::concat && returns == Returns::steps;
    const Index merged = in_place ? 0 : (merge == Merge::concat ? 2 : 1) * rows * outputs;
    const Index scaled = merge == Merge::product || merge == Merge::average ? 2 * rows * outputs : 0;
    const Index last = returns == Returns::last ? 2 * rows * (batch + columns) : 0;
    return 2 * OverTime<C>::kept(cell_, columns, batch, keeping) + merged + scaled + last;
  }

  void prepare(const S* theta, Weights& weights) const {
    cell_.prepare(theta, weights.forward);
    cell_.prepare(theta + cell_.parameters().size(), weights.backward);
  }
  void prepare_back(const S* theta, Weights& weights) const {
    cell_.prepare_back(theta, weights.forward);
    cell_.prepare_back(theta + cell_.parameters().size(), weights.backward);
  }

  Signal<S> forward(const Weights& weights, const Signal<S>& in, const Pass& pass, const State<S>& initial,
                    Tape& tape) const {
    const std::pair<States, States> starts = halves(initial);
    const Strided<S> merged = place_of_halves(in, tape);
    run_tasks(pass.threads, 2, [&](Index which) {
      if (which == 0)
        One::forward(cell_, inputs_, weights.forward, in, Direction::forward, returns, pass, starts.first, tape.forward,
                     merged);
      else
        One::forward(cell_, inputs_, weights.backward, in, Direction::backward, returns, pass, starts.second,
                     tape.backward, merged.data == nullptr ? merged : merged.from_row(cell_.output_rows()));
    });
    if (returns == Returns::last) {
      tape.one_step.assign_one_step(*in.timeline);
      detail::gather_last(One::output(cell_, in, tape.forward), *in.timeline, Direction::forward,
                          tape.last[0].shape(cell_.output_rows(), in.timeline->batch()));
      detail::gather_last(One::output(cell_, in, tape.backward), *in.timeline, Direction::backward,
                          tape.last[1].shape(cell_.output_rows(), in.timeline->batch()));
    }
    if (merged.data == nullptr) {
      const Index rows = (merge == Merge::concat ? 2 : 1) * cell_.output_rows();
      detail::merge_values<S>(merge, 2, values_of_halves(in, tape), tape.merged.shape(rows, half(0, in, tape).cols()));
    }
    return {std::as_const(tape.merged).view(), returns == Returns::steps ? in.timeline : &tape.one_step};
  }

  void final_state(const Signal<S>& in, Tape& tape, State<S>& state) const {
    state.resize(2 * std::size_t(C::states));
    const std::span<MatrixX<S>> all(state);
    One::final_state(cell_, in, Direction::forward, tape.forward, all.first(C::states));
    One::final_state(cell_, in, Direction::backward, tape.backward, all.last(C::states));
  }

  void backward(const Weights& weights, const Signal<S>& in, const Pass& pass, ConstView<S> d_out,
                const State<S>& d_final, Tape& tape, S* gradient, View<S> d_in, State<S>* d_initial) const {
    const std::pair<States, States> d_ends = halves(d_final);
    if (d_initial != nullptr) d_initial->resize(2 * std::size_t(C::states));
    const auto d_states = d_initial == nullptr ? std::span<MatrixX<S>>() : std::span<MatrixX<S>>(*d_initial);
    const auto split = d_initial == nullptr ? 0 : std::size_t(C::states);
    const auto d_forward = d_half(0, d_out, in, tape);
    const auto d_backward = d_half(1, d_out, in, tape);
    // Both directions write the input gradient. To run concurrently, the second direction adds its share afterwards.
    // With checkpoints the values needed for that are no longer stored, so the directions run in sequence.
    const bool later = pass.keeping.keep == Keep::everything;
    const View<S> none(nullptr, 0, 0, Eigen::OuterStride<>(0));
    run_tasks(later ? pass.threads : nullptr, 2, [&](Index which) {
      if (which == 0)
        One::backward(cell_, inputs_, weights.forward, in, Direction::forward, pass, d_forward, d_ends.first,
                      tape.forward, gradient, d_in, d_states.first(split));
      else
        One::backward(cell_, inputs_, weights.backward, in, Direction::backward, pass, d_backward, d_ends.second,
                      tape.backward, gradient + cell_.parameters().size(), later ? none : d_in, d_states.last(split),
                      true);
    });
    if (later) One::add_input_gradient(cell_, inputs_, weights.backward, in, Direction::backward, tape.backward, d_in);
  }

  std::optional<NonFinite> first_non_finite(const Weights& weights, const Signal<S>& in, Tape& tape) const {
    if (auto found = One::first_non_finite(cell_, inputs_, weights.forward, in, Direction::forward, tape.forward))
      return found;
    auto found = One::first_non_finite(cell_, inputs_, weights.backward, in, Direction::backward, tape.backward);
    if (found) found->value += " of the backward direction";
    return found;
  }

  /// `equation` is forward.NAME or backward.NAME.
  void trace(const Weights& weights, const Signal<S>& in, Tape& tape, std::string_view equation, MatrixX<S>& to) const {
    const std::string_view side = equation.substr(0, equation.find('.') + 1);
    require<ValueError>(side == "forward." || side == "backward.",
                        "trace: name must be forward.NAME or backward.NAME, got '", equation, "'");
    const bool forwards = side == "forward.";
    One::trace(cell_, inputs_, forwards ? weights.forward : weights.backward, in,
               forwards ? Direction::forward : Direction::backward, forwards ? tape.forward : tape.backward,
               equation.substr(side.size()), to);
  }

 private:
  using States = std::span<const MatrixX<S>>;

  static std::pair<States, States> halves(const State<S>& state) {
    if (state.empty()) return {};
    require<ShapeError>(state.size() == 2 * std::size_t(C::states), "matrices of the state must be ", 2 * C::states,
                        ", got ", state.size());
    return {States(state).first(C::states), States(state).last(C::states)};
  }

  /// Output buffer of both directions when concatenating steps: each direction writes its rows directly. Empty
  /// otherwise.
  Strided<S> place_of_halves(const Signal<S>& in, Tape& tape) const {
    if (merge != Merge::concat || returns == Returns::last) return {};
    tape.merged.shape(2 * cell_.output_rows(), in.timeline->columns());
    return tape.merged.strided();
  }

  /// Output of one direction: all steps, or one column per sequence.
  ConstView<S> half(int which, const Signal<S>& in, const Tape& tape) const {
    if (returns == Returns::last) return tape.last[which].view();
    return One::output(cell_, in, which == 0 ? tape.forward : tape.backward);
  }

  auto values_of_halves(const Signal<S>& in, const Tape& tape) const {
    return [&](std::size_t which) { return half(int(which), in, tape); };
  }

  /// Gradient of the output of one direction, [rows x columns] over all steps.
  ConstView<S> d_half(int which, const ConstView<S>& d_out, const Signal<S>& in, Tape& tape) const {
    if (d_out.data() == nullptr) return d_out;
    const ConstView<S> d = merge == Merge::concat
                               ? view(d_out.middleRows(which * cell_.output_rows(), cell_.output_rows()))
                           : merge == Merge::sum ? d_out
                                                 : d_scaled(which, d_out, in, tape);
    if (returns == Returns::steps) return d;
    auto d_steps = tape.d_steps[which].shape(cell_.output_rows(), in.timeline->columns());
    detail::scatter_last(d, *in.timeline, which == 0 ? Direction::forward : Direction::backward, d_steps,
                         One::reads_other_steps(which == 0 ? tape.forward : tape.backward));
    return view(std::as_const(d_steps));
  }

  ConstView<S> d_scaled(int which, const ConstView<S>& d_out, const Signal<S>& in, Tape& tape) const {
    auto d = tape.d_half[which].shape(d_out.rows(), d_out.cols());
    detail::unmerge<S>(merge, 2, values_of_halves(in, tape), std::size_t(which), d_out, d);
    return view(std::as_const(d));
  }

  C cell_;  // shared by both directions, which have the same shapes
  detail::CellInputs inputs_;
  ParameterTable table_;
};

}  // namespace unroll
