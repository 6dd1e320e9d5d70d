#pragma once
// A layer that runs one cell over time.

#include "unroll/layers/last_step.hpp"
#include "unroll/layers/layer.hpp"

namespace unroll {

/// What a recurrent layer hands on.
enum class Returns {
  steps,  ///< the output of every step
  last,   ///< the output of each sequence's last step (in the layer's direction); zero for a sequence without steps
};

namespace detail {

/// One direction of a recurrent layer: a cell with its tape. Shared by Recurrent and Bidirectional.
template <Cell C>
struct OneDirection {
  using Scalar = typename C::Scalar;

  static std::string_view name() {
    if constexpr (requires { C::name; })
      return C::name;
    else
      return "recurrent";
  }

  static C make(Shape in, Index units, const std::vector<std::pair<std::string, Index>>& sizes) {
    require<ShapeError>(in.per_step, "expects a column for every step, what comes in has one for every sequence");
    const C unsized;
    require<ShapeError>(unsized.inputs() <= 1 && unsized.constants() == 0, "the cell reads ", unsized.inputs(),
                        " inputs and ", unsized.constants(),
                        " constants; a layer has one input: run the cell with OverTime");
    return C(CellSizes{.inputs = {in.features}, .units = units, .constants = {}, .sizes = sizes});
  }

  static void forward(const C& cell, const Scalar* theta, const Signal<Scalar>& in, Direction direction,
                      std::span<const Matrix<Scalar>> initial, Tape<C>& tape) {
    OverTime<C>(cell, theta, *in.timeline, direction, tape).forward({{&in.values, 1}, {}}, initial);
  }

  static ConstView<Scalar> output(const C& cell, const Signal<Scalar>& in, const Tape<C>& tape) {
    return OverTime<C>(cell, nullptr, *in.timeline, Direction::forward, const_cast<Tape<C>&>(tape)).output();
  }

  static void backward(const C& cell, const Scalar* theta, const Signal<Scalar>& in, Direction direction,
                       const ConstView<Scalar>& d_output, std::span<const Matrix<Scalar>> d_final, Tape<C>& tape,
                       Scalar* gradient, View<Scalar> d_in, std::span<Matrix<Scalar>> d_initial) {
    OverTime<C>(cell, theta, *in.timeline, direction, tape)
        .backward({{&in.values, 1}, {}}, d_output, d_final, gradient, {{&d_in, 1}, {}}, d_initial);
  }

  /// The earliest step in the direction of the pass; of one step, the first equation.
  static std::optional<NonFinite> first_non_finite(const C& cell, const Signal<Scalar>& in, Direction direction,
                                                   Tape<C>& tape) {
    if constexpr (requires {
                    cell.first_non_finite(std::declval<Step<Scalar, C::states>>(), *in.timeline, true, tape.work);
                  }) {
      OverTime<C> pass(cell, nullptr, *in.timeline, direction, tape);
      if (const auto found =
              cell.first_non_finite(pass.all_columns(), *in.timeline, direction == Direction::forward, tape.work))
        return NonFinite{"equation '" + found->first + "'", found->second, false};
      return std::nullopt;
    } else {
      return non_finite_output(output(cell, in, tape));
    }
  }

  /// The value of a named equation [rows x columns]; only before the way back.
  static void trace(const C& cell, const Signal<Scalar>& in, Direction direction, Tape<C>& tape,
                    std::string_view equation, Matrix<Scalar>& to) {
    OverTime<C> pass(cell, nullptr, *in.timeline, direction, tape);
    cell.trace(equation, pass.all_columns(), tape.work, to);
  }

  static std::vector<NamedStart> named_starts() {
    if constexpr (requires { C::starts(); })
      return C::starts();
    else
      return {};
  }

  static std::vector<Index> state_rows(const C& cell) {
    std::vector<Index> rows;
    for (int s = 0; s < C::states; ++s) rows.push_back(cell.state_rows(s));
    return rows;
  }

  /// States, output and kept values, gradients of states, and copies of the states before the steps of a chunk.
  static Index kept(const C& cell, Index columns, Index batch) {
    using Run = OverTime<C>;
    const Index per_column = cell.kept_rows() + (C::output_state < 0 ? cell.output_rows() : 0);
    Index states = 0, copied = 0;
    for (int s = 0; s < C::states; ++s) states += cell.state_rows(s);
    for (int s = 0; s < C::states; ++s) copied += Run::collects_state(s) ? cell.state_rows(s) : 0;
    return (per_column + states) * columns + 2 * states * batch + copied * std::min(columns, Run::chunk_columns(cell));
  }
};

}  // namespace detail

/// A cell over time: `Recurrent<Gru<float>>{.units = 32}`.
template <Cell C>
struct Recurrent {
  using Scalar = typename C::Scalar;
  using One = detail::OneDirection<C>;
  struct Tape {
    unroll::Tape<C> cell;
    Timeline one_step;
    Buffer<Scalar> last, d_steps;
  };

  Index units = 0;
  Direction direction = Direction::forward;
  Returns returns = Returns::steps;
  std::vector<std::pair<std::string, Index>> sizes = {};  ///< of symbols with a size of their own, see CellSizes
  Start first_values = {};
  C cell = {};  ///< made by connect

  Shape connect(Shape in) {
    cell = One::make(in, units, sizes);
    return {cell.output_rows(), returns == Returns::steps};
  }
  std::string name() const { return std::string(One::name()) + (direction == Direction::backward ? ", backward" : ""); }
  const ParameterTable& parameters() const { return cell.parameters(); }
  std::vector<Index> state_rows() const { return One::state_rows(cell); }
  bool causal() const { return direction == Direction::forward && returns == Returns::steps; }
  Start start() const { return first_values; }
  std::vector<NamedStart> named_starts() const { return One::named_starts(); }
  Index kept(Index columns, Index batch) const {
    return One::kept(cell, columns, batch) + (returns == Returns::last ? cell.output_rows() * (columns + batch) : 0);
  }

  Signal<Scalar> forward(const Scalar* theta, const Signal<Scalar>& in, const Pass&, const State<Scalar>& initial,
                         Tape& tape) const {
    One::forward(cell, theta, in, direction, initial, tape.cell);
    const auto steps = One::output(cell, in, tape.cell);
    if (returns == Returns::steps) return {steps, in.timeline};
    tape.one_step.assign_one_step(*in.timeline);
    auto last = tape.last.shape(steps.rows(), in.timeline->batch());
    detail::gather_last(steps, *in.timeline, direction, last);
    return {view(std::as_const(last)), &tape.one_step};
  }

  void final_state(const Signal<Scalar>& in, Tape& tape, State<Scalar>& state) const {
    state.resize(std::size_t(C::states));
    OverTime<C>(cell, nullptr, *in.timeline, direction, tape.cell).final_state(state);
  }

  void backward(const Scalar* theta, const Signal<Scalar>& in, const Pass&, ConstView<Scalar> d_out,
                const State<Scalar>& d_final, Tape& tape, Scalar* gradient, View<Scalar> d_in,
                State<Scalar>* d_initial) const {
    if (returns == Returns::last && d_out.data() != nullptr) {
      auto d_steps = tape.d_steps.shape(cell.output_rows(), in.timeline->columns());
      detail::scatter_last(d_out, *in.timeline, direction, d_steps);
      new (&d_out) ConstView<Scalar>(view(std::as_const(d_steps)));  // Eigen's way to let a Map look elsewhere
    }
    if (d_initial != nullptr) d_initial->resize(std::size_t(C::states));
    One::backward(cell, theta, in, direction, d_out, d_final, tape.cell, gradient, d_in,
                  d_initial == nullptr ? std::span<Matrix<Scalar>>() : std::span<Matrix<Scalar>>(*d_initial));
  }

  std::optional<NonFinite> first_non_finite(const Signal<Scalar>& in, Tape& tape) const {
    return One::first_non_finite(cell, in, direction, tape.cell);
  }

  void trace(const Signal<Scalar>& in, Tape& tape, std::string_view equation, Matrix<Scalar>& to) const {
    One::trace(cell, in, direction, tape.cell, equation, to);
  }
};

}  // namespace unroll
