#pragma once
// Expressions with parameters: linear terms and single weights.

#include "unroll/recurrence/language/values.hpp"

namespace unroll::language {

template <bool biased, class... Sources>
struct Linear {
  static constexpr int operations = int(sizeof...(Sources) + 1) / 2;  // two products each, see StageSchedule
};

/// Linear term with block-diagonal weights.
template <int heads, bool biased, class Source>
struct HeadedLinear {
  static constexpr int operations = heads;  // as many products
};

template <int n>
struct Heads {
  static_assert(n >= 1 && n <= 64, "unroll: heads<n> must be 1 to 64 heads");
};
/// Heads of `linear(h, heads<4>)`.
template <int n>
inline constexpr Heads<n> heads{};
template <class E>
inline constexpr bool is_heads = false;
template <int n>
inline constexpr bool is_heads<Heads<n>> = true;

struct NoBias {};
inline constexpr NoBias no_bias{};

namespace parts {
template <class... Done, class First, class... Rest>
constexpr auto linear_of(Linear<true, Done...>, First, Rest... rest) {
  if constexpr (std::is_same_v<First, NoBias>) {
    static_assert(sizeof...(Rest) == 0, "unroll: no_bias must be the last argument of linear(...)");
    return Linear<false, Done...>{};
  } else if constexpr (sizeof...(Rest) == 0) {
    return Linear<true, Done..., First>{};
  } else {
    return linear_of(Linear<true, Done..., First>{}, rest...);
  }
}
}  // namespace parts

/// Linear term W1 s1 + W2 s2 + ... + b. Each occurrence has separate weights. `linear(..., no_bias)` omits b.
template <class... Sources>
constexpr auto linear(Sources... sources) {
  static_assert((!is_heads<Sources> && ...),
                "unroll: linear(...) with heads<n> must read one value: linear(h, heads<4>) or linear(h, heads<4>, "
                "no_bias)");
  static_assert(((is_named<Sources> || is_heads<Sources> || std::is_same_v<Sources, NoBias>)&&...),
                "unroll: linear() must read named values; give the expression a separate equation");
  static_assert((is_named<Sources> || ...), "unroll: linear() must read at least one value");
  return parts::linear_of(Linear<true>{}, sources...);
}

/// Linear term with block-diagonal weights: the rows of the result and of the source are divided into n heads, and each
/// head reads its own rows of the source. The weights are [rows x rows of the source / n].
template <class Source, int n>
constexpr HeadedLinear<n, true, Source> linear(Source, Heads<n>) {
  static_assert(is_named<Source>, "unroll: linear() must read named values; give the expression a separate equation");
  return {};
}
template <class Source, int n>
constexpr HeadedLinear<n, false, Source> linear(Source, Heads<n>, NoBias) {
  static_assert(is_named<Source>, "unroll: linear() must read named values; give the expression a separate equation");
  return {};
}

template <Name name, bool added>
struct UnitWeight {
  static constexpr int operations = 1;
};
template <Name name>
struct ScalarWeight {
  static constexpr int operations = 1;
};

/// Learned vector with one number per unit, to multiply with (peepholes, IndRNN). The symbol is its name.
template <Name name, Name size>
constexpr UnitWeight<name, false> weight(Symbol<name, size>) {
  return {};
}
/// Learned vector with one number per unit, to add.
template <Name name, Name size>
constexpr UnitWeight<name, true> bias(Symbol<name, size>) {
  return {};
}
/// Learned number for the whole cell.
template <Name name, Name size>
constexpr ScalarWeight<name> scalar(Symbol<name, size>) {
  return {};
}

}  // namespace unroll::language
