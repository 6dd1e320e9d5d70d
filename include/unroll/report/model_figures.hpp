#pragma once
// Figures of a model's internals: parameters, values over time, and gradient flow.

#include "unroll/models/chain.hpp"
#include "unroll/report/curves.hpp"
#include "unroll/report/heat_map.hpp"

namespace unroll {

/// Euclidean norm of the columns of each step, averaged over the sequences that have this step. Step 0 is the first.
/// Throws ShapeError unless there is one column for each column of the timeline.
template <class Derived>
std::vector<double> norm_per_step(const Eigen::MatrixBase<Derived>& columns, const Timeline& timeline) {
  require<ShapeError>(columns.cols() == timeline.columns(), "norm per step: the values must have ", timeline.columns(),
                      " columns, as the timeline, got ", columns.cols());
  const VectorX<double> norms = columns.template cast<double>().colwise().norm();
  std::vector<double> means;
  for (Index t = 0; t < timeline.steps(); ++t)
    means.push_back(norms.segment(timeline.offset(t), timeline.active(t)).mean());
  return means;
}

/// Gradient flow: norm per step of the gradient with respect to the input. `gradient_of` maps the output to the
/// gradient of a loss with respect to it, a matrix of the same size. With a loss at the last step only, the result
/// shows how far back the model learns (Bengio et al. 1994; Pascanu et al. 2013, arXiv:1211.5063). Not defined for a
/// model that begins with an embedding. Throws as the model's forward and backward pass.
template <class Model, class F>
std::vector<double> gradient_flow(const Model& model, const MatrixX<typename Model::Scalar>& x,
                                  const Timeline& timeline, F&& gradient_of) {
  using Scalar = typename Model::Scalar;
  typename Model::Tape tape;
  MatrixX<Scalar> d_x;
  auto gradient = model.parameters().zeros_like();
  const MatrixX<Scalar> d_output = gradient_of(model.forward(x, timeline, tape));
  model.backward(tape, d_output, gradient, &d_x);
  return norm_per_step(d_x, timeline);
}

namespace figure {

/// Line chart of gradient flow, one line per model, over steps from 0.
inline Curves gradient_flow(const std::vector<std::pair<std::string, std::vector<double>>>& norms) {
  Curves curves{.title = {}, .x = {"step"}, .y = {.title = "norm of the gradient", .logarithmic = true}, .series = {}};
  for (const auto& [name, values] : norms) curves.series.push_back(over_steps(name, values));
  return curves;
}

/// Heat map of the columns of one sample over time: a trace, an input or an output [rows x columns of the timeline].
/// Throws ShapeError for a sample that does not exist; `picture` throws it for a sample without steps.
template <class Derived>
HeatMap over_time(const Eigen::MatrixBase<Derived>& columns, const Timeline& timeline, Index sample,
                  std::string value) {
  require<ShapeError>(columns.cols() == timeline.columns(), "over time: the values must have ", timeline.columns(),
                      " columns, as the timeline, got ", columns.cols());
  require<ShapeError>(sample >= 0 && sample < timeline.batch(), "over time: sample must be 0 to ", timeline.batch() - 1,
                      ", got ", sample);
  const Index rank = timeline.rank(sample), steps = timeline.length(rank);
  HeatMap map{.title = {},
              .x = {"step"},
              .y = {"row"},
              .value = std::move(value),
              .values = MatrixX<double>(columns.rows(), steps),
              .diverging = true};
  for (Index t = 0; t < steps; ++t) map.values.col(t) = columns.col(timeline.offset(t) + rank).template cast<double>();
  return map;
}

/// Heat map of a parameter block by name: one row per unit, one column per input. Throws ValueError for an unknown
/// name.
template <class Scalar>
HeatMap weights(const Parameters<Scalar>& parameters, std::string_view name) {
  return {.title = {},
          .x = {"column"},
          .y = {"row"},
          .value = text(name),
          .values = parameters[name].template cast<double>(),
          .diverging = true};
}

}  // namespace figure
}  // namespace unroll
