#pragma once
// Cells of a user with every operation of equations.

#include <unroll/recurrence/equation_cell.hpp>
#include <unroll/recurrence/language.hpp>

#include "models.hpp"

namespace onnx_models::own_cells {

using namespace unroll::symbols;

inline constexpr auto w = symbol<"w", "wide">;
inline constexpr auto p = symbol<"p">;
inline constexpr auto q = symbol<"q">;
inline constexpr auto k = symbol<"k", "wide">;
inline constexpr auto e = symbol<"e", "one">;

// clang-format off
/// Every function and operator, values of two sizes, and an output that is no state.
inline constexpr auto functions = cell(state(h, w),
    a = clip(linear(h, x), 0.75) - (h - hard_tanh(linear(x, no_bias))) / (1 + square(h)),
    s = leaky_relu(a, 0.2) * elu(linear(a), 0.5) * hard_sigmoid(h) + softsign(a) - silu(a) * gelu(a) + gelu_tanh(h),
    g = -softplus(-(weight(p) * s + bias(q))) / max(exp2(a), sqrt(abs(h) + 0.5)),
    next(w) = tanh(linear(w, g, x) + weight(k) * w),
    n = pow(exp(min(g, 0.5)) + 1, relu(a)) - log(1 + abs(s)),
    next(h) = tanh(n * sigmoid(linear(next(w), no_bias)) - (linear(h) + linear(next(w), s)) * -0.25),
    y = next(h) * s + 1e-3,
    output(y));

/// Values and a state that do not depend on the batch, and a value that is only renamed.
inline constexpr auto numbers = cell(state(h, c, m),
    i = sigmoid(weight(p)) - scalar(q),
    f = 0.5,
    next(c) = f * tanh(linear(h, i)) + i * c,
    s = next(c),
    next(m) = i + f,
    next(h) = tanh(linear(m, x) + s - (f - h)) / 2);

/// Functions that are combined from operators of ONNX, values of one row for all rows, and masks.
inline constexpr auto words = cell(state(h, e),
    next(e) = sigmoid(linear(x, h) + e),
    p = next(e),
    a = tanh(linear(p, x)),
    s = sin(3 * a) + cos(a) - expm1(a) + log1p(a + 1.5) + softcap(2 * a, 1.5),
    g = fract(3 * a) + floor(2 * a) + sign(a) + mod(a, next(e) + 0.5),
    next(h) = zoneout(dropout(tanh(linear(s, g)), 0.3, once_per_sequence), h, 0.25));
// clang-format on

}  // namespace onnx_models::own_cells
