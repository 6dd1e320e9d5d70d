#pragma once
// Cells against plain loops in Eigen: values, gradients against finite differences, and streams with sizes known at run
// time and at compile time. Shared by the tests of published cells.

#include <unroll/unroll.hpp>

#include "cells/cell_run.hpp"
#include "infer/streamed.hpp"
#include "support/catch.hpp"

namespace published {

using namespace unroll;
using cell_run::CellRun;
using V = VectorX<double>;
using M = MatrixX<double>;
using RowMajor = Eigen::Map<Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>>;

inline V sigmoid(const V& a) { return (1 + (-a.array()).exp()).inverse(); }
inline V softplus(const V& a) { return (1 + a.array().exp()).log(); }
inline V silu(const V& a) { return a.array() * sigmoid(a).array(); }
inline V norm(const V& a, Index heads = 1) {
  V to(a.size());
  for (Index k = 0, rows = a.size() / heads; k < heads; ++k) {
    const V centred = a.segment(k * rows, rows).array() - a.segment(k * rows, rows).mean();
    to.segment(k * rows, rows) = centred / std::sqrt(centred.squaredNorm() / double(rows) + 1e-5);
  }
  return to;
}
inline RowMajor matrix(V& v, Index columns) { return {v.data(), v.size() / columns, columns}; }

/// Column of all inputs, one below the other.
inline V column_of(const std::vector<M>& inputs, Index column) {
  V all(0);
  for (const M& input : inputs) {
    const V above = all;
    all.resize(above.size() + input.rows());
    all << above, input.col(column);
  }
  return all;
}

/// Compares the outputs and final states of a pass with those of `step`.
template <class Run, class Step>
void check_values(Run& run, const Step& step) {
  const M output = run.forward();
  Parameters<double> parameters(run.cell.parameters());
  parameters.values() = run.theta;
  for (Index rank = 0; rank < run.timeline.batch(); ++rank) {
    std::vector<V> states;
    for (const M& part : run.initial) states.push_back(part.col(run.timeline.sample(rank)));
    const Index length = run.timeline.length(rank);
    for (Index k = 0; k < length; ++k) {
      const Index t = run.direction == Direction::forward ? k : length - 1 - k, column = run.timeline.offset(t) + rank;
      CHECK((step(parameters, column_of(run.inputs, column), states) - output.col(column)).norm() < 1e-12);
    }
    for (std::size_t s = 0; s < states.size(); ++s)
      CHECK((states[s] - run.final_state[s].col(run.timeline.sample(rank))).norm() < 1e-12);
  }
}

/// Model of one layer with random numbers in place of all that is learned.
template <class Layer>
auto model_of(Index features, Layer layer) {
  auto model = sequential<double>(features, std::move(layer));
  model.initialise(1);
  for (const auto& [first, size] : model.parameters().table().learned())
    model.parameters().values().segment(first, size) = cell_run::noise(size, 1, std::uint64_t(first + 1), 0.4);
  return model;
}

/// Compares streams of a layer with its forward pass, with sizes known at run time and at compile time.
template <const auto& equations, int in, int units, int out>
void check_streams(const CellSizes& sizes) {
  using RunTime = Recurrent<OneScalar<EquationCell<double, equations>>::template Cell>;
  using CompileTime = Recurrent<OneScalar<EquationCell<double, equations, units>>::template Cell>;
  CHECK(streamed::difference(model_of(in, RunTime{.units = units, .sizes = sizes.sizes})) < 1e-12);
  CHECK(streamed::difference<in, out>(model_of(in, CompileTime{.units = units, .sizes = sizes.sizes})) < 1e-12);
}

/// Compares a cell with `step(parameters, inputs, states)`, which advances the states and returns the output, and its
/// streams with its passes. Streams have more `units`, which fill more than one register.
template <const auto& equations, int in, int units = 21, int out = units, class Step>
void check(const CellSizes& sizes, const Step& step) {
  for (const Direction direction : {Direction::forward, Direction::backward})
    for (const Timeline& timeline : cell_run::timelines()) {
      CellRun<EquationCell<double, equations>> run(sizes, timeline, direction);
      run.cell.set_given(run.theta.data());
      const GradientReport report = run.check();
      INFO(timeline.steps() << " steps: " << report.text());
      CHECK(report.worst < 1e-6);
      check_values(run, step);
    }
  check_streams<equations, in, units, out>(sizes);
}

}  // namespace published
