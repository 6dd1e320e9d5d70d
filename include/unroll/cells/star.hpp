#pragma once

#include <vector>

#include "unroll/parameters/initializers.hpp"
#include "unroll/recurrence/equation_cell.hpp"

namespace unroll {

namespace equations {
using namespace symbols;
inline constexpr auto k_gate = symbol<"k">;

/// Stackable recurrent cell (STAR), Turkoglu et al. 2021 (arXiv:1911.11033): made so that gradients keep their size
/// through many layers as well as through many steps.
///
/// x [inputs x B] input, h [units x B] state and output, B sequences side by side. k multiplies what is new.
inline constexpr auto star = cell(state(h),
    z = tanh(linear(x)),
    k_gate = sigmoid(linear(x, h)),
    next(h) = tanh((1 - k_gate) * h + k_gate * z));
}  // namespace equations

/// First values of the authors' programs, whose gate is 1 - k: all matrices orthogonal, and a bias of 1 towards the past.
template <class Scalar, int units = Eigen::Dynamic>
struct Star : EquationCell<Scalar, equations::star, units> {
  using EquationCell<Scalar, equations::star, units>::EquationCell;
  static constexpr std::string_view name = "star";
  static std::vector<std::pair<std::string, Initializer>> starts() {
    return {{"z.x", init::orthogonal()}, {"k.x", init::orthogonal()}, {"k.b", init::constant(-1)}};
  }
};

}  // namespace unroll
