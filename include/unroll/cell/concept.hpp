#pragma once
// What the engine asks of a cell, however it came to be: equations (recurrence/equation_cell.hpp) or hand-written
// Eigen.
//
// A cell knows one step of many sequences side by side; it never knows which step, which direction, or who is masked.

#include <string_view>

#include "unroll/cell/step.hpp"
#include "unroll/core/timeline.hpp"
#include "unroll/parameters/parameters.hpp"

namespace unroll {

/// `C::states` states; `C::output_state` is the one that is handed on, or -1 when the cell writes Step::output instead;
/// `C::Weights` are its parameters as its passes read them, `C::Work` is whatever a pass over time keeps for the cell.
template <class C>
concept HasTypes = requires {
  typename C::Scalar;
  typename C::Weights;
  typename C::Work;
  { C::states } -> std::convertible_to<int>;
  { C::output_state } -> std::convertible_to<int>;
};

/// How many inputs and constants it reads, and the rows of everything that crosses its border.
template <class C>
concept HasSizes = requires(const C& cell, int k) {
  { cell.inputs() } -> std::convertible_to<int>;
  { cell.constants() } -> std::convertible_to<int>;
  { cell.input_rows(k) } -> std::convertible_to<Index>;
  { cell.constant_rows(k) } -> std::convertible_to<Index>;
  { cell.state_rows(k) } -> std::convertible_to<Index>;
  { cell.output_rows() } -> std::convertible_to<Index>;
  {
    cell.kept_rows()
    } -> std::convertible_to<Index>;  ///< numbers kept per column besides states and output, for memory estimates
};

/// The table of its parameters; `theta` and `gradient` below are laid out by it.
template <class C>
concept HasParameters = requires(const C& cell) {
  { cell.parameters() } -> std::convertible_to<const ParameterTable&>;
};

/// prepare: once for all passes after the parameters changed, e.g. to pack weights. begin: once per pass, for what does
/// not change from step to step. make_room: before each stretch of steps that is kept, to size `work` for the columns
/// of its timeline. project: work that needs no state, for the steps [first, last). step: fills `after` (and `output`)
/// from `before`.
template <class C>
concept HasStep = requires(const C& cell, const typename C::Scalar* theta, typename C::Weights& made,
                           const typename C::Weights& weights, const Inputs<typename C::Scalar>& inputs,
                           const Timeline& timeline, Index t, const Step<typename C::Scalar, C::states>& step,
                           typename C::Work& work) {
  cell.prepare(theta, made);
  cell.begin(weights, inputs, timeline, work);
  cell.make_room(weights, timeline, work);
  cell.project(weights, inputs, timeline, t, t, work);
  cell.step(weights, step, work);
};

/// prepare_back: as prepare, for the way back. begin_back: once per way back. step_back: turns `d_state` from the
/// gradient after the step into the gradient before it, steps in reverse order. collect: adds the parameters' gradient
/// of some columns that step_back has been through; `chunk` gives the states around these columns. pull_inputs: writes,
/// or adds, the gradients of their inputs. end_back: once, after the last collect.
template <class C>
concept HasStepBack = requires(const C& cell, const typename C::Scalar* theta, typename C::Weights& made,
                               const typename C::Weights& weights, const Inputs<typename C::Scalar>& inputs,
                               const Timeline& timeline, const Step<typename C::Scalar, C::states>& chunk,
                               const StepBack<typename C::Scalar, C::states>& step, typename C::Scalar* gradient,
                               const InputGradients<typename C::Scalar>& d_inputs, Index first, bool add,
                               typename C::Work& work) {
  cell.prepare_back(theta, made);
  cell.begin_back(weights, timeline, work);
  cell.step_back(weights, step, work);
  cell.collect(weights, chunk, inputs, gradient, work);
  cell.pull_inputs(weights, first, first, d_inputs, add, work);
  cell.end_back(weights, inputs, gradient, d_inputs, work);
};

template <class C>
concept Cell = HasTypes<C> && HasSizes<C> && HasParameters<C> && HasStep<C> && HasStepBack<C>;

/// Instantiated by everything that takes a cell: names the first missing piece instead of a page of notes.
template <class C>
constexpr bool check_cell() {
  static_assert(HasTypes<C>,
                "unroll: a cell needs the types Scalar, Weights and Work and the numbers states and output_state");
  static_assert(HasSizes<C>,
                "unroll: a cell needs inputs(), constants(), input_rows(k), constant_rows(k), state_rows(k), "
                "output_rows() and kept_rows()");
  static_assert(HasParameters<C>, "unroll: a cell needs parameters(), the table of its weights");
  static_assert(
      HasStep<C>,
      "unroll: a cell needs prepare(...), begin(...), make_room(...), project(...) and step(...), all const; see "
      "cell/concept.hpp");
  static_assert(
      HasStepBack<C>,
      "unroll: a cell needs prepare_back(...), begin_back(...), step_back(...), collect(...), pull_inputs(...) and "
      "end_back(...), all const; see cell/concept.hpp");
  return Cell<C>;
}

}  // namespace unroll
