#pragma once

#include "unroll/recurrence/equation_cell.hpp"

namespace unroll {

namespace equations {
using namespace symbols;

/// Minimal gated unit, Zhou et al. 2016 (arXiv:1603.09420): a GRU with one gate for both reset and update.
///
/// x [inputs x B] input; h [units x B] state and output; batch size B.
inline constexpr auto mgu = cell(state(h),
    f = sigmoid(linear(x, h)),
    s = f * h,
    n = tanh(linear(x, s)),
    next(h) = (1 - f) * h + f * n);
}  // namespace equations

template <class Scalar, int units = Eigen::Dynamic>
struct Mgu : EquationCell<Scalar, equations::mgu, units> {
  using EquationCell<Scalar, equations::mgu, units>::EquationCell;
  static constexpr std::string_view name = "mgu";
};

}  // namespace unroll
