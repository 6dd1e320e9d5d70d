#pragma once

#include "unroll/recurrence/equation_cell.hpp"

namespace unroll {

namespace equations {
using namespace symbols;

/// sLSTM, Beck et al. 2024 (xLSTM, arXiv:2405.04517), section 2.2, with one head: the input gate is an exponential, n
/// sums what the gates let in, and m keeps the exponents small without changing h.
///
/// x [inputs x B] input; h, c, n, m [units x B] output, cell, normaliser and stabiliser state, B sequences side by
/// side. `i` and `f` are the logarithms of the paper's gates; of its two forget gates this is the sigmoid one, log
/// sigmoid(a) = -softplus(-a).
/// The paper divides by n itself, which is 0 where all gates so far have let in less than a float can hold.
inline constexpr auto slstm = cell(state(h, c, n, m),
    i = linear(x, h),
    f = -softplus(-linear(x, h)),
    z = tanh(linear(x, h)),
    o = sigmoid(linear(x, h)),
    next(m) = max(f + m, i),
    r = exp(f + m - next(m)),
    s = exp(i - next(m)),
    next(c) = r * c + s * z,
    next(n) = r * n + s,
    next(h) = o * (next(c) / max(next(n), 1e-30)));
}  // namespace equations

template <class Scalar, int units = Eigen::Dynamic>
struct Slstm : EquationCell<Scalar, equations::slstm, units> {
  using EquationCell<Scalar, equations::slstm, units>::EquationCell;
  static constexpr std::string_view name = "slstm";
};

}  // namespace unroll
