#pragma once

#include <vector>

#include "unroll/parameters/initializers.hpp"
#include "unroll/recurrence/equation_cell.hpp"

namespace unroll {

namespace equations {
using namespace symbols;

/// Update gate network, Collins, Sohl-Dickstein & Sussillo 2017 (arXiv:1611.09913): a leaky integrator whose leak is
/// learned.
///
/// x [inputs x B] input, h [units x B] state and output, B sequences side by side.
inline constexpr auto ugrnn = cell(state(h),
    c = tanh(linear(x, h)),
    g = sigmoid(linear(x, h)),
    next(h) = g * h + (1 - g) * c);
}  // namespace equations

/// The gate starts open to the past, as TensorFlow's UGRNNCell has it.
template <class Scalar, int units = Eigen::Dynamic>
struct Ugrnn : EquationCell<Scalar, equations::ugrnn, units> {
  using EquationCell<Scalar, equations::ugrnn, units>::EquationCell;
  static constexpr std::string_view name = "ugrnn";
  static std::vector<std::pair<std::string, Initializer>> starts() { return {{"g.b", init::constant(1)}}; }
};

}  // namespace unroll
