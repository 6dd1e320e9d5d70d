#pragma once

#include "unroll/recurrence/equation_cell.hpp"

namespace unroll {

namespace equations {
using namespace symbols;

/// Coupled oscillators, Rusch and Mishra 2021 (coRNN, arXiv:2010.00951), equation 3 with explicit damping: a time step
/// of 0.042, frequency 2.7 and damping 4.7, the values of the paper for sequential MNIST.
///
/// x [inputs x B] input; y [units x B] position and output, z [units x B] velocity; batch size B.
inline constexpr auto cornn = cell(state(y, z),
    next(z) = z + 0.042 * (tanh(linear(x, y, z)) - 2.7 * y - 4.7 * z),
    next(y) = y + 0.042 * next(z));
}  // namespace equations

template <class Scalar, int units = Eigen::Dynamic>
struct Cornn : EquationCell<Scalar, equations::cornn, units> {
  using EquationCell<Scalar, equations::cornn, units>::EquationCell;
  static constexpr std::string_view name = "cornn";
};

}  // namespace unroll
