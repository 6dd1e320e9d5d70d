#pragma once

#include <vector>

#include "unroll/parameters/initializers.hpp"
#include "unroll/recurrence/equation_cell.hpp"

namespace unroll {

namespace equations {
using namespace symbols;

/// JANET, van der Westhuizen & Lasenby 2018 (arXiv:1804.04849): an LSTM with only a forget gate; the candidate is
/// weighted by 1 - sigmoid(s - 1), a little more than 1 - sigmoid(s), the part that is forgotten.
///
/// x [inputs x B] input; h [units x B] state and output; batch size B.
inline constexpr auto janet = cell(state(h),
    s = linear(x, h),
    n = tanh(linear(x, h)),
    next(h) = sigmoid(s) * h + (1 - sigmoid(s - 1)) * n);
}  // namespace equations

/// JANET. The paper initialises the bias of s by init::chrono_forget(longest sequence); here it is 1, since that length
/// is not known.
template <class Scalar, int units = Eigen::Dynamic>
struct Janet : EquationCell<Scalar, equations::janet, units> {
  using EquationCell<Scalar, equations::janet, units>::EquationCell;
  static constexpr std::string_view name = "janet";
  static std::vector<std::pair<std::string, Initializer>> named_initializers() { return {{"s.b", init::constant(1)}}; }
};

}  // namespace unroll
