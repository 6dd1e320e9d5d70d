#pragma once

#include <vector>

#include "unroll/parameters/initializers.hpp"
#include "unroll/recurrence/equation_cell.hpp"

namespace unroll {

namespace equations {
using namespace symbols;
inline constexpr auto u = symbol<"u">;

/// Independently recurrent network, Li et al. 2018 (arXiv:1803.04831), equation 2: each unit reads only its previous
/// value, so one number, u to the power of T, determines its gradient through T steps.
///
/// x [inputs x B] input; h [units x B] state and output; batch size B.
inline constexpr auto indrnn = cell(state(h), next(h) = relu(linear(x) + weight(u) * h));
}  // namespace equations

/// Independently recurrent network. Initial u is uniform in [0, 1]: different time scales, none of which grows.
template <class Scalar, int units = Eigen::Dynamic>
struct IndRnn : EquationCell<Scalar, equations::indrnn, units> {
  using EquationCell<Scalar, equations::indrnn, units>::EquationCell;
  static constexpr std::string_view name = "indrnn";
  static std::vector<std::pair<std::string, Initializer>> named_initializers() { return {{"u", init::uniform(0, 1)}}; }
};

}  // namespace unroll
