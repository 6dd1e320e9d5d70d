#pragma once
// Interface between the engine and a cell, which may be made of equations (recurrence/equation_cell.hpp) or
// hand-written with Eigen.
//
// A cell computes one step of many sequences in parallel. It is independent of the index of the step, the direction and
// the mask.

#include <string_view>

#include "unroll/cell/step.hpp"
#include "unroll/core/timeline.hpp"
#include "unroll/parameters/parameters.hpp"

namespace unroll {

/// Types and numbers of a cell: `C::states` is the number of states; `C::output_state` is the index of the state that
/// is the output, or -1 if the cell writes Step::output; `C::Weights` are the parameters in the layout of the passes;
/// `C::Work` is scratch and saved data of a pass over time.
template <class C>
concept HasTypes = requires {
  typename C::Scalar;
  typename C::Weights;
  typename C::Work;
  { C::states } -> std::convertible_to<int>;
  { C::output_state } -> std::convertible_to<int>;
};

/// Number of inputs and constants, and the rows of inputs, constants, states and output.
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

/// Table of the parameters, which defines the layout of `theta` and `gradient` below.
template <class C>
concept HasParameters = requires(const C& cell) {
  { cell.parameters() } -> std::convertible_to<const ParameterTable&>;
};

/// Forward pass of a cell.
/// prepare: once after the parameters changed, e.g. to pack weights.
/// begin: once per pass, for values that are constant over time.
/// make_room: before each interval of steps, to size `work` for the columns of its timeline.
/// project: state-independent work for the steps [first, last).
/// step: computes `after` (and `output`) from `before`.
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

/// Backward pass of a cell.
/// prepare_back: like prepare, for the backward pass.
/// begin_back: once per backward pass.
/// step_back: replaces the gradient after the step in `d_state` by the gradient before it; steps in reverse order.
/// collect: adds the parameter gradient of columns that step_back has processed; `chunk` gives the states around them.
/// pull_inputs: writes, or adds, the gradients of the inputs of these columns.
/// end_back: once, after the last collect.
/// A cell with `finishes` has finish(weights, inputs, step, work), which computes what no state depends on for many steps
/// at once, after `step` of each; finish_back(weights, step_back, work), which is called before their step_back;
/// finish_collect(weights, step, inputs, gradient, work, lane) and finish_pull(weights, first, columns, d_inputs, work),
/// the parts of collect and pull_inputs that belong to it. With `finishes_some` these four may be left out for columns
/// whose output nothing reads; their step_back then has the further argument false. A cell with end_chunk(work), which is called after the step_back of a chunk's steps and before its `collect`, lets
/// other threads run `project`, `collect` (in order) and `pull_inputs` of a chunk during the steps of other chunks. Its
/// `collect` has a further argument, the lane whose rows it adds.
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

/// Cell of the engine: the conjunction of all parts of the interface.
template <class C>
concept Cell = HasTypes<C> && HasSizes<C> && HasParameters<C> && HasStep<C> && HasStepBack<C>;

/// Checks of the interface one by one: the compiler names the first missing part instead of a page of notes.
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
  static_assert(
      !requires { C::starts(); }, "unroll: starts() of a cell was renamed to named_initializers()");
  return Cell<C>;
}

}  // namespace unroll
