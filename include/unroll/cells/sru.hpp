#pragma once

#include "unroll/recurrence/equation_cell.hpp"

namespace unroll {

namespace equations {
using namespace symbols;
inline constexpr auto v_f = symbol<"v_f">;
inline constexpr auto v_r = symbol<"v_r">;

/// Simple recurrent unit, Lei et al. 2018 (arXiv:1709.02755), equations 1 to 4: no product with a state, so all
/// products are taken before the first step.
///
/// x [inputs x B] input, c [units x B] state, y [units x B] output, B sequences side by side. In equation 4 the highway
/// carries x itself; here it carries a linear map of it, as the paper's authors do where inputs and units differ.
inline constexpr auto sru = cell(state(c),
    f = sigmoid(linear(x) + weight(v_f) * c),
    r = sigmoid(linear(x) + weight(v_r) * c),
    next(c) = f * c + (1 - f) * linear(x, no_bias),
    y = r * next(c) + (1 - r) * linear(x, no_bias),
    output(y));
}  // namespace equations

template <class Scalar, int units = Eigen::Dynamic>
struct Sru : EquationCell<Scalar, equations::sru, units> {
  using EquationCell<Scalar, equations::sru, units>::EquationCell;
  static constexpr std::string_view name = "sru";
};

}  // namespace unroll
