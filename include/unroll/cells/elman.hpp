#pragma once

#include "unroll/recurrence/equation_cell.hpp"

namespace unroll {

namespace equations {
using namespace symbols;

/// Simple recurrent network, Elman 1990, with any activation.
///
/// x [inputs x B] input, h [units x B] state and output, B sequences side by side.
template <class F>
inline constexpr auto elman = cell(state(h), next(h) = activation(F{})(linear(x, h)));
}  // namespace equations

template <class Scalar, class F = Tanh, int units = Eigen::Dynamic>
struct Elman : EquationCell<Scalar, equations::elman<F>, units> {
  using EquationCell<Scalar, equations::elman<F>, units>::EquationCell;
  static constexpr std::string_view name = "elman";
};

}  // namespace unroll
