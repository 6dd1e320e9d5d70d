#pragma once

#include "unroll/recurrence/equation_cell.hpp"

namespace unroll {

namespace equations {
using namespace symbols;

/// minGRU, Feng et al. 2024 (arXiv:2410.01201), section 3.1: a GRU whose gate and candidate read only the input.
///
/// x [inputs x B] input; h [units x B] state and output; batch size B.
inline constexpr auto min_gru = cell(state(h),
    z = sigmoid(linear(x)),
    n = linear(x),
    next(h) = (1 - z) * h + z * n);

/// minLSTM, section 3.2 of the same paper: two gates that read only the input, scaled to sum to 1.
///
/// `f` and `i` are the logarithms of the paper's gates, log sigmoid(a) = -softplus(-a). The paper's f / (f + i) and
/// i / (f + i) are then sigmoids of a difference, which are exact even if both gates are too small for a float.
inline constexpr auto min_lstm = cell(state(h),
    f = -softplus(-linear(x)),
    i = -softplus(-linear(x)),
    n = linear(x),
    next(h) = sigmoid(f - i) * h + sigmoid(i - f) * n);
}  // namespace equations

template <class Scalar, int units = Eigen::Dynamic>
struct MinGru : EquationCell<Scalar, equations::min_gru, units> {
  using EquationCell<Scalar, equations::min_gru, units>::EquationCell;
  static constexpr std::string_view name = "mingru";
};

template <class Scalar, int units = Eigen::Dynamic>
struct MinLstm : EquationCell<Scalar, equations::min_lstm, units> {
  using EquationCell<Scalar, equations::min_lstm, units>::EquationCell;
  static constexpr std::string_view name = "minlstm";
};

}  // namespace unroll
