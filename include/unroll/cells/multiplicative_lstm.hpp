#pragma once

#include <vector>

#include "unroll/parameters/initializers.hpp"
#include "unroll/recurrence/equation_cell.hpp"

namespace unroll {

namespace equations {
using namespace symbols;
inline constexpr auto b_h = symbol<"b_h">;

/// Multiplicative LSTM, Krause et al. 2016 (arXiv:1609.07959): its gates read m in place of h, so the transition
/// depends on the input. The candidate g is linear, and tanh follows the output gate.
///
/// x [inputs x B] input; h, c [units x B] output and cell state; batch size B. The biases are those of the authors'
/// program (mLSTMhutter.m): one for each of the three gates, and b_h inside the last tanh.
inline constexpr auto multiplicative_lstm = cell(state(h, c),
    m = linear(x, no_bias) * linear(h, no_bias),
    i = sigmoid(linear(x, m)),
    f = sigmoid(linear(x, m)),
    g = linear(x, m, no_bias),
    o = sigmoid(linear(x, m)),
    next(c) = f * c + i * g,
    next(h) = tanh(o * next(c) + bias(b_h)));

/// Multiplicative LSTM with the candidate and the output of the usual LSTM, as in the authors' second program
/// (mLSTMWN.py) and in Radford et al. 2017 (arXiv:1704.01444). Weight normalisation, which both use, is omitted.
inline constexpr auto multiplicative_lstm_tanh = cell(state(h, c),
    m = linear(x, no_bias) * linear(h, no_bias),
    i = sigmoid(linear(x, m)),
    f = sigmoid(linear(x, m)),
    g = tanh(linear(x, m)),
    o = sigmoid(linear(x, m)),
    next(c) = f * c + i * g,
    next(h) = o * tanh(next(c)));
}  // namespace equations

/// Multiplicative LSTM. Initial forget bias 3, as in both of the authors' programs.
template <class Scalar, int units = Eigen::Dynamic>
struct MultiplicativeLstm : EquationCell<Scalar, equations::multiplicative_lstm, units> {
  using EquationCell<Scalar, equations::multiplicative_lstm, units>::EquationCell;
  static constexpr std::string_view name = "multiplicative lstm";
  static std::vector<std::pair<std::string, Initializer>> named_initializers() { return {{"f.b", init::constant(3)}}; }
};

/// Multiplicative LSTM with tanh. Initial forget bias 3.
template <class Scalar, int units = Eigen::Dynamic>
struct MultiplicativeLstmTanh : EquationCell<Scalar, equations::multiplicative_lstm_tanh, units> {
  using EquationCell<Scalar, equations::multiplicative_lstm_tanh, units>::EquationCell;
  static constexpr std::string_view name = "multiplicative lstm with tanh";
  static std::vector<std::pair<std::string, Initializer>> named_initializers() { return {{"f.b", init::constant(3)}}; }
};

}  // namespace unroll
