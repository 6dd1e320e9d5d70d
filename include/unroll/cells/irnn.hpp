#pragma once

#include <vector>

#include "unroll/parameters/initializers.hpp"
#include "unroll/recurrence/equation_cell.hpp"

namespace unroll {

namespace equations {
using namespace symbols;

/// IRNN, Le, Jaitly & Hinton 2015 (arXiv:1504.00941): an Elman network of rectified linear units that initially copies
/// its state.
///
/// x [inputs x B] input; h [units x B] state and output; batch size B.
inline constexpr auto irnn = cell(state(h), next(h) = relu(linear(x, h)));
}  // namespace equations

/// IRNN. Initial recurrent weights are the identity, input weights are small (sections 2 and 4 of the paper).
template <class Scalar, int units = Eigen::Dynamic>
struct Irnn : EquationCell<Scalar, equations::irnn, units> {
  using EquationCell<Scalar, equations::irnn, units>::EquationCell;
  static constexpr std::string_view name = "irnn";
  static std::vector<std::pair<std::string, Initializer>> named_initializers() {
    return {{"h.h", init::identity()}, {"h.x", init::normal(0, 0.001)}};
  }
};

}  // namespace unroll
