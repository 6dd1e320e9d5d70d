#pragma once
// Equations of golden cases that differ from the cells of the library.

#include "unroll/cells/matrix_memory.hpp"

namespace conformance::equations {

using namespace unroll;
using namespace unroll::symbols;

inline constexpr auto S = symbol<"S", "units*keys">;
inline constexpr auto d_c = input<"d_c">;
inline constexpr auto d_h = input<"d_h">;
inline constexpr auto features = input<"x", "features">;
inline constexpr auto z_x = constant<"z_x", "features">;
inline constexpr auto z_h = constant<"z_h">;
inline constexpr auto q = symbol<"q">;
inline constexpr auto x1 = symbol<"x1", "features">;
inline constexpr auto h1 = symbol<"h1">;
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
inline constexpr auto in_q = input<"q", "keys">;
inline constexpr auto in_k = input<"k", "keys">;
inline constexpr auto in_v = input<"v", "units">;
inline constexpr auto in_alpha = input<"alpha", "one">;
inline constexpr auto in_beta = input<"beta", "one">;

// clang-format off
inline constexpr auto cornn = cell(state(y, z),
    next(z) = z + 0.1 * (tanh(linear(x, y, z)) - 2.7 * y - 4.7 * z),
    next(y) = y + 0.1 * next(z));

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

inline constexpr auto gated_delta_rule = cell(state(S),
    unroll::equations::gated_delta_rule(in_q, in_k, in_v, in_alpha, in_beta),
    y = 1 * r,
    output(y));
// clang-format on

}  // namespace conformance::equations
