#pragma once

#include "unroll/recurrence/equation_cell.hpp"

namespace unroll {

namespace equations {
using namespace symbols;
inline constexpr auto p = symbol<"p">;

/// sLSTM, Beck et al. 2024 (xLSTM, arXiv:2405.04517), section 2.2, with one head: the input gate is an exponential, n
/// accumulates the gates, and m keeps the exponents small without changing h.
///
/// x [inputs x B] input; h, c, n, m [units x B] output, cell, normaliser and stabiliser state; batch size B. `i` and
/// `f` are the logarithms of the paper's gates; of its two forget gates this is the sigmoid one,
/// log sigmoid(a) = -softplus(-a).
///
/// If n is 0, at the first step, m has no meaning: the authors' program then uses m' = i. Here the exponent p of the
/// past is lowered by 1e30 in that case. After the first step n is at least 1.
inline constexpr auto slstm = cell(state(h, c, n, m),
    i = linear(x, h),
    f = -softplus(-linear(x, h)),
    z = tanh(linear(x, h)),
    o = sigmoid(linear(x, h)),
    p = f + m - 1e30 * max(1 - 1e30 * n, 0),
    next(m) = max(p, i),
    r = exp(p - next(m)),
    s = exp(i - next(m)),
    next(c) = r * c + s * z,
    next(n) = r * n + s,
    next(h) = o * (next(c) / next(n)));

/// The same with block-diagonal recurrent weights, one block for each head (section 2.2, "memory mixing").
template <int head_count>
inline constexpr auto headed_slstm = cell(state(h, c, n, m),
    i = linear(x) + linear(h, heads<head_count>, no_bias),
    f = -softplus(-(linear(x) + linear(h, heads<head_count>, no_bias))),
    z = tanh(linear(x) + linear(h, heads<head_count>, no_bias)),
    o = sigmoid(linear(x) + linear(h, heads<head_count>, no_bias)),
    p = f + m - 1e30 * max(1 - 1e30 * n, 0),
    next(m) = max(p, i),
    r = exp(p - next(m)),
    s = exp(i - next(m)),
    next(c) = r * c + s * z,
    next(n) = r * n + s,
    next(h) = o * (next(c) / next(n)));
}  // namespace equations

template <class Scalar, int units = Eigen::Dynamic>
struct Slstm : EquationCell<Scalar, equations::slstm, units> {
  using EquationCell<Scalar, equations::slstm, units>::EquationCell;
  static constexpr std::string_view name = "slstm";
};

/// sLSTM with heads; the units are a multiple of them: `Recurrent<SlstmWith<4>::Cell>`.
template <int head_count>
struct SlstmWith {
  template <class Scalar, int units = Eigen::Dynamic>
  struct Cell : EquationCell<Scalar, equations::headed_slstm<head_count>, units> {
    using EquationCell<Scalar, equations::headed_slstm<head_count>, units>::EquationCell;
    static constexpr std::string_view name = language::numbered<"slstm with heads ", head_count>.view();
  };
};

/// Four heads, as in the paper's language models.
template <class Scalar, int units = Eigen::Dynamic>
using HeadedSlstm = SlstmWith<4>::Cell<Scalar, units>;

}  // namespace unroll
