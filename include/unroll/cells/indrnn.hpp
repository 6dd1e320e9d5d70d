#pragma once

#include <vector>

#include "unroll/parameters/initializers.hpp"
#include "unroll/recurrence/equation_cell.hpp"

namespace unroll {

namespace equations {
using namespace symbols;
inline constexpr auto u = symbol<"u">;

/// Independently recurrent network, Li et al. 2018 (arXiv:1803.04831), equation 2: each unit reads only its own past,
/// so its gradient through T steps is governed by one number, u to the power of T.
///
/// x [inputs x B] input, h [units x B] state and output, B sequences side by side.
inline constexpr auto indrnn = cell(state(h), next(h) = relu(linear(x) + weight(u) * h));
}  // namespace equations

/// u starts between 0 and 1: a spread of memories, none of which grows.
template <class Scalar, int units = Eigen::Dynamic>
struct IndRnn : EquationCell<Scalar, equations::indrnn, units> {
  using EquationCell<Scalar, equations::indrnn, units>::EquationCell;
  static constexpr std::string_view name = "indrnn";
  static std::vector<std::pair<std::string, Initializer>> starts() { return {{"u", init::uniform(0, 1)}}; }
};

}  // namespace unroll
