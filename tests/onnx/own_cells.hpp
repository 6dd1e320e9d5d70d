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
inline constexpr auto top = symbol<"top", "one">;
inline constexpr auto total = symbol<"total", "one">;
inline constexpr auto now = input<"x", "features">;
inline constexpr auto past = symbol<"past", "features">;
inline constexpr auto C = symbol<"C", "units*keys">;
inline constexpr auto found = symbol<"found", "units*keys">;
inline constexpr auto head_k = symbol<"k", "heads*keys">;
inline constexpr auto head_q = symbol<"q", "heads*keys">;
inline constexpr auto forget = symbol<"forget", "heads">;
inline constexpr auto of_keys = symbol<"of_keys", "keys">;
inline constexpr auto both = symbol<"both", "2 units">;
inline constexpr auto eight = symbol<"eight", "8">;
inline constexpr auto A = shared_matrix<"A">;

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
/// Matrices, heads, operations on rows, parts, and an input that is read element by element.
inline constexpr auto rows = cell(state(h, C, past),
    next(past) = tanh(now - 0.5 * past),
    head_k = softplus(linear(now, past)),
    head_q = linear(h),
    forget = sigmoid(linear(h)),
    next(C) = by_head(forget) * C + by_row(h) * by_column(head_k),
    found = next(C) * by_column(head_q),
    a = row_sums(found),
    of_keys = column_sums(found),
    both = layer_norm(linear(now, h), 1e-3, heads<2>),
    g = rms_norm(a, heads_of<"heads">),
    s = softmax(linear(of_keys)),
    n = layer_norm(h),
    eight = linear(a, no_bias),
    e = mean(eight),
    top = max_of(a),
    total = sum(s),
    next(h) = tanh(part<1>(both) * g + e * part<0>(both) - 0.1 * top * s + 0.2 * total * n) * weight(p, frozen));

/// All options of weights.
inline constexpr auto options = cell(state(h, c),
    a = tanh(linear(x) + linear(h, heads<2>) + linear(c, cayley, no_bias)),
    s = linear(a, A) + linear(h, transposed(A), no_bias),
    next(c) = c + 0.3 * tanh(linear(s, antisymmetric(0.2), no_bias) + linear(h, frozen)),
    next(h) = tanh(linear(next(c), drop_weights(0.5)) + linear(c, A, no_bias)));
// clang-format on

}  // namespace onnx_models::own_cells
