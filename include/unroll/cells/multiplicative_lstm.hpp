#pragma once

#include <vector>

#include "unroll/core/initializers.hpp"
#include "unroll/recurrence/equation_cell.hpp"

namespace unroll {

namespace equations {
using namespace symbols;

/// Multiplicative LSTM, Krause et al. 2016 (arXiv:1609.07959): its gates read m in place of h, so each input has
/// transitions of its own.
///
/// x [inputs x B] input, h, c [units x B] output and cell state, B sequences side by side. The paper's equations have
/// no biases; those of the gates are here as in its authors' later work (Radford et al. 2017, arXiv:1704.01444).
inline constexpr auto multiplicative_lstm = cell(state(h, c),
    m = linear(x, no_bias) * linear(h, no_bias),
    i = sigmoid(linear(x, m)),
    f = sigmoid(linear(x, m)),
    g = tanh(linear(x, m)),
    o = sigmoid(linear(x, m)),
    next(c) = f * c + i * g,
    next(h) = o * tanh(next(c)));
}  // namespace equations

/// Forget bias 1, as for the LSTM.
template <class Scalar, int units = Eigen::Dynamic>
struct MultiplicativeLstm : EquationCell<Scalar, equations::multiplicative_lstm, units> {
  using EquationCell<Scalar, equations::multiplicative_lstm, units>::EquationCell;
  static constexpr std::string_view name = "multiplicative lstm";
  static std::vector<std::pair<std::string, Initializer>> starts() { return {{"f.b", init::constant(1)}}; }
};

}  // namespace unroll
