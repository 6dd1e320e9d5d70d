#pragma once

#include <vector>

#include "unroll/parameters/initializers.hpp"
#include "unroll/recurrence/equation_cell.hpp"

namespace unroll {

namespace equations {
using namespace symbols;
inline constexpr auto p_i = symbol<"p_i">;
inline constexpr auto p_f = symbol<"p_f">;
inline constexpr auto p_o = symbol<"p_o">;

/// Long short-term memory with a forget gate: Hochreiter & Schmidhuber 1997, Gers et al. 2000.
///
/// x [inputs x B] input; h, c [units x B] output and cell state; batch size B.
inline constexpr auto lstm = cell(state(h, c),
    i = sigmoid(linear(x, h)),
    f = sigmoid(linear(x, h)),
    g = tanh(linear(x, h)),
    o = sigmoid(linear(x, h)),
    next(c) = f * c + i * g,
    next(h) = o * tanh(next(c)));

/// LSTM with peepholes: Graves 2013 (arXiv:1308.0850), equations 7 to 11, also ONNX and TensorFlow. Input and forget
/// gate read the cell state before the step, the output gate the one after it.
inline constexpr auto lstm_peephole = cell(state(h, c),
    i = sigmoid(linear(x, h) + weight(p_i) * c),
    f = sigmoid(linear(x, h) + weight(p_f) * c),
    g = tanh(linear(x, h)),
    next(c) = f * c + i * g,
    o = sigmoid(linear(x, h) + weight(p_o) * next(c)),
    next(h) = o * tanh(next(c)));

/// LSTM with the peepholes of Gers, Schraudolph & Schmidhuber 2002 (JMLR 3, 115-143): no tanh between cell state and
/// output gate.
inline constexpr auto lstm_peephole_linear = cell(state(h, c),
    i = sigmoid(linear(x, h) + weight(p_i) * c),
    f = sigmoid(linear(x, h) + weight(p_f) * c),
    g = tanh(linear(x, h)),
    next(c) = f * c + i * g,
    o = sigmoid(linear(x, h) + weight(p_o) * next(c)),
    next(h) = o * next(c));

/// LSTM with coupled input and forget gate (CIFG): the forget gate is 1 - i. Greff et al. 2017 (arXiv:1503.04069),
/// without their peepholes.
inline constexpr auto lstm_coupled = cell(state(h, c),
    i = sigmoid(linear(x, h)),
    g = tanh(linear(x, h)),
    o = sigmoid(linear(x, h)),
    next(c) = (1 - i) * c + i * g,
    next(h) = o * tanh(next(c)));

/// CIFG LSTM with the peepholes of Greff et al.
inline constexpr auto lstm_coupled_peephole = cell(state(h, c),
    i = sigmoid(linear(x, h) + weight(p_i) * c),
    g = tanh(linear(x, h)),
    next(c) = (1 - i) * c + i * g,
    o = sigmoid(linear(x, h) + weight(p_o) * next(c)),
    next(h) = o * tanh(next(c)));

/// LSTM with projected output, like PyTorch's proj_size: h has "projected" rows, c has units. Sak et al. 2014
/// (arXiv:1402.1128), without their peepholes.
inline constexpr auto h_projected = symbol<"h", "projected">;
inline constexpr auto lstm_projected = cell(state(h_projected, c),
    i = sigmoid(linear(x, h_projected)),
    f = sigmoid(linear(x, h_projected)),
    g = tanh(linear(x, h_projected)),
    o = sigmoid(linear(x, h_projected)),
    next(c) = f * c + i * g,
    m = o * tanh(next(c)),
    next(h_projected) = linear(m, no_bias));

/// LSTM with projection and peepholes of Sak et al., without their second projection, which is not fed back.
inline constexpr auto lstm_projected_peephole = cell(state(h_projected, c),
    i = sigmoid(linear(x, h_projected) + weight(p_i) * c),
    f = sigmoid(linear(x, h_projected) + weight(p_f) * c),
    g = tanh(linear(x, h_projected)),
    next(c) = f * c + i * g,
    o = sigmoid(linear(x, h_projected) + weight(p_o) * next(c)),
    m = o * tanh(next(c)),
    next(h_projected) = linear(m, no_bias));
}  // namespace equations

namespace detail {
/// Initial forget bias 1 (Jozefowicz et al. 2015): an untrained cell keeps its state.
inline std::vector<std::pair<std::string, Initializer>> forget_bias() { return {{"f.b", init::constant(1)}}; }
/// The same for coupled gates, whose forget gate is 1 - i.
inline std::vector<std::pair<std::string, Initializer>> coupled_bias() { return {{"i.b", init::constant(-1)}}; }
}  // namespace detail

template <class Scalar, int units = Eigen::Dynamic>
struct Lstm : EquationCell<Scalar, equations::lstm, units> {
  using EquationCell<Scalar, equations::lstm, units>::EquationCell;
  static constexpr std::string_view name = "lstm";
  static auto named_initializers() { return detail::forget_bias(); }
};

template <class Scalar, int units = Eigen::Dynamic>
struct PeepholeLstm : EquationCell<Scalar, equations::lstm_peephole, units> {
  using EquationCell<Scalar, equations::lstm_peephole, units>::EquationCell;
  static constexpr std::string_view name = "lstm with peepholes";
  static auto named_initializers() { return detail::forget_bias(); }
};

template <class Scalar, int units = Eigen::Dynamic>
struct PeepholeLstmLinear : EquationCell<Scalar, equations::lstm_peephole_linear, units> {
  using EquationCell<Scalar, equations::lstm_peephole_linear, units>::EquationCell;
  static constexpr std::string_view name = "lstm with peepholes and linear output";
  static auto named_initializers() { return detail::forget_bias(); }
};

template <class Scalar, int units = Eigen::Dynamic>
struct CoupledLstm : EquationCell<Scalar, equations::lstm_coupled, units> {
  using EquationCell<Scalar, equations::lstm_coupled, units>::EquationCell;
  static constexpr std::string_view name = "lstm with coupled gates";
  static auto named_initializers() { return detail::coupled_bias(); }
};

template <class Scalar, int units = Eigen::Dynamic>
struct CoupledPeepholeLstm : EquationCell<Scalar, equations::lstm_coupled_peephole, units> {
  using EquationCell<Scalar, equations::lstm_coupled_peephole, units>::EquationCell;
  static constexpr std::string_view name = "lstm with coupled gates and peepholes";
  static auto named_initializers() { return detail::coupled_bias(); }
};

/// LSTM with projection. Requires the size "projected":
/// `Recurrent<ProjectedLstm>{.units = 64, .sizes = {{"projected", 16}}}`.
template <class Scalar, int units = Eigen::Dynamic>
struct ProjectedLstm : EquationCell<Scalar, equations::lstm_projected, units> {
  using EquationCell<Scalar, equations::lstm_projected, units>::EquationCell;
  static constexpr std::string_view name = "lstm with projection";
  static auto named_initializers() { return detail::forget_bias(); }
};

/// LSTM with projection and peepholes. Requires the size "projected".
template <class Scalar, int units = Eigen::Dynamic>
struct ProjectedPeepholeLstm : EquationCell<Scalar, equations::lstm_projected_peephole, units> {
  using EquationCell<Scalar, equations::lstm_projected_peephole, units>::EquationCell;
  static constexpr std::string_view name = "lstm with projection and peepholes";
  static auto named_initializers() { return detail::forget_bias(); }
};

}  // namespace unroll
