#pragma once

#include "unroll/recurrence/equation_cell.hpp"

namespace unroll {

namespace equations {
using namespace symbols;

/// Recurrent additive network, Lee, Levy & Zettlemoyer 2017 (arXiv:1705.07393), equation 1: an LSTM whose candidate is
/// linear in the input, so its cell state is a weighted sum of all previous inputs.
///
/// x [inputs x B] input; h, c [units x B] output and cell state; batch size B.
inline constexpr auto ran = cell(state(h, c),
    g = linear(x, no_bias),
    i = sigmoid(linear(x, h)),
    f = sigmoid(linear(x, h)),
    next(c) = i * g + f * c,
    next(h) = tanh(next(c)));
}  // namespace equations

template <class Scalar, int units = Eigen::Dynamic>
struct Ran : EquationCell<Scalar, equations::ran, units> {
  using EquationCell<Scalar, equations::ran, units>::EquationCell;
  static constexpr std::string_view name = "ran";
};

}  // namespace unroll
