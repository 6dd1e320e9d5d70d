#pragma once

#include "unroll/recurrence/equation_cell.hpp"

namespace unroll {

namespace equations {
using namespace symbols;
inline constexpr auto s_context = symbol<"s", "context">;

/// Structurally constrained network, Mikolov et al. 2014 (arXiv:1412.7753), section 3: beside the hidden units some
/// that change slowly, s = 0.95 s + 0.05 B x, so that they hold the context.
///
/// x [inputs x B] input, h [units x B] state and output, s [context x B] slow state, B sequences side by side.
inline constexpr auto scrn = cell(state(h, s_context),
    next(s_context) = 0.05 * linear(x, no_bias) + 0.95 * s_context,
    next(h) = sigmoid(linear(x, h, next(s_context), no_bias)));
}  // namespace equations

/// Needs the size "context": `Recurrent<Scrn<float>>{.units = 64, .sizes = {{"context", 16}}}`.
template <class Scalar, int units = Eigen::Dynamic>
struct Scrn : EquationCell<Scalar, equations::scrn, units> {
  using EquationCell<Scalar, equations::scrn, units>::EquationCell;
  static constexpr std::string_view name = "scrn";
};

}  // namespace unroll
