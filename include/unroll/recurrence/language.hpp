#pragma once
// The language of recurrences: what a user writes as a cell. Whoever knows the paper should read a cell at sight.
//
//     inline constexpr auto gru = cell(state(h),
//         r = sigmoid(linear(x, h)),
//         z = sigmoid(linear(x, h)),
//         n = tanh(linear(x) + r * linear(h)),
//         next(h) = n + z * (h - n));
//
// Every word makes an object whose type is the shape of what was written; the objects hold nothing but the numbers that
// stand in the equations. Nothing is computed here: lowering.hpp lowers the equations to a flat list of operations, at
// compile time.

#include "unroll/recurrence/language/columns.hpp"
#include "unroll/recurrence/language/element_wise.hpp"
#include "unroll/recurrence/language/list.hpp"
#include "unroll/recurrence/language/terms.hpp"

namespace unroll::language {

template <class... Symbols>
struct States {};

/// What flows from step to step. The first state is the cell's output unless `output(y)` says otherwise.
template <Name... names, Name... sizes>
constexpr States<Symbol<names, sizes>...> state(Symbol<names, sizes>...) {
  return {};
}

template <class Named>
struct Output {
  static constexpr int operations = 0;
};

/// Names the value that a layer hands on, when it is not the first state.
template <class Named>
constexpr Output<Named> output(Named) {
  static_assert(is_named<Named>, "unroll: output() takes a named value");
  return {};
}

/// A recurrence: its states and its equations in the order in which they are computed.
template <class StateList, class... Lines>
struct Equations {
  static constexpr int operations = (0 + ... + Lines::operations);
  List<Lines...> lines;
};

template <class... Symbols, class... Lines>
constexpr Equations<States<Symbols...>, Lines...> cell(States<Symbols...>, Lines... lines) {
  return {list(lines...)};
}

/// Names that papers use, ready to write with; any other is declared as `inline constexpr auto p = symbol<"p">;`.
namespace symbols {
inline constexpr Input<"x"> x;
inline constexpr Symbol<"a"> a;
inline constexpr Symbol<"c"> c;
inline constexpr Symbol<"ctx"> ctx;
inline constexpr Symbol<"f"> f;
inline constexpr Symbol<"g"> g;
inline constexpr Symbol<"h"> h;
inline constexpr Symbol<"i"> i;
inline constexpr Symbol<"m"> m;
inline constexpr Symbol<"n"> n;
inline constexpr Symbol<"o"> o;
inline constexpr Symbol<"r"> r;
inline constexpr Symbol<"s"> s;
inline constexpr Symbol<"t"> t;
inline constexpr Symbol<"y"> y;
inline constexpr Symbol<"z"> z;

// Scores of a query q against a key k:
inline constexpr Score<ScoreKind::dot> dot;                ///< q . k, Luong et al. 2015 (arXiv:1508.04025)
inline constexpr Score<ScoreKind::scaled_dot> scaled_dot;  ///< q . k / sqrt(rows), Vaswani et al. 2017
inline constexpr Score<ScoreKind::general> general;        ///< q . W k, Luong et al. 2015
inline constexpr Score<ScoreKind::additive> concat;        ///< v . tanh(W [q; k]), Luong et al. 2015: as additive
inline constexpr Score<ScoreKind::additive> additive;      ///< v . tanh(W q + U k), Bahdanau et al. 2015
inline constexpr Score<ScoreKind::additive, true> additive_biased;  ///< v . tanh(W q + U k + b)
/// g v / |v| . tanh(W q + U k + b), Raffel et al. 2017 (arXiv:1704.00784), section 2.4; g starts at 1 / sqrt(rows)
inline constexpr Score<ScoreKind::additive, true, true> additive_normalised;
}  // namespace symbols

}  // namespace unroll::language

// The words, but not the operators and functions of expressions: those are found through their arguments, so that
// arithmetic on anything else in the library never has to consider them.
namespace unroll {
using language::activation;
using language::attend;
using language::bias;
using language::cell;
using language::clip;
using language::constant;
using language::Equations;
using language::Expression;
using language::input;
using language::linear;
using language::Name;
using language::next;
using language::no_bias;
using language::output;
using language::scalar;
using language::state;
using language::Symbol;
using language::symbol;
using language::weight;
namespace symbols = language::symbols;
}  // namespace unroll
