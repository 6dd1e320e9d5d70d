#pragma once

#include <string>
#include <utility>
#include <vector>

#include "unroll/parameters/initializers.hpp"
#include "unroll/recurrence/equation_cell.hpp"

namespace unroll {

namespace equations {
namespace mogrifier_equations {
using namespace symbols;
inline constexpr auto x0 = input<"x", "features">;
inline constexpr auto x1 = symbol<"x1", "features">;
inline constexpr auto x2 = symbol<"x2", "features">;
inline constexpr auto h1 = symbol<"h1">;
inline constexpr auto h2 = symbol<"h2">;

/// Mogrifier LSTM, Melis et al. 2020 (arXiv:1909.01792), equations 1 and 2 with four rounds: input and state scale each
/// other before a step of an LSTM.
///
/// x [inputs x B] input; h, c [units x B] output and cell state; batch size B.
inline constexpr auto mogrifier_lstm = cell(state(h, c),
    x1 = 2 * sigmoid(linear(h, no_bias)) * x0,
    h1 = 2 * sigmoid(linear(x1, no_bias)) * h,
    x2 = 2 * sigmoid(linear(h1, no_bias)) * x1,
    h2 = 2 * sigmoid(linear(x2, no_bias)) * h1,
    i = sigmoid(linear(x2, h2)),
    f = sigmoid(linear(x2, h2)),
    g = tanh(linear(x2, h2)),
    o = sigmoid(linear(x2, h2)),
    next(c) = f * c + i * g,
    next(h) = o * tanh(next(c)));
}  // namespace mogrifier_equations
using mogrifier_equations::mogrifier_lstm;
}  // namespace equations

template <class Scalar, int units = Eigen::Dynamic>
struct MogrifierLstm : EquationCell<Scalar, equations::mogrifier_lstm, units> {
  using EquationCell<Scalar, equations::mogrifier_lstm, units>::EquationCell;
  static constexpr std::string_view name = "mogrifier lstm";
  static std::vector<std::pair<std::string, Initializer>> named_initializers() { return {{"f.b", init::constant(1)}}; }
};

}  // namespace unroll
