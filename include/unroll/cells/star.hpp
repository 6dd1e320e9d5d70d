#pragma once

#include <vector>

#include "unroll/parameters/initializers.hpp"
#include "unroll/recurrence/equation_cell.hpp"

namespace unroll {

namespace equations {
using namespace symbols;
inline constexpr auto k_gate = symbol<"k">;

/// Stackable recurrent cell (STAR), Turkoglu et al. 2021 (arXiv:1911.11033): designed to preserve the size of gradients
/// through many layers and many steps.
///
/// x [inputs x B] input; h [units x B] state and output; batch size B. k multiplies the new value.
inline constexpr auto star = cell(state(h),
    z = tanh(linear(x)),
    k_gate = sigmoid(linear(x, h)),
    next(h) = tanh((1 - k_gate) * h + k_gate * z));
}  // namespace equations

/// STAR with the initial values of the authors' programs, whose gate is 1 - k: all matrices orthogonal, and a gate bias
/// of 1 that favours the past state.
template <class Scalar, int units = Eigen::Dynamic>
struct Star : EquationCell<Scalar, equations::star, units> {
  using EquationCell<Scalar, equations::star, units>::EquationCell;
  static constexpr std::string_view name = "star";
  static std::vector<std::pair<std::string, Initializer>> named_initializers() {
    return {{"z.x", init::orthogonal()}, {"k.x", init::orthogonal()}, {"k.b", init::constant(-1)}};
  }
};

}  // namespace unroll
