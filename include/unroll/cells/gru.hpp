#pragma once

#include "unroll/recurrence/equation_cell.hpp"

namespace unroll {

namespace equations {
using namespace symbols;

/// Gated recurrent unit, Cho et al. 2014 (arXiv:1406.1078), with the reset gate after the product as in cuDNN, PyTorch
/// and Keras.
///
/// x [inputs x B] input; h [units x B] state and output; batch size B.
inline constexpr auto gru = cell(state(h),
    r = sigmoid(linear(x, h)),
    z = sigmoid(linear(x, h)),
    n = tanh(linear(x) + r * linear(h)),
    next(h) = n + z * (h - n));

/// GRU of the paper (equations 5 to 8): the reset gate before the product, which requires a second product per step.
inline constexpr auto gru_reset_before = cell(state(h),
    r = sigmoid(linear(x, h)),
    z = sigmoid(linear(x, h)),
    s = r * h,
    n = tanh(linear(x, s)),
    next(h) = n + z * (h - n));
}  // namespace equations

template <class Scalar, int units = Eigen::Dynamic>
struct Gru : EquationCell<Scalar, equations::gru, units> {
  using EquationCell<Scalar, equations::gru, units>::EquationCell;
  static constexpr std::string_view name = "gru";
};

template <class Scalar, int units = Eigen::Dynamic>
struct GruResetBefore : EquationCell<Scalar, equations::gru_reset_before, units> {
  using EquationCell<Scalar, equations::gru_reset_before, units>::EquationCell;
  static constexpr std::string_view name = "gru, reset before";
};

}  // namespace unroll
