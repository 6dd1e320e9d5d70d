#pragma once
// What has parameters or a memory: linear terms, single weights, attention.

#include "unroll/recurrence/language/score.hpp"
#include "unroll/recurrence/language/values.hpp"

namespace unroll::language {

template <bool biased, class... Sources>
struct Linear {
  static constexpr int operations = 1;
};

struct NoBias {};
inline constexpr NoBias no_bias{};

namespace parts {
template <class... Done, class First, class... Rest>
constexpr auto linear_of(Linear<true, Done...>, First, Rest... rest) {
  if constexpr (std::is_same_v<First, NoBias>) {
    static_assert(sizeof...(Rest) == 0, "unroll: no_bias is the last word in linear(...)");
    return Linear<false, Done...>{};
  } else if constexpr (sizeof...(Rest) == 0) {
    return Linear<true, Done..., First>{};
  } else {
    return linear_of(Linear<true, Done..., First>{}, rest...);
  }
}
}  // namespace parts

/// W1 s1 + W2 s2 + ... + b, with weights of its own at each place where it is written. `linear(..., no_bias)` leaves b
/// out.
template <class... Sources>
constexpr auto linear(Sources... sources) {
  static_assert(((is_named<Sources> || std::is_same_v<Sources, NoBias>)&&...),
                "unroll: linear() reads named values: give the expression inside it an equation of its own");
  static_assert((is_named<Sources> || ...), "unroll: linear() needs something to read");
  return parts::linear_of(Linear<true>{}, sources...);
}

/// One learned number per unit, to multiply with or to add.
template <Name name, bool added>
struct UnitWeight {
  static constexpr int operations = 1;
};
/// One learned number for all units.
template <Name name>
struct ScalarWeight {
  static constexpr int operations = 1;
};

/// One learned number per unit, to multiply with (peepholes, IndRNN). The symbol is its name.
template <Name name, Name size>
constexpr UnitWeight<name, false> weight(Symbol<name, size>) {
  return {};
}
/// One learned number per unit, to add.
template <Name name, Name size>
constexpr UnitWeight<name, true> bias(Symbol<name, size>) {
  return {};
}
/// One learned number for the whole cell.
template <Name name, Name size>
constexpr ScalarWeight<name> scalar(Symbol<name, size>) {
  return {};
}

/// How a query is compared with the keys of a memory, see the words in `symbols`. The additive scores have rows of
/// their own, the size "attention", which is the cell's units unless it is given.
template <ScoreKind kind, bool biased = false, bool normalised = false>
struct Score {};

template <class ScoreWord, class Query>
struct Attend {
  static constexpr int operations = 2;
};

template <class T>
inline constexpr bool is_score = false;
template <ScoreKind kind, bool biased, bool normalised>
inline constexpr bool is_score<Score<kind, biased, normalised>> = true;

/// The sum of the values of the memory that is handed to the engine, weighted by the softmax of the query's scores. It
/// stands alone on the right of a name, which then has the memory's rows.
template <class ScoreWord, class Query>
constexpr Attend<ScoreWord, Query> attend(ScoreWord, Query) {
  static_assert(is_score<ScoreWord>,
                "unroll: attend(score, query) takes a score first: dot, scaled_dot, general, concat, additive");
  static_assert(is_named<Query>,
                "unroll: attend(score, query) is asked by a named value: give the expression an "
                "equation of its own");
  return {};
}

}  // namespace unroll::language
