#pragma once

#include <cmath>
#include <numbers>
#include <string>
#include <utility>
#include <vector>

#include "unroll/parameters/initializers.hpp"
#include "unroll/recurrence/equation_cell.hpp"

namespace unroll {

namespace equations {
namespace lru_equations {
using namespace symbols;
inline constexpr auto s_re = symbol<"s_re">;
inline constexpr auto s_im = symbol<"s_im">;
inline constexpr auto nu = symbol<"nu_log">;
inline constexpr auto theta = symbol<"theta_log">;
inline constexpr auto gamma = symbol<"gamma_log">;
inline constexpr auto size = symbol<"size">;
inline constexpr auto angle = symbol<"angle">;
inline constexpr auto out = symbol<"y", "outputs">;

/// Linear recurrent unit, Orvieto et al. 2023 (arXiv:2303.06349), section 3 and appendix A: a diagonal complex recurrence
/// s' = lambda s + gamma B x with lambda = exp(-exp(nu_log) + i exp(theta_log)), and y = Re(C s') + D x.
///
/// x [inputs x B] input; s_re, s_im [units x B] real and imaginary part of the state; y [outputs x B] output; batch
/// size B. The matrix D is full.
inline constexpr auto lru = cell(state(s_re, s_im),
    size = exp(-exp(weight(nu))),
    angle = exp(weight(theta)),
    next(s_re) = size * rotate(s_re, s_im, angle).re + exp(weight(gamma)) * linear(x, no_bias),
    next(s_im) = size * rotate(s_re, s_im, angle).im + exp(weight(gamma)) * linear(x, no_bias),
    out = linear(next(s_re), x, no_bias) - linear(next(s_im), no_bias),
    output(out));
}  // namespace lru_equations
using lru_equations::lru;
}  // namespace equations

/// The magnitudes of lambda are uniform on the unit disc, its angles uniform from 0 to 2 pi, and gamma is
/// sqrt(1 - |lambda|^2), as in appendix A with r_min 0 and r_max 1.
template <class Scalar, int units = Eigen::Dynamic>
struct Lru : EquationCell<Scalar, equations::lru, units> {
  using EquationCell<Scalar, equations::lru, units>::EquationCell;
  static constexpr std::string_view name = "lru";

  static std::vector<std::pair<std::string, Initializer>> named_initializers() {
    const Initializer complex_input(Initializer::Kind::normal, 0, std::numbers::sqrt2 / 2, Initializer::Fan::in),
        complex_output(Initializer::Kind::normal, 0, 1, Initializer::Fan::in);
    return {{"nu_log", init::mapped([](double u) { return detail::portable_log(-0.5 * detail::portable_log(place(u))); })},
            {"theta_log", init::mapped([](double u) { return detail::portable_log(2 * std::numbers::pi * place(u)); })},
            {"s_re.x", complex_input},
            {"s_im.x", complex_input},
            {"y.s_re_next", complex_output},
            {"y2.s_im_next", complex_output}};
  }
  /// gamma_log follows from nu_log.
  void set_given(Scalar* theta) const {
    const auto place_of = [&](std::string_view block) { return theta + this->parameters().at(block).offset; };
    const Scalar *const nu = place_of("nu_log");
    Scalar* const gamma = place_of("gamma_log");
    for (Index r = 0; r < this->units(); ++r)
      gamma[r] = Scalar(0.5 * std::log(-std::expm1(-2 * std::exp(double(nu[r])))));
  }

 private:
  /// A number on (0, 1), whose logarithm is finite and not 0.
  static double place(double u) { return (1 - 0x1p-20) * u + 0x1p-21; }
};

}  // namespace unroll
