#pragma once
// Expressions with parameters: linear terms and single weights.

#include "unroll/recurrence/language/values.hpp"
#include "unroll/recurrence/language/weights.hpp"

namespace unroll::language {

template <bool biased, class... Sources>
struct Linear {
  static constexpr int operations = int(sizeof...(Sources) + 1) / 2;  // two products each, see StageSchedule
};

/// Linear term of one value, with an option of its weights.
template <int products, bool biased, class Source>
struct RuledLinear {
  static constexpr int operations = products;
  WeightRule rule;
};

template <class E>
inline constexpr bool is_linear = false;
template <bool biased, class... Sources>
inline constexpr bool is_linear<Linear<biased, Sources...>> = true;
template <int products, bool biased, class Source>
inline constexpr bool is_linear<RuledLinear<products, biased, Source>> = true;

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
  static_assert(
      (!WeightOption<Sources> && ...),
      "unroll: linear(...) with heads<n>, drop_weights(rate), frozen, antisymmetric(damping), cayley or a matrix "
      "must read one value: linear(h, heads<4>) or linear(h, heads<4>, no_bias)");
  static_assert(((is_named<Sources> || WeightOption<Sources> || std::is_same_v<Sources, NoBias>)&&...),
                "unroll: linear() must read named values; give the expression a separate equation");
  static_assert((is_named<Sources> || ...), "unroll: linear() must read at least one value");
  return parts::linear_of(Linear<true>{}, sources...);
}

/// Linear term of one value whose weights have an option: heads<n>, drop_weights(rate), frozen, antisymmetric(damping),
/// cayley or a shared matrix.
template <class Source, WeightOption Option>
constexpr RuledLinear<Option::products, true, Source> linear(Source, Option option) {
  static_assert(is_named<Source>, "unroll: linear() must read named values; give the expression a separate equation");
  return {option.rule()};
}
template <class Source, WeightOption Option>
constexpr RuledLinear<Option::products, false, Source> linear(Source, Option option, NoBias) {
  static_assert(is_named<Source>, "unroll: linear() must read named values; give the expression a separate equation");
  return {option.rule()};
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
template <Name name>
struct FrozenUnitWeight {
  static constexpr int operations = 1;
  WeightRule rule;
};
/// Vector with one number per unit that is not trained: `weight(a, frozen)` stays as it was initialised, by the cell's
/// initializer of its name; `weight(a, frozen("slopes", values))` has the values [rows x 1].
template <Name name, Name size>
constexpr FrozenUnitWeight<name> weight(Symbol<name, size>, const FrozenWeights& option) {
  return {option.rule()};
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
