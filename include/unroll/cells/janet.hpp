#pragma once

#include <vector>

#include "unroll/parameters/initializers.hpp"
#include "unroll/recurrence/equation_cell.hpp"

namespace unroll {

namespace equations {
using namespace symbols;

/// JANET, van der Westhuizen & Lasenby 2018 (arXiv:1804.04849): an LSTM with the forget gate alone; what comes in is
/// weighted 1 - sigmoid(s - 1), a little more than what is forgotten.
///
/// x [inputs x B] input, h [units x B] state and output, B sequences side by side.
inline constexpr auto janet = cell(state(h),
    s = linear(x, h),
    n = tanh(linear(x, h)),
    next(h) = sigmoid(s) * h + (1 - sigmoid(s - 1)) * n);
}  // namespace equations

/// The paper starts the bias of s by init::chrono_forget(longest sequence); 1 where that is not known.
template <class Scalar, int units = Eigen::Dynamic>
struct Janet : EquationCell<Scalar, equations::janet, units> {
  using EquationCell<Scalar, equations::janet, units>::EquationCell;
  static constexpr std::string_view name = "janet";
  static std::vector<std::pair<std::string, Initializer>> starts() { return {{"s.b", init::constant(1)}}; }
};

}  // namespace unroll
