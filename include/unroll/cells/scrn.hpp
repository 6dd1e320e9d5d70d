#pragma once

#include "unroll/recurrence/equation_cell.hpp"

namespace unroll {

namespace equations {
using namespace symbols;
inline constexpr auto s_context = symbol<"s", "context">;
inline constexpr auto y_outputs = symbol<"y", "outputs">;

/// Structurally constrained network, Mikolov et al. 2014 (arXiv:1412.7753), section 3: beside the hidden units some
/// that change slowly, s = 0.95 s + 0.05 B x, so that they hold the context.
///
/// x [inputs x B] input, h [units x B] state, s [context x B] slow state, y [outputs x B] output, B sequences side by
/// side. The output reads both states, as in the paper, whose softmax is left to what follows.
inline constexpr auto scrn = cell(state(h, s_context),
    next(s_context) = 0.05 * linear(x, no_bias) + 0.95 * s_context,
    next(h) = sigmoid(linear(x, h, next(s_context), no_bias)),
    y_outputs = linear(next(h), next(s_context), no_bias),
    output(y_outputs));
}  // namespace equations

/// Needs two sizes: with `.sizes = {{"context", 16}, {"outputs", 4}}` y = U h + V s are the scores of 4 classes.
template <class Scalar, int units = Eigen::Dynamic>
struct Scrn : EquationCell<Scalar, equations::scrn, units> {
  using EquationCell<Scalar, equations::scrn, units>::EquationCell;
  static constexpr std::string_view name = "scrn";
};

}  // namespace unroll
