#pragma once

#include "unroll/recurrence/equation_cell.hpp"

namespace unroll {

namespace equations {
using namespace symbols;
inline constexpr auto s_context = symbol<"s", "context">;
inline constexpr auto y_outputs = symbol<"y", "outputs">;

/// Structurally constrained network, Mikolov et al. 2014 (arXiv:1412.7753), section 3: in addition to the hidden units,
/// slowly changing units s, which are 0.95 of their previous value plus 0.05 of a linear map of x, hold the context.
///
/// x [inputs x B] input; h [units x B] state; s [context x B] slow state; y [outputs x B] output; batch size B. The
/// output reads both states, as in the paper. The paper's softmax is not part of the cell.
inline constexpr auto scrn = cell(state(h, s_context),
    next(s_context) = 0.05 * linear(x, no_bias) + 0.95 * s_context,
    next(h) = sigmoid(linear(x, h, next(s_context), no_bias)),
    y_outputs = linear(next(h), next(s_context), no_bias),
    output(y_outputs));
}  // namespace equations

/// Structurally constrained network. Requires two sizes: with `.sizes = {{"context", 16}, {"outputs", 4}}`,
/// y = U h + V s are the scores of 4 classes.
template <class Scalar, int units = Eigen::Dynamic>
struct Scrn : EquationCell<Scalar, equations::scrn, units> {
  using EquationCell<Scalar, equations::scrn, units>::EquationCell;
  static constexpr std::string_view name = "scrn";
};

}  // namespace unroll
