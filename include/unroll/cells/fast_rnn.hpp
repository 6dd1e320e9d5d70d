#pragma once

#include <vector>

#include "unroll/parameters/initializers.hpp"
#include "unroll/recurrence/equation_cell.hpp"

namespace unroll {

namespace equations {
using namespace symbols;
inline constexpr auto alpha = symbol<"alpha">;
inline constexpr auto beta = symbol<"beta">;
inline constexpr auto zeta = symbol<"zeta">;
inline constexpr auto nu = symbol<"nu">;
inline constexpr auto b_z = symbol<"b_z">;
inline constexpr auto b_n = symbol<"b_n">;

/// FastRNN, Kusupati et al. 2018 (arXiv:1901.02358), section 3.1: an Elman network with a residual connection and two
/// more parameters, which a sigmoid maps to (0, 1).
///
/// x [inputs x B] input; h [units x B] state and output; batch size B.
inline constexpr auto fast_rnn = cell(state(h),
    n = tanh(linear(x, h)),
    next(h) = sigmoid(scalar(alpha)) * n + sigmoid(scalar(beta)) * h);

/// FastGRNN, section 3.2 of the same paper: gate and candidate share their matrices and have separate biases.
inline constexpr auto fast_grnn = cell(state(h),
    a = linear(x, h, no_bias),
    z = sigmoid(a + bias(b_z)),
    n = tanh(a + bias(b_n)),
    next(h) = (sigmoid(scalar(zeta)) * (1 - z) + sigmoid(scalar(nu))) * n + z * h);
}  // namespace equations

/// FastRNN with the initial values of the authors' program (EdgeML): the candidate is weighted by sigmoid(-3), the past
/// state by sigmoid(3).
template <class Scalar, int units = Eigen::Dynamic>
struct FastRnn : EquationCell<Scalar, equations::fast_rnn, units> {
  using EquationCell<Scalar, equations::fast_rnn, units>::EquationCell;
  static constexpr std::string_view name = "fastrnn";
  static std::vector<std::pair<std::string, Initializer>> named_initializers() {
    return {{"n.x", init::normal(0, 0.1)},
            {"n.h", init::normal(0, 0.1)},
            {"n.b", init::constant(1)},
            {"alpha", init::constant(-3)},
            {"beta", init::constant(3)}};
  }
};

/// FastGRNN with the initial values of the authors' program (EdgeML).
template <class Scalar, int units = Eigen::Dynamic>
struct FastGrnn : EquationCell<Scalar, equations::fast_grnn, units> {
  using EquationCell<Scalar, equations::fast_grnn, units>::EquationCell;
  static constexpr std::string_view name = "fastgrnn";
  static std::vector<std::pair<std::string, Initializer>> named_initializers() {
    return {{"a.x", init::normal(0, 0.1)},   {"a.h", init::normal(0, 0.1)}, {"b_z", init::constant(1)},
            {"b_n", init::constant(1)},      {"zeta", init::constant(1)},   {"nu", init::constant(-4)}};
  }
};

}  // namespace unroll
