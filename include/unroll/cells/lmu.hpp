#pragma once

#include <string>
#include <utility>
#include <vector>

#include "unroll/parameters/initializers.hpp"
#include "unroll/parameters/matrices.hpp"
#include "unroll/recurrence/equation_cell.hpp"

namespace unroll {

namespace equations {
namespace lmu_equations {
using namespace symbols;
inline constexpr auto u = symbol<"u", "one">;
inline constexpr auto memory = symbol<"m", "order">;
template <int window>
inline constexpr auto state_matrix = frozen("legt_state", [](Index rows, Index columns) {
  return matrices::discretised(matrices::legt_state(rows, columns), matrices::legt_input(rows, 1), 1.0 / window).first;
});
template <int window>
inline constexpr auto input_matrix = frozen("legt_input", [](Index rows, Index columns) {
  return matrices::discretised(matrices::legt_state(rows, rows), matrices::legt_input(rows, columns), 1.0 / window)
      .second;
});

/// Legendre memory unit, Voelker et al. 2019 (NeurIPS 32), equations 1 to 7: m has the coefficients of Legendre
/// polynomials of the last `window` steps of u. A and B are discretised by zero-order hold and frozen.
///
/// x [inputs x B] input; h [units x B] output, m [order x B] memory; batch size B.
template <int window>
inline constexpr auto lmu = cell(state(h, memory),
    u = linear(x, h, memory, no_bias),
    next(memory) = linear(memory, state_matrix<window>, no_bias) + linear(u, input_matrix<window>, no_bias),
    next(h) = tanh(linear(x, h, next(memory), no_bias)));
}  // namespace lmu_equations
using lmu_equations::lmu;
}  // namespace equations

/// Legendre memory unit for a window of that many steps: `Recurrent<LmuWith<100>::Cell>`.
template <int window>
struct LmuWith {
  static_assert(window >= 1, "unroll: the window of LmuWith<window> must be at least 1 step");
  template <class Scalar, int units = Eigen::Dynamic>
  struct Cell : EquationCell<Scalar, equations::lmu<window>, units> {
    using EquationCell<Scalar, equations::lmu<window>, units>::EquationCell;
    static constexpr std::string_view name = "lmu";
    static std::vector<std::pair<std::string, Initializer>> named_initializers() {
      const Initializer encoder = init::lecun_uniform(), kernel = init::glorot_normal();
      return {{"u.x", encoder},  {"u.h", encoder},  {"u.m", init::zeros()},
              {"h.x", kernel}, {"h.h", kernel}, {"h.m_next", kernel}};
    }
  };
};

/// Window of 784 steps, as in the paper for permuted sequential MNIST.
template <class Scalar, int units = Eigen::Dynamic>
using Lmu = LmuWith<784>::Cell<Scalar, units>;

}  // namespace unroll
