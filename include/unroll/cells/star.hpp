#pragma once

#include "unroll/recurrence/equation_cell.hpp"

namespace unroll {

namespace equations {
using namespace symbols;
inline constexpr auto k_gate = symbol<"k">;

/// Stackable recurrent cell (STAR), Turkoglu et al. 2021 (arXiv:1911.11033): made so that gradients keep their size
/// through many layers as well as through many steps.
///
/// x [inputs x B] input, h [units x B] state and output, B sequences side by side.
inline constexpr auto star = cell(state(h),
    z = tanh(linear(x)),
    k_gate = sigmoid(linear(x, h)),
    next(h) = tanh((1 - k_gate) * h + k_gate * z));
}  // namespace equations

template <class Scalar, int units = Eigen::Dynamic>
struct Star : EquationCell<Scalar, equations::star, units> {
  using EquationCell<Scalar, equations::star, units>::EquationCell;
  static constexpr std::string_view name = "star";
};

}  // namespace unroll
