#pragma once
// Cells whose activations are chosen at run time, so that one cell serves every list of activations.

#include "chosen.hpp"
#include "unroll/cells/lstm.hpp"

namespace conformance {

inline constexpr auto f0 = activation(Chosen<0>{});
inline constexpr auto f1 = activation(Chosen<1>{});
inline constexpr auto f2 = activation(Chosen<2>{});

namespace any {
using namespace unroll::symbols;
using unroll::equations::p_f, unroll::equations::p_i, unroll::equations::p_o;

// clang-format off
inline constexpr auto rnn = cell(state(h), next(h) = f0(linear(x, h)));

inline constexpr auto gru = cell(state(h),
    r = f0(linear(x, h)),
    z = f0(linear(x, h)),
    n = f1(linear(x) + r * linear(h)),
    next(h) = n + z * (h - n));

inline constexpr auto gru_reset_before = cell(state(h),
    r = f0(linear(x, h)),
    z = f0(linear(x, h)),
    s = r * h,
    n = f1(linear(x, s)),
    next(h) = n + z * (h - n));

inline constexpr auto lstm = cell(state(h, c),
    i = f0(linear(x, h)),
    f = f0(linear(x, h)),
    g = f1(linear(x, h)),
    o = f0(linear(x, h)),
    next(c) = f * c + i * g,
    next(h) = o * f2(next(c)));

inline constexpr auto peephole_lstm = cell(state(h, c),
    i = f0(linear(x, h) + weight(p_i) * c),
    f = f0(linear(x, h) + weight(p_f) * c),
    g = f1(linear(x, h)),
    next(c) = f * c + i * g,
    o = f0(linear(x, h) + weight(p_o) * next(c)),
    next(h) = o * f2(next(c)));

inline constexpr auto coupled_lstm = cell(state(h, c),
    i = f0(linear(x, h) + weight(p_i) * c),
    g = f1(linear(x, h)),
    next(c) = (1 - i) * c + i * g,
    o = f0(linear(x, h) + weight(p_o) * next(c)),
    next(h) = o * f2(next(c)));
// clang-format on
}  // namespace any

}  // namespace conformance
