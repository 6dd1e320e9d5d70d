#pragma once
// One cell over time in one direction, with parameters and gradients.

#include "case.hpp"
#include "unroll/engine/over_time.hpp"

namespace conformance {

template <class C>
class Run {
 public:
  using Scalar = typename C::Scalar;

  Run(const CellSizes& sizes, Direction direction)
      : cell(sizes), theta(cell.parameters()), gradient(cell.parameters()), direction_(direction) {}

  /// Forward pass: x [inputs x columns] -> [outputs x columns]. An empty initial state means zeros.
  MatrixX<Scalar> forward(const MatrixX<Scalar>& x, const Timeline& timeline, const State<Scalar>& initial) {
    x_ = x;
    const auto in = view(std::as_const(x_));
    auto pass = over(timeline);
    pass.forward({{&in, 1}, {}}, initial);
    return pass.output();
  }

  State<Scalar> final_state(const Timeline& timeline) {
    State<Scalar> state;
    state.resize(std::size_t(C::states));
    over(timeline).final_state(state);
    return state;
  }

  /// Backward pass. Adds to `gradient`, returns the gradient of x and fills that of the initial states. An empty
  /// gradient means zero.
  MatrixX<Scalar> backward(const Timeline& timeline, const MatrixX<Scalar>& d_y, const State<Scalar>& d_final,
                           State<Scalar>& d_initial) {
    MatrixX<Scalar> d_x(x_.rows(), x_.cols());
    d_initial.resize(std::size_t(C::states));
    const auto in = view(std::as_const(x_));
    auto d_in = view(d_x);
    over(timeline).backward({{&in, 1}, {}}, d_y.size() == 0 ? nothing<Scalar>() : view(d_y), d_final,
                            gradient.values().data(), {{&d_in, 1}, {}}, d_initial);
    return d_x;
  }

  Direction direction() const { return direction_; }

  C cell;
  Parameters<Scalar> theta, gradient;

 private:
  OverTime<C> over(const Timeline& timeline) { return {cell, timeline, direction_, tape_, theta.values().data()}; }

  Direction direction_;
  Tape<C> tape_;
  MatrixX<Scalar> x_;
};

/// Mask [batch x steps] of sequences that are valid from step 0 to their lengths.
inline MatrixX<bool> mask_of_lengths(const std::vector<Index>& lengths, Index steps) {
  MatrixX<bool> mask(Index(lengths.size()), steps);
  for (Index b = 0; b < mask.rows(); ++b)
    for (Index t = 0; t < steps; ++t) mask(b, t) = t < lengths[std::size_t(b)];
  return mask;
}

/// Timeline of `batch` sequences with the lengths in tensor `name`, or with `steps` steps each if the case has no such
/// tensor.
inline Timeline timeline_of_lengths(const Case& given, const std::string& name, Index batch, Index steps) {
  if (!given.has(name)) return Timeline::rectangular(batch, steps);
  return Timeline::from_mask(mask_of_lengths(given.integers(name, {batch}, 0, steps), steps));
}

/// Slice k of tensors (K, B, rows), one tensor per state, that were read as columns; empty if `states` is.
template <class Scalar>
State<Scalar> state_slice(const std::vector<MatrixX<Scalar>>& states, Index k, Index batch) {
  State<Scalar> slice;
  for (const MatrixX<Scalar>& state : states) slice.push_back(state.middleCols(k * batch, batch));
  return slice;
}

/// States from the tensors of these names, one per state of the cell, with the shape `leading` followed by the rows of
/// the state. Missing ones are zero; the result is empty if all are missing.
template <class C>
std::vector<MatrixX<typename C::Scalar>> states_if_any(const Case& given, const std::vector<std::string>& names,
                                                       const C& cell, std::vector<Index> leading) {
  using Scalar = typename C::Scalar;
  std::vector<MatrixX<Scalar>> all;
  bool any = false;
  Index columns = 1;
  for (const Index size : leading) columns *= size;
  for (int s = 0; s < C::states; ++s) {
    const std::string& name = names.at(std::size_t(s));
    std::vector<Index> shape = leading;
    shape.push_back(cell.state_rows(s));
    all.push_back(given.has(name) ? given.columns<Scalar>(name, shape)
                                  : MatrixX<Scalar>::Zero(cell.state_rows(s), columns));
    any = any || given.has(name);
  }
  return any ? all : std::vector<MatrixX<Scalar>>();
}

}  // namespace conformance
