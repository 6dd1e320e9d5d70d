#pragma once

#include <vector>

#include "unroll/parameters/initializers.hpp"
#include "unroll/recurrence/equation_cell.hpp"

namespace unroll {

namespace equations {
using namespace symbols;
inline constexpr auto t1 = symbol<"t1">;
inline constexpr auto t2 = symbol<"t2">;
inline constexpr auto t3 = symbol<"t3">;
inline constexpr auto n1 = symbol<"n1">;
inline constexpr auto n2 = symbol<"n2">;
inline constexpr auto n3 = symbol<"n3">;
inline constexpr auto s1 = symbol<"s1">;
inline constexpr auto s2 = symbol<"s2">;

/// Recurrent highway network, Zilly et al. 2017 (arXiv:1607.03474), equations 6 to 9 with coupled gates and depth 3:
/// three highway layers per step, the first of which reads the input.
///
/// x [inputs x B] input; h [units x B] state and output; batch size B.
inline constexpr auto recurrent_highway = cell(state(h),
    n1 = tanh(linear(x, h)),
    t1 = sigmoid(linear(x, h)),
    s1 = n1 * t1 + h * (1 - t1),
    n2 = tanh(linear(s1)),
    t2 = sigmoid(linear(s1)),
    s2 = n2 * t2 + s1 * (1 - t2),
    n3 = tanh(linear(s2)),
    t3 = sigmoid(linear(s2)),
    next(h) = n3 * t3 + s2 * (1 - t3));
}  // namespace equations

/// Recurrent highway network. Transform gates are initially nearly closed, so the state passes through all layers.
template <class Scalar, int units = Eigen::Dynamic>
struct RecurrentHighway : EquationCell<Scalar, equations::recurrent_highway, units> {
  using EquationCell<Scalar, equations::recurrent_highway, units>::EquationCell;
  static constexpr std::string_view name = "recurrent highway";
  static std::vector<std::pair<std::string, Initializer>> named_initializers() {
    return {{"t1.b", init::constant(-2)}, {"t2.b", init::constant(-2)}, {"t3.b", init::constant(-2)}};
  }
};

}  // namespace unroll
