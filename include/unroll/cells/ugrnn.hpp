#pragma once

#include <vector>

#include "unroll/parameters/initializers.hpp"
#include "unroll/recurrence/equation_cell.hpp"

namespace unroll {

namespace equations {
using namespace symbols;

/// Update gate network, Collins, Sohl-Dickstein & Sussillo 2017 (arXiv:1611.09913): a leaky integrator with a learned
/// leak.
///
/// x [inputs x B] input; h [units x B] state and output; batch size B.
inline constexpr auto ugrnn = cell(state(h),
    c = tanh(linear(x, h)),
    g = sigmoid(linear(x, h)),
    next(h) = g * h + (1 - g) * c);
}  // namespace equations

/// Update gate network. The initial gate bias favours the past state, as in TensorFlow's UGRNNCell.
template <class Scalar, int units = Eigen::Dynamic>
struct Ugrnn : EquationCell<Scalar, equations::ugrnn, units> {
  using EquationCell<Scalar, equations::ugrnn, units>::EquationCell;
  static constexpr std::string_view name = "ugrnn";
  static std::vector<std::pair<std::string, Initializer>> named_initializers() { return {{"g.b", init::constant(1)}}; }
};

}  // namespace unroll
