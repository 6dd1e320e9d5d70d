#pragma once
// Equations of the cells of newer papers, in the order and with the names of the golden cases.

#include "unroll/recurrence/equation_cell.hpp"

namespace conformance::equations {

using namespace unroll;
using namespace unroll::symbols;

inline constexpr auto d_c = input<"d_c">;
inline constexpr auto d_h = input<"d_h">;
inline constexpr auto dt = input<"dt", "one">;
inline constexpr auto clock = input<"time", "one">;
inline constexpr auto delta = input<"delta", "features">;
inline constexpr auto seen = input<"m", "features">;
inline constexpr auto features = input<"x", "features">;
inline constexpr auto x_mean = constant<"x_mean", "features">;
inline constexpr auto z_x = constant<"z_x", "features">;
inline constexpr auto z_h = constant<"z_h">;
inline constexpr auto q = symbol<"q">;
inline constexpr auto k = symbol<"k">;
inline constexpr auto drive = symbol<"u", "one">;
inline constexpr auto memory = symbol<"m", "order">;
inline constexpr auto u = symbol<"u", "backbone">;
inline constexpr auto ta = symbol<"ta">;
inline constexpr auto tb = symbol<"tb">;
inline constexpr auto x1 = symbol<"x1", "features">;
inline constexpr auto x2 = symbol<"x2", "features">;
inline constexpr auto h1 = symbol<"h1">;
inline constexpr auto h2 = symbol<"h2">;
inline constexpr auto p_i = symbol<"p_i">;
inline constexpr auto p_f = symbol<"p_f">;
inline constexpr auto p_o = symbol<"p_o">;
inline constexpr auto period = symbol<"period">;
inline constexpr auto offset = symbol<"shift">;
inline constexpr auto r_on = symbol<"r_on">;
inline constexpr auto phi = symbol<"phi">;
inline constexpr auto gamma_x = symbol<"gamma_x", "features">;
inline constexpr auto gamma_h = symbol<"gamma_h">;
inline constexpr auto x_last = symbol<"x_last", "features">;
inline constexpr auto xhat = symbol<"xhat", "features">;
inline constexpr auto w_gx = symbol<"w_gx", "features">;
inline constexpr auto b_gx = symbol<"b_gx", "features">;
inline constexpr auto rk = symbol<"rk">;
inline constexpr auto l = symbol<"l">;
inline constexpr auto past = symbol<"past">;
inline constexpr auto now = symbol<"now">;
inline constexpr auto s_re = symbol<"s_re">;
inline constexpr auto s_im = symbol<"s_im">;
inline constexpr auto nu = symbol<"nu_log">;
inline constexpr auto theta = symbol<"theta_log">;
inline constexpr auto gamma = symbol<"gamma_log">;
inline constexpr auto size = symbol<"size">;
inline constexpr auto angle = symbol<"angle">;
inline constexpr auto out = symbol<"y", "outputs">;
inline constexpr auto four = symbol<"a", "4 units">;
inline constexpr auto four_x = symbol<"ax", "4 units">;
inline constexpr auto four_h = symbol<"ah", "4 units">;
inline constexpr auto two = symbol<"a", "2 units">;
inline constexpr auto two_x = symbol<"ax", "2 units">;
inline constexpr auto two_h = symbol<"ah", "2 units">;
inline constexpr auto nx = symbol<"nx">;
inline constexpr auto nh = symbol<"nh">;
inline constexpr auto nc = symbol<"nc">;
inline constexpr auto gain_x = symbol<"gain_x">;
inline constexpr auto gain_h = symbol<"gain_h">;
inline constexpr auto gain_c = symbol<"gain_c">;
inline constexpr auto gain_nx = symbol<"gain_nx">;
inline constexpr auto gain_nh = symbol<"gain_nh">;
inline constexpr auto shift_x = symbol<"shift_x">;
inline constexpr auto shift_h = symbol<"shift_h">;
inline constexpr auto shift_c = symbol<"shift_c">;
inline constexpr auto shift_nx = symbol<"shift_nx">;
inline constexpr auto shift_nh = symbol<"shift_nh">;
inline constexpr auto b = symbol<"b">;
inline constexpr auto matrix = symbol<"C", "units*units">;
inline constexpr auto read = symbol<"read", "units*units">;
inline constexpr auto m_ = symbol<"m", "one">;
inline constexpr auto v_ = symbol<"v">;
inline constexpr auto b_k = symbol<"b_k">;
inline constexpr auto gate_i = symbol<"i", "one">;
inline constexpr auto gate_f = symbol<"f", "one">;
inline constexpr auto keep = symbol<"keep", "one">;
inline constexpr auto past_ = symbol<"past", "one">;
inline constexpr auto now_ = symbol<"now", "one">;
inline constexpr auto found = symbol<"found">;
inline constexpr auto weighed = symbol<"weighed">;
inline constexpr auto total = symbol<"total", "one">;
inline constexpr auto keyed = symbol<"S", "units*keys">;
inline constexpr auto old = symbol<"old", "units*keys">;
inline constexpr auto read_keyed = symbol<"read", "units*keys">;
inline constexpr auto in_q = input<"q", "keys">;
inline constexpr auto in_k = input<"k", "keys">;
inline constexpr auto in_v = input<"v", "units">;
inline constexpr auto in_alpha = input<"alpha", "one">;
inline constexpr auto in_beta = input<"beta", "one">;
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
template <int k>
inline constexpr auto v = symbol<numbered<"v", k>>;
template <int k>
inline constexpr auto sh = symbol<numbered<"sh", k>, "units*units">;
template <int k>
inline constexpr auto eh = symbol<numbered<"eh", k>, "units*units">;
template <int k>
inline constexpr auto sum_sh = symbol<numbered<"sum_sh", k>>;
template <int k>
inline constexpr auto sum_eh = symbol<numbered<"sum_eh", k>>;

// clang-format off
inline constexpr auto mingru = cell(state(h),
    z = sigmoid(linear(x)),
    n = linear(x),
    next(h) = h + z * (n - h));

inline constexpr auto cornn = cell(state(y, z),
    next(z) = z + 0.1 * (tanh(linear(x, y, z)) - 2.7 * y - 4.7 * z),
    next(y) = y + 0.1 * next(z));

inline constexpr auto cfc = cell(state(h),
    u = 1.7159 * tanh(0.666 * linear(x, h)),
    a = tanh(linear(u)),
    g = tanh(linear(u)),
    ta = linear(u),
    tb = linear(u),
    t = sigmoid(ta * dt + tb),
    next(h) = a + t * (g - a));

inline constexpr auto zoneout_lstm = cell(state(h, c),
    i = sigmoid(linear(x, h)),
    f = sigmoid(linear(x, h)),
    g = tanh(linear(x, h)),
    o = sigmoid(linear(x, h)),
    q = f * c + i * g,
    next(c) = q + d_c * (c - q),
    n = o * tanh(q),
    next(h) = n + d_h * (h - n));

inline constexpr auto dropout_lstm = cell(state(h, c),
    x1 = z_x * features,
    h1 = z_h * h,
    i = sigmoid(linear(x1, h1)),
    f = sigmoid(linear(x1, h1)),
    g = tanh(linear(x1, h1)),
    o = sigmoid(linear(x1, h1)),
    next(c) = f * c + i * g,
    next(h) = o * tanh(next(c)));

inline constexpr auto lmu = cell(state(h, memory),
    drive = linear(x, h, memory, no_bias),
    next(memory) = linear(memory, drive, no_bias),
    next(h) = tanh(linear(x, h, next(memory), no_bias)));

inline constexpr auto mogrifier_lstm = cell(state(h, c),
    x1 = 2 * sigmoid(linear(h, no_bias)) * features,
    h1 = 2 * sigmoid(linear(x1, no_bias)) * h,
    x2 = 2 * sigmoid(linear(h1, no_bias)) * x1,
    h2 = 2 * sigmoid(linear(x2, no_bias)) * h1,
    i = sigmoid(linear(x2, h2)),
    f = sigmoid(linear(x2, h2)),
    g = tanh(linear(x2, h2)),
    o = sigmoid(linear(x2, h2)),
    next(c) = f * c + i * g,
    next(h) = o * tanh(next(c)));

inline constexpr auto layernorm_lstm = cell(state(h, c),
    four_x = layer_norm(linear(x, no_bias)),
    four_h = layer_norm(linear(h, no_bias)),
    four = weight(gain_x) * four_x + bias(shift_x) + weight(gain_h) * four_h + bias(shift_h) + bias(b),
    next(c) = sigmoid(part<0>(four)) * c + sigmoid(part<1>(four)) * tanh(part<3>(four)),
    nc = layer_norm(next(c)),
    next(h) = sigmoid(part<2>(four)) * tanh(weight(gain_c) * nc + bias(shift_c)));

inline constexpr auto layernorm_gru = cell(state(h),
    two_x = layer_norm(linear(x, no_bias)),
    two_h = layer_norm(linear(h, no_bias)),
    two = sigmoid(weight(gain_x) * two_x + bias(shift_x) + weight(gain_h) * two_h + bias(shift_h)),
    nx = layer_norm(linear(x, no_bias)),
    nh = layer_norm(linear(h, no_bias)),
    n = tanh(weight(gain_nx) * nx + bias(shift_nx) + part<1>(two) * (weight(gain_nh) * nh + bias(shift_nh))),
    next(h) = h + part<0>(two) * (n - h));

inline constexpr auto phased_lstm = cell(state(h, c),
    phi = mod(clock - weight(offset), weight(period)) / weight(period),
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

inline constexpr auto gru_d = cell(state(h, x_last),
    gamma_x = exp(-max(0, weight(w_gx) * delta + bias(b_gx))),
    gamma_h = exp(-max(0, linear(delta))),
    xhat = seen * features + (1 - seen) * (gamma_x * x_last + (1 - gamma_x) * x_mean),
    k = gamma_h * h,
    z = sigmoid(linear(xhat, k, seen)),
    r = sigmoid(linear(xhat, k, seen)),
    rk = r * k,
    n = tanh(linear(xhat, rk, seen)),
    next(h) = k + z * (n - k),
    next(x_last) = seen * features + (1 - seen) * x_last);

inline constexpr auto slstm_heads = cell(state(h, c, n, m),
    i = linear(x) + linear(h, heads<2>, no_bias),
    f = linear(x) + linear(h, heads<2>, no_bias),
    z = tanh(linear(x) + linear(h, heads<2>, no_bias)),
    o = sigmoid(linear(x) + linear(h, heads<2>, no_bias)),
    l = -softplus(-f),
    next(m) = max(l + m, i),
    past = exp(l + m - next(m)),
    now = exp(i - next(m)),
    next(c) = past * c + now * z,
    next(n) = past * n + now,
    next(h) = o * next(c) / next(n));

inline constexpr auto lru = cell(state(s_re, s_im),
    size = exp(-exp(weight(nu))),
    angle = exp(weight(theta)),
    next(s_re) = size * (cos(angle) * s_re - sin(angle) * s_im) + exp(weight(gamma)) * linear(x, no_bias),
    next(s_im) = size * (cos(angle) * s_im + sin(angle) * s_re) + exp(weight(gamma)) * linear(x, no_bias),
    out = linear(next(s_re), x, no_bias) - linear(next(s_im), no_bias),
    output(out));

// One head; k is divided by the root of its 4 rows.
inline constexpr auto mlstm = cell(state(matrix, n, m_),
    q = linear(x),
    k = 0.5 * linear(x, no_bias) + bias(b_k),
    v_ = linear(x),
    o = sigmoid(linear(x)),
    gate_i = linear(x),
    gate_f = linear(x),
    keep = -softplus(-gate_f) + m_,
    next(m_) = max(keep, gate_i),
    past_ = exp(keep - next(m_)),
    now_ = exp(gate_i - next(m_)),
    next(matrix) = past_ * matrix + now_ * outer(v_, k),
    next(n) = past_ * n + now_ * k,
    read = next(matrix) * by_column(q),
    found = row_sums(read),
    weighed = next(n) * q,
    total = sum(weighed),
    y = o * found / max(abs(total), exp(-next(m_))),
    output(y));

inline constexpr auto gated_delta_rule = cell(state(keyed),
    old = keyed * by_column(in_k),
    found = row_sums(old),
    next(keyed) = in_alpha * (keyed - in_beta * outer(found, in_k)) + in_beta * outer(in_v, in_k),
    read_keyed = next(keyed) * by_column(in_q),
    r = row_sums(read_keyed),
    y = 1 * r,
    output(y));

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
        v<round + 1> = (weight(cm) * v<round> + weight(gleak) * weight(vleak) + sum_eh<round> + sum_ex)
                     / (weight(cm) + weight(gleak) + sum_sh<round> + sum_sx));
    }),
    next(h) = v<6>);
// clang-format on

}  // namespace conformance::equations
