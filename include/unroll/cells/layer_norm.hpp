#pragma once

#include <string>
#include <utility>
#include <vector>

#include "unroll/parameters/initializers.hpp"
#include "unroll/recurrence/equation_cell.hpp"

namespace unroll {

namespace equations {
using namespace symbols;
namespace layer_norm_symbols {
inline constexpr auto gates_x = symbol<"ax", "4 units">;
inline constexpr auto gates_h = symbol<"ah", "4 units">;
inline constexpr auto gates = symbol<"a", "4 units">;
inline constexpr auto two_x = symbol<"ax", "2 units">;
inline constexpr auto two_h = symbol<"ah", "2 units">;
inline constexpr auto two = symbol<"a", "2 units">;
inline constexpr auto nx = symbol<"nx">;
inline constexpr auto nh = symbol<"nh">;
inline constexpr auto nc = symbol<"nc">;
inline constexpr auto b = symbol<"b">;
inline constexpr auto gain_x = symbol<"gain_x">;
inline constexpr auto gain_h = symbol<"gain_h">;
inline constexpr auto gain_c = symbol<"gain_c">;
inline constexpr auto gain_nx = symbol<"gain_nx">;
inline constexpr auto gain_nh = symbol<"gain_nh">;
inline constexpr auto shift_c = symbol<"shift_c">;
inline constexpr auto shift_nx = symbol<"shift_nx">;
inline constexpr auto shift_nh = symbol<"shift_nh">;
}  // namespace layer_norm_symbols

/// Layer-normalised LSTM, Ba et al. 2016 (arXiv:1607.06450), supplementary material, equations 20 to 22. The rows of
/// all gates, in the order f, i, o, g, are normalised together, those of the input and of the state separately. The
/// shifts of both and the bias are one vector b.
///
/// x [inputs x B] input; h, c [units x B] output and cell state; batch size B.
inline constexpr auto layer_norm_lstm = [] {
  using namespace layer_norm_symbols;
  return cell(state(h, c),
      gates_x = layer_norm(linear(x, no_bias)),
      gates_h = layer_norm(linear(h, no_bias)),
      gates = weight(gain_x) * gates_x + weight(gain_h) * gates_h + bias(b),
      next(c) = sigmoid(part<0>(gates)) * c + sigmoid(part<1>(gates)) * tanh(part<3>(gates)),
      nc = layer_norm(next(c)),
      next(h) = sigmoid(part<2>(gates)) * tanh(weight(gain_c) * nc + bias(shift_c)));
}();

/// Layer-normalised GRU, Ba et al. 2016 (arXiv:1607.06450), supplementary material, equations 23 to 26: the rows of the
/// gates z and r are normalised together. The shifts of both parts are one vector b.
///
/// x [inputs x B] input; h [units x B] state and output; batch size B.
inline constexpr auto layer_norm_gru = [] {
  using namespace layer_norm_symbols;
  return cell(state(h),
      two_x = layer_norm(linear(x, no_bias)),
      two_h = layer_norm(linear(h, no_bias)),
      two = sigmoid(weight(gain_x) * two_x + weight(gain_h) * two_h + bias(b)),
      nx = layer_norm(linear(x, no_bias)),
      nh = layer_norm(linear(h, no_bias)),
      n = tanh(weight(gain_nx) * nx + bias(shift_nx) + part<1>(two) * (weight(gain_nh) * nh + bias(shift_nh))),
      next(h) = h + part<0>(two) * (n - h));
}();
}  // namespace equations

/// Layer-normalised LSTM with gains of 1.
template <class Scalar, int units = Eigen::Dynamic>
struct LayerNormLstm : EquationCell<Scalar, equations::layer_norm_lstm, units> {
  using EquationCell<Scalar, equations::layer_norm_lstm, units>::EquationCell;
  static constexpr std::string_view name = "layer-normalised lstm";
  static std::vector<std::pair<std::string, Initializer>> named_initializers() {
    return {{"gain_x", init::constant(1)}, {"gain_h", init::constant(1)}, {"gain_c", init::constant(1)}};
  }
};

/// Layer-normalised GRU with gains of 1.
template <class Scalar, int units = Eigen::Dynamic>
struct LayerNormGru : EquationCell<Scalar, equations::layer_norm_gru, units> {
  using EquationCell<Scalar, equations::layer_norm_gru, units>::EquationCell;
  static constexpr std::string_view name = "layer-normalised gru";
  static std::vector<std::pair<std::string, Initializer>> named_initializers() {
    return {{"gain_x", init::constant(1)},
            {"gain_h", init::constant(1)},
            {"gain_nx", init::constant(1)},
            {"gain_nh", init::constant(1)}};
  }
};

}  // namespace unroll
