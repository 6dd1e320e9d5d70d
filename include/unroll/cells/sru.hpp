#pragma once

#include <numbers>
#include <vector>

#include "unroll/parameters/initializers.hpp"
#include "unroll/recurrence/equation_cell.hpp"

namespace unroll {

namespace equations {
using namespace symbols;
inline constexpr auto v_f = symbol<"v_f">;
inline constexpr auto v_r = symbol<"v_r">;

/// Simple recurrent unit, Lei et al. 2018 (arXiv:1709.02755), equations 1 to 4: no product reads a state, so all
/// products are computed before the first step. The gates read c, unlike those of the paper's first version.
///
/// x [inputs x B] input; c [units x B] state; y [units x B] output; batch size B. In equation 4 the highway carries x,
/// scaled by alpha (section 3.2); here it carries a linear map of x, as in the authors' program if inputs and units
/// differ. If they agree, y.x = alpha I gives the form of the paper.
inline constexpr auto sru = cell(state(c),
    f = sigmoid(linear(x) + weight(v_f) * c),
    r = sigmoid(linear(x) + weight(v_r) * c),
    next(c) = f * c + (1 - f) * linear(x, no_bias),
    y = r * next(c) + (1 - r) * linear(x, no_bias),
    output(y));
}  // namespace equations

/// SRU with the initial values of the authors' program. The weights of the highway's map are scaled by
/// alpha = sqrt(1 + 2 exp(b)), where b = 0 is the initial bias of its gate; for another b, set both `y.x` and `r.b`.
template <class Scalar, int units = Eigen::Dynamic>
struct Sru : EquationCell<Scalar, equations::sru, units> {
  using EquationCell<Scalar, equations::sru, units>::EquationCell;
  static constexpr std::string_view name = "sru";
  static std::vector<std::pair<std::string, Initializer>> named_initializers() {
    constexpr double half = 1 / std::numbers::sqrt2, alpha = std::numbers::sqrt3;
    const double limit = half * std::numbers::sqrt3;
    return {{"f.x", init::lecun_uniform(half)},     {"r.x", init::lecun_uniform(half)},
            {"c.x", init::lecun_uniform()},         {"y.x", init::lecun_uniform(alpha)},
            {"v_f", init::uniform(-limit, limit)},  {"v_r", init::uniform(-limit, limit)}};
  }
};

}  // namespace unroll
