#pragma once

#include <vector>

#include "unroll/parameters/initializers.hpp"
#include "unroll/recurrence/equation_cell.hpp"

namespace unroll {

namespace equations {
using namespace symbols;

/// Long expressive memory, Rusch et al. 2022 (arXiv:2110.04744), equation 3 with a time step of 1: two states, updated
/// one after the other, with a learned time scale for each unit and step.
///
/// x [inputs x B] input; y [units x B] state and output; z [units x B] second state; batch size B.
inline constexpr auto lem = cell(state(y, z),
    r = sigmoid(linear(x, y)),
    s = sigmoid(linear(x, y)),
    n = tanh(linear(x, y)),
    next(z) = (1 - r) * z + r * n,
    m = tanh(linear(x, next(z))),
    next(y) = (1 - s) * y + s * m);
}  // namespace equations

/// Long expressive memory with the initial values of the authors' program: all weights and biases
/// U(+-1 / sqrt(units)).
template <class Scalar, int units = Eigen::Dynamic>
struct Lem : EquationCell<Scalar, equations::lem, units> {
  using EquationCell<Scalar, equations::lem, units>::EquationCell;
  static constexpr std::string_view name = "lem";
  static std::vector<std::pair<std::string, Initializer>> named_initializers() {
    std::vector<std::pair<std::string, Initializer>> all;
    for (const char* block : {"r.x", "r.y", "r.b", "s.x", "s.y", "s.b", "n.x", "n.y", "n.b", "m.x", "m.z_next", "m.b"})
      all.emplace_back(block, init::pytorch_rnn());
    return all;
  }
};

}  // namespace unroll
