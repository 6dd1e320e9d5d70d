#pragma once
// Cells for irregularly sampled sequences, most of them with the time as another input.

#include <cmath>
#include <string>
#include <utility>
#include <vector>

#include "unroll/parameters/initializers.hpp"
#include "unroll/recurrence/equation_cell.hpp"

namespace unroll {

namespace equations {
namespace time_equations {
using namespace symbols;
inline constexpr auto u = symbol<"u", "backbone">;
inline constexpr auto ta = symbol<"ta">;
inline constexpr auto tb = symbol<"tb">;
inline constexpr auto dt = input<"dt", "one">;
inline constexpr auto clock = input<"time", "one">;
inline constexpr auto features = input<"x", "features">;
inline constexpr auto seen = input<"m", "features">;
inline constexpr auto delta = input<"delta", "features">;
inline constexpr auto x_mean = constant<"x_mean", "features">;
inline constexpr auto gamma_x = symbol<"gamma_x", "features">;
inline constexpr auto gamma_h = symbol<"gamma_h">;
inline constexpr auto x_last = symbol<"x_last", "features">;
inline constexpr auto xhat = symbol<"xhat", "features">;
inline constexpr auto w_gx = symbol<"w_gx", "features">;
inline constexpr auto b_gx = symbol<"b_gx", "features">;
inline constexpr auto k = symbol<"k">;
inline constexpr auto rk = symbol<"rk">;
inline constexpr auto q = symbol<"q">;
inline constexpr auto phi = symbol<"phi">;
inline constexpr auto p_i = symbol<"p_i">;
inline constexpr auto p_f = symbol<"p_f">;
inline constexpr auto p_o = symbol<"p_o">;
inline constexpr auto period = symbol<"period">;
inline constexpr auto shift = symbol<"shift">;
inline constexpr auto r_on = symbol<"r_on">;

inline constexpr auto in = symbol<"in", "features">;
inline constexpr auto input_w = symbol<"input_w", "features">;
inline constexpr auto input_b = symbol<"input_b", "features">;
inline constexpr auto sx = symbol<"sx", "units*features">;
inline constexpr auto ex = symbol<"ex", "units*features">;
inline constexpr auto sum_sx = symbol<"sum_sx">;
inline constexpr auto sum_ex = symbol<"sum_ex">;
inline constexpr auto w_x = symbol<"w_x", "units*features">;
inline constexpr auto mu_x = symbol<"mu_x", "units*features">;
inline constexpr auto sigma_x = symbol<"sigma_x", "units*features">;
inline constexpr auto erev_x = symbol<"erev_x", "units*features">;
inline constexpr auto w_h = symbol<"w_h", "units*units">;
inline constexpr auto mu_h = symbol<"mu_h", "units*units">;
inline constexpr auto sigma_h = symbol<"sigma_h", "units*units">;
inline constexpr auto erev_h = symbol<"erev_h", "units*units">;
inline constexpr auto gleak = symbol<"gleak">;
inline constexpr auto vleak = symbol<"vleak">;
inline constexpr auto cm = symbol<"cm">;
template <int round>
inline constexpr auto v = symbol<numbered<"v", round>>;
template <int round>
inline constexpr auto sh = symbol<numbered<"sh", round>, "units*units">;
template <int round>
inline constexpr auto eh = symbol<numbered<"eh", round>, "units*units">;
template <int round>
inline constexpr auto sum_sh = symbol<numbered<"sum_sh", round>>;
template <int round>
inline constexpr auto sum_eh = symbol<numbered<"sum_eh", round>>;

/// Closed-form continuous-time network, Hasani et al. 2022 (CfC, arXiv:2106.13898), the closed-form cell with a
/// backbone of one layer and the activation of the authors' program.
///
/// x [inputs x B] input, dt [1 x B] time since the last step; h [units x B] state and output; batch size B.
inline constexpr auto cfc = cell(state(h),
    u = 1.7159 * tanh(0.666 * linear(x, h)),
    a = tanh(linear(u)),
    g = tanh(linear(u)),
    ta = linear(u),
    tb = linear(u),
    t = sigmoid(ta * dt + tb),
    next(h) = a + t * (g - a));

/// Equations of GRU-D for the values of features that are not observed.
template <class Imputed>
constexpr auto gru_d_with(Imputed imputed) {
  return cell(state(h, x_last),
      gamma_x = exp(-max(0, weight(w_gx) * delta + bias(b_gx))),
      gamma_h = exp(-max(0, linear(delta))),
      xhat = seen * features + (1 - seen) * imputed,
      k = gamma_h * h,
      z = sigmoid(linear(xhat, k, seen)),
      r = sigmoid(linear(xhat, k, seen)),
      rk = r * k,
      n = tanh(linear(xhat, rk, seen)),
      next(h) = k + z * (n - k),
      next(x_last) = seen * features + (1 - seen) * x_last);
}

/// GRU-D, Che et al. 2018 (arXiv:1606.01865): inputs and states decay with the time since a feature was observed.
///
/// x [features x B] input, any number where m [features x B] is 0; delta [features x B] time since the feature was
/// observed; x_mean [features x B] its mean; h [units x B] state and output, x_last [features x B] last observation;
/// batch size B. The inputs are in the order delta, m, x.
inline constexpr auto gru_d = gru_d_with(gamma_x * x_last + (1 - gamma_x) * x_mean);

/// GRU-D of standardized inputs, whose mean is 0, so that it needs no constant and runs in a layer.
///
/// The inputs are those of gru_d.
inline constexpr auto standardized_gru_d = gru_d_with(gamma_x * x_last);

/// Phased LSTM, Neil et al. 2016 (arXiv:1610.09513), equations 6 to 11, with a leak of 0.001: every unit is open for a
/// part r_on of its period. The output gate reads the proposed cell state, as in the authors' program.
///
/// time [1 x B] clock, x [inputs x B] input, in this order; h, c [units x B] output and cell state; batch size B.
inline constexpr auto phased_lstm = cell(state(h, c),
    phi = mod(clock - weight(shift), weight(period)) / weight(period),
    r = weight(r_on),
    s = max(sign(0.5 * r - phi), 0),
    t = max(sign(r - phi), 0) - s,
    k = s * 2 * phi / r + t * (2 - 2 * phi / r) + (1 - s - t) * 0.001 * phi,
    i = sigmoid(linear(x, h) + weight(p_i) * c),
    f = sigmoid(linear(x, h) + weight(p_f) * c),
    g = tanh(linear(x, h)),
    q = f * c + i * g,
    o = sigmoid(linear(x, h) + weight(p_o) * q),
    next(c) = c + k * (q - c),
    next(h) = h + k * (o * tanh(q) - h));

/// Liquid time-constant network, Hasani et al. 2021 (LTC, arXiv:2006.04439), algorithm 1 with six inner steps, and one
/// sigmoid for each synapse as in the authors' program. w, gleak and cm must stay above 0.
///
/// x [inputs x B] input; h [units x B] membrane potential and output; batch size B.
inline constexpr auto ltc = cell(state(h),
    in = weight(input_w) * features + bias(input_b),
    sx = weight(w_x) * sigmoid(weight(sigma_x) * (by_column(in) - weight(mu_x))),
    ex = weight(erev_x) * sx,
    sum_sx = row_sums(sx),
    sum_ex = row_sums(ex),
    v<0> = h,
    repeat<6>([]<int round> {
      return group(
          sh<round> = weight(w_h) * sigmoid(weight(sigma_h) * (by_column(v<round>) - weight(mu_h))),
          eh<round> = weight(erev_h) * sh<round>,
          sum_sh<round> = row_sums(sh<round>),
          sum_eh<round> = row_sums(eh<round>),
          v<round + 1> = (weight(cm) * v<round> + weight(gleak) * weight(vleak) + sum_eh<round> + sum_ex) /
                         (weight(cm) + weight(gleak) + sum_sh<round> + sum_sx));
    }),
    next(h) = v<6>);
}  // namespace time_equations
using time_equations::cfc;
using time_equations::gru_d;
using time_equations::ltc;
using time_equations::phased_lstm;
using time_equations::standardized_gru_d;
}  // namespace equations

template <class Scalar, int units = Eigen::Dynamic>
struct Cfc : EquationCell<Scalar, equations::cfc, units> {
  using EquationCell<Scalar, equations::cfc, units>::EquationCell;
  static constexpr std::string_view name = "cfc";
  static std::vector<std::pair<std::string, Initializer>> named_initializers() {
    const Initializer glorot = init::glorot_uniform();
    return {{"u.h", glorot}, {"a.u", glorot}, {"g.u", glorot}, {"ta.u", glorot}, {"tb.u", glorot}};
  }
};

template <class Scalar, int units = Eigen::Dynamic>
struct GruD : EquationCell<Scalar, equations::gru_d, units> {
  using EquationCell<Scalar, equations::gru_d, units>::EquationCell;
  static constexpr std::string_view name = "gru-d";
};

template <class Scalar, int units = Eigen::Dynamic>
struct StandardizedGruD : EquationCell<Scalar, equations::standardized_gru_d, units> {
  using EquationCell<Scalar, equations::standardized_gru_d, units>::EquationCell;
  static constexpr std::string_view name = "gru-d of standardized inputs";
};

/// Periods from exp(1) to exp(6) steps, as in the authors' program for long sequences, open for 5 % of the time.
template <class Scalar, int units = Eigen::Dynamic>
struct PhasedLstm : EquationCell<Scalar, equations::phased_lstm, units> {
  using EquationCell<Scalar, equations::phased_lstm, units>::EquationCell;
  static constexpr std::string_view name = "phased lstm";
  static std::vector<std::pair<std::string, Initializer>> named_initializers() {
    return {{"period", init::mapped([](double u) { return std::exp(1 + 5 * u); })},
            {"shift", init::uniform(0, 100)},
            {"r_on", init::constant(0.05)},
            {"f.b", init::constant(1)}};
  }
};

/// Initial values of the authors' later program ncps.
template <class Scalar, int units = Eigen::Dynamic>
struct Ltc : EquationCell<Scalar, equations::ltc, units> {
  using EquationCell<Scalar, equations::ltc, units>::EquationCell;
  static constexpr std::string_view name = "ltc";
  static std::vector<std::pair<std::string, Initializer>> named_initializers() {
    const Initializer w = init::uniform(0.001, 1), mu = init::uniform(0.3, 0.8), sigma = init::uniform(3, 8),
                      sign = init::mapped([](double u) { return u < 0.5 ? -1.0 : 1.0; });
    return {{"input_w", init::constant(1)},
            {"w_x", w},
            {"mu_x", mu},
            {"sigma_x", sigma},
            {"erev_x", sign},
            {"w_h", w},
            {"mu_h", mu},
            {"sigma_h", sigma},
            {"erev_h", sign},
            {"gleak", w},
            {"vleak", init::uniform(-0.2, 0.2)},
            {"cm", init::uniform(0.4, 0.6)}};
  }
};

}  // namespace unroll
