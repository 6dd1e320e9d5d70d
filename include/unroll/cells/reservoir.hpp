#pragma once
// Recurrences whose matrix is given or constrained: echo state network and antisymmetric network.

#include <string>
#include <utility>
#include <vector>

#include "unroll/parameters/initializers.hpp"
#include "unroll/recurrence/equation_cell.hpp"

namespace unroll {

namespace equations {
using namespace symbols;

/// Echo state network, Jaeger 2001, with leaky units: Lukosevicius 2012 ("A practical guide to applying echo state
/// networks"), equations 2 and 3, with a leaking rate of 0.3. Only layers behind it are trained.
///
/// x [inputs x B] input; h [units x B] state and output; batch size B.
inline constexpr auto echo_state = cell(state(h),
    n = tanh(linear(x, frozen, no_bias) + linear(h, frozen, no_bias)),
    next(h) = 0.7 * h + 0.3 * n);

/// AntisymmetricRNN, Chang et al. 2019 (arXiv:1902.09689), section 3, with step size and diffusion 0.01.
///
/// x [inputs x B] input; h [units x B] state and output; batch size B.
inline constexpr auto antisymmetric_rnn = cell(state(h),
    next(h) = h + 0.01 * tanh(linear(x) + linear(h, antisymmetric(0.01), no_bias)));
}  // namespace equations

/// Echo state network with a spectral radius of 0.9 and input weights between -0.5 and 0.5.
template <class Scalar, int units = Eigen::Dynamic>
struct EchoState : EquationCell<Scalar, equations::echo_state, units> {
  using EquationCell<Scalar, equations::echo_state, units>::EquationCell;
  static constexpr std::string_view name = "echo state";
  static std::vector<std::pair<std::string, Initializer>> named_initializers() {
    return {{"n.x", init::uniform(-0.5, 0.5)}, {"n2.h", init::spectral(0.9)}};
  }
};

template <class Scalar, int units = Eigen::Dynamic>
struct AntisymmetricRnn : EquationCell<Scalar, equations::antisymmetric_rnn, units> {
  using EquationCell<Scalar, equations::antisymmetric_rnn, units>::EquationCell;
  static constexpr std::string_view name = "antisymmetric rnn";
  static std::vector<std::pair<std::string, Initializer>> named_initializers() {
    return {{"h2.h", Initializer(Initializer::Kind::normal, 0, 1, Initializer::Fan::in)}};
  }
};

}  // namespace unroll
