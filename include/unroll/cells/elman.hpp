#pragma once

#include "unroll/recurrence/equation_cell.hpp"

namespace unroll {

namespace equations {
using namespace symbols;

/// Simple recurrent network, Elman 1990, with any activation.
///
/// x [inputs x B] input; h [units x B] state and output; batch size B.
template <class F>
inline constexpr auto elman = cell(state(h), next(h) = activation(F{})(linear(x, h)));
}  // namespace equations

/// Elman network with another activation than tanh: `Recurrent<ElmanWith<Relu>::Cell>{.units = 32}`.
template <class F>
struct ElmanWith {
  template <class Scalar, int units = Eigen::Dynamic>
  struct Cell : EquationCell<Scalar, equations::elman<F>, units> {
    using EquationCell<Scalar, equations::elman<F>, units>::EquationCell;
    static constexpr std::string_view name = "elman";
  };
};

template <class Scalar, int units = Eigen::Dynamic>
using Elman = typename ElmanWith<Tanh>::template Cell<Scalar, units>;

}  // namespace unroll
