#pragma once

#include <string>
#include <utility>
#include <vector>

#include "unroll/parameters/initializers.hpp"
#include "unroll/recurrence/equation_cell.hpp"

namespace unroll {

namespace equations {
namespace rwkv_equations {
using namespace symbols;
inline constexpr auto now = input<"x", "features">;
inline constexpr auto x_last = symbol<"x_last", "features">;
inline constexpr auto dx = symbol<"dx", "features">;
inline constexpr auto mx = symbol<"mx", "features">;
inline constexpr auto mu = symbol<"mu", "features">;
template <Name which>
inline constexpr auto low = symbol<which, "rank">;
template <Name which>
inline constexpr auto mixed = symbol<which, "features">;
inline constexpr auto k = symbol<"k">;
inline constexpr auto v = symbol<"v">;
inline constexpr auto d = symbol<"d">;
inline constexpr auto w = symbol<"w">;
inline constexpr auto uk = symbol<"uk">;
inline constexpr auto S = symbol<"S", "units*units">;
inline constexpr auto read = symbol<"read", "units*units">;
inline constexpr auto found = symbol<"found">;
inline constexpr auto norm = symbol<"norm">;
inline constexpr auto u = symbol<"u">;
inline constexpr auto gain = symbol<"gain">;
inline constexpr auto shift = symbol<"shift">;

/// x + (x_last - x) * lora(mx), the data-dependent interpolation: the bias of the last product is lambda.
template <Name name, Name name_of_low>
constexpr auto interpolated() {
  return group(
      low<name_of_low> = tanh(linear(mx, no_bias)),
      mixed<name> = now + dx * linear(low<name_of_low>));
}

/// Time mixing of RWKV-6, Peng et al. 2024 (Finch, arXiv:2404.05892), section 4.2, with one head: a matrix state with a
/// decay w for each key, and inputs that are interpolated with those of the last step.
///
/// x [features x B] input; x_last [features x B] last input, S [units*units x B] matrix; y [units x B] output; batch
/// size B. "rank" is the size of the low-rank products. The bound 5 keeps exp(d) finite: w is then below 1e-64.
inline constexpr auto rwkv6 = cell(state(x_last, S),
    dx = x_last - now,
    mx = now + dx * weight(mu),
    interpolated<"xr", "lr">(),
    interpolated<"xk", "lk">(),
    interpolated<"xv", "lv">(),
    interpolated<"xg", "lg">(),
    interpolated<"xw", "lw">(),
    r = linear(mixed<"xr">, no_bias),
    k = linear(mixed<"xk">, no_bias),
    v = linear(mixed<"xv">, no_bias),
    g = silu(linear(mixed<"xg">, no_bias)),
    low<"ld"> = tanh(linear(mixed<"xw">, no_bias)),
    d = linear(low<"ld">),
    w = exp(-exp(min(d, 5))),
    uk = weight(u) * k,
    read = (S + outer(v, uk)) * by_column(r),
    next(S) = by_column(w) * S + outer(v, k),
    found = row_sums(read),
    norm = layer_norm(found, 64e-5),
    o = g * (weight(gain) * norm + bias(shift)),
    y = linear(o, no_bias),
    next(x_last) = now,
    output(y));
}  // namespace rwkv_equations
using rwkv_equations::rwkv6;
}  // namespace equations

/// Interpolation starts half way between both inputs, the decay of a key between exp(-exp(-6)) and exp(-exp(-1)).
template <class Scalar, int units = Eigen::Dynamic>
struct Rwkv6 : EquationCell<Scalar, equations::rwkv6, units> {
  using EquationCell<Scalar, equations::rwkv6, units>::EquationCell;
  static constexpr std::string_view name = "rwkv-6";
  static std::vector<std::pair<std::string, Initializer>> named_initializers() {
    const Initializer half = init::constant(0.5);
    return {{"mu", half},   {"xr.b", half}, {"xk.b", half},                 {"xv.b", half},
            {"xg.b", half}, {"xw.b", half}, {"d.b", init::uniform(-6, -1)}, {"gain", init::constant(1)}};
  }
};

}  // namespace unroll
