#pragma once
// Embedded language for recurrent cells: equations are written as in a paper.
//
//     inline constexpr auto gru = cell(state(h),
//         r = sigmoid(linear(x, h)),
//         z = sigmoid(linear(x, h)),
//         n = tanh(linear(x) + r * linear(h)),
//         next(h) = n + z * (h - n));
//
// Each expression has a type that encodes its structure; objects hold only the numbers in the equations. Nothing is
// computed here: lowering.hpp translates the equations into a flat list of operations at compile time.

#include "unroll/recurrence/language/columns.hpp"
#include "unroll/recurrence/language/element_wise.hpp"
#include "unroll/recurrence/language/list.hpp"
#include "unroll/recurrence/language/rows.hpp"
#include "unroll/recurrence/language/terms.hpp"

namespace unroll::language {

template <class... Symbols>
struct States {};

/// States: values carried from step to step. The first state is the cell's output unless `output(y)` names another.
template <Name... names, Name... sizes>
constexpr States<Symbol<names, sizes>...> state(Symbol<names, sizes>...) {
  return {};
}

template <class Named>
struct Output {
  static constexpr int operations = 0;
};

/// Output of the cell, if it is not the first state.
template <class Named>
constexpr Output<Named> output(Named) {
  static_assert(is_named<Named>, "unroll: output() must have a named value");
  return {};
}

/// Recurrence: states, and equations in order of computation.
template <class StateList, class... Lines>
struct Equations {
  static constexpr int operations = (0 + ... + Lines::operations);
  List<Lines...> lines;
};

namespace parts {
template <class Line>
constexpr List<Line> lines_of(Line line) {
  return list(line);
}
template <class... Lines>
constexpr List<Lines...> lines_of(List<Lines...> lines) {
  return lines;
}
template <class Line>
inline constexpr bool is_list = false;
template <class... Lines>
inline constexpr bool is_list<List<Lines...>> = true;
template <class... Symbols, class... Lines>
constexpr Equations<States<Symbols...>, Lines...> equations_of(States<Symbols...>, List<Lines...> lines) {
  return {lines};
}
template <int k, int n, class F>
constexpr auto repeated(const F& f) {
  if constexpr (k == n)
    return List<>{};
  else
    return join(lines_of(f.template operator()<k>()), repeated<k + 1, n>(f));
}
}  // namespace parts

template <class... Symbols, class... Lines>
constexpr auto cell(States<Symbols...> states, Lines... lines) {
  if constexpr ((parts::is_list<Lines> || ...))
    return parts::equations_of(states, join(parts::lines_of(lines)...));
  else
    return Equations<States<Symbols...>, Lines...>{list(lines...)};
}

/// Several equations as one argument of cell(...), or the result of a function given to repeat.
template <class... Lines>
constexpr List<Lines...> group(Lines... lines) {
  return list(lines...);
}

/// Equations of f<0>() to f<n - 1>(), one after the other within a step: the inner steps of a solver. The names of
/// f<k>() contain k, see `numbered`.
template <int n, class F>
constexpr auto repeat(const F& f) {
  static_assert(n >= 1, "unroll: n of repeat<n>(...) must be at least 1");
  return parts::repeated<0, n>(f);
}

/// Symbols with common names; others are declared as `inline constexpr auto p = symbol<"p">;`.
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

// Attention scores of a query q and a key k:
inline constexpr Score<ScoreKind::dot> dot;                ///< q . k, Luong et al. 2015 (arXiv:1508.04025)
inline constexpr Score<ScoreKind::scaled_dot> scaled_dot;  ///< q . k / sqrt(rows), Vaswani et al. 2017
inline constexpr Score<ScoreKind::general> general;        ///< q . W k, Luong et al. 2015
inline constexpr Score<ScoreKind::additive> concat;        ///< v . tanh(W [q; k]), Luong et al. 2015: same as additive
inline constexpr Score<ScoreKind::additive> additive;      ///< v . tanh(W q + U k), Bahdanau et al. 2015
inline constexpr Score<ScoreKind::additive, true> additive_biased;  ///< v . tanh(W q + U k + b)
/// g v / |v| . tanh(W q + U k + b), Raffel et al. 2017 (arXiv:1704.00784), section 2.4; initial g is 1 / sqrt(rows)
inline constexpr Score<ScoreKind::additive, true, true> additive_normalised;
}  // namespace symbols

}  // namespace unroll::language

// Words of the language. Operators and functions of expressions are found by argument-dependent lookup instead, so
// arithmetic elsewhere in the library never considers them.
namespace unroll {
using language::activation;
using language::antisymmetric;
using language::attend;
using language::bias;
using language::cayley;
using language::cell;
using language::clip;
using language::constant;
using language::drop_weights;
using language::Equations;
using language::Expression;
using language::frozen;
using language::group;
using language::heads;
using language::heads_of;
using language::input;
using language::linear;
using language::Name;
using language::next;
using language::no_bias;
using language::numbered;
using language::once_per_sequence;
using language::output;
using language::part;
using language::repeat;
using language::scalar;
using language::shared_matrix;
using language::state;
using language::Symbol;
using language::symbol;
using language::weight;
namespace symbols = language::symbols;
}  // namespace unroll
