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
// stand in the equations. Nothing is computed here: program.hpp lowers the equations to a flat list of operations, at
// compile time.

#include <algorithm>
#include <string_view>

#include "unroll/core/activations.hpp"
#include "unroll/recurrence/list.hpp"
#include "unroll/recurrence/score.hpp"

namespace unroll::language {

/// A name as a template argument.
template <std::size_t N>
struct Name {
  char text[N]{};
  constexpr Name(const char (&letters)[N]) { std::copy_n(letters, N, text); }  // NOLINT: a literal is a name
  constexpr std::string_view view() const { return {text, N - 1}; }
};

// ---- Expressions
// -----------------------------------------------------------------------------------------------------------

/// Anything that may stand in an equation says how many operations it holds.
template <class E>
concept Expression = requires {
  E::operations;
};

/// A number may stand wherever an expression may.
template <class E>
concept Operand = Expression<E> || std::is_arithmetic_v<E>;

struct Number {
  static constexpr int operations = 1;
  double value;
};

template <Expression E>
constexpr E as_expression(E e) {
  return e;
}
template <class N>
requires std::is_arithmetic_v<N>
constexpr Number as_expression(N number) { return {static_cast<double>(number)}; }

/// `target = expression`
template <class Target, class E>
struct Equation {
  static constexpr int operations = E::operations;
  E expression;
};

/// A state or an intermediate value. Its rows are the cell's units, unless it is given another `size` by name.
template <Name name, Name size = "units">
struct Symbol {
  static constexpr int operations = 0;  // refers to what another equation has computed
  template <Operand E>
  constexpr auto operator=(E e) const {  // NOLINT: an equation, not an assignment
    return Equation<Symbol, decltype(as_expression(e))>{as_expression(e)};
  }
};

/// What comes in at every step. It has rows of its own and is read by `linear` only.
template <Name name>
struct Input {
  static constexpr int operations = 0;
};

/// What is given once per sequence: a condition, an encoder's last state. Its products are taken once, not per step.
template <Name name>
struct Constant {
  static constexpr int operations = 0;
};

template <Name name>
inline constexpr Input<name> input{};
template <Name name>
inline constexpr Constant<name> constant{};
template <Name name, Name size = "units">
inline constexpr Symbol<name, size> symbol{};

/// A state's value after the step.
template <class State>
struct Next {
  static constexpr int operations = 0;
  template <Operand E>
  constexpr auto operator=(E e) const {  // NOLINT: an equation, not an assignment
    return Equation<Next, decltype(as_expression(e))>{as_expression(e)};
  }
};
template <Name name, Name size>
constexpr Next<Symbol<name, size>> next(Symbol<name, size>) {
  return {};
}

template <class E>
inline constexpr bool is_named = false;
template <Name name, Name size>
inline constexpr bool is_named<Symbol<name, size>> = true;
template <Name name>
inline constexpr bool is_named<Input<name>> = true;
template <Name name>
inline constexpr bool is_named<Constant<name>> = true;
template <class State>
inline constexpr bool is_named<Next<State>> = true;

// ---- Terms with parameters
// -------------------------------------------------------------------------------------------------

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

// ---- Attention
// ------------------------------------------------------------------------------------------------------------

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

// ---- Element by element
// ----------------------------------------------------------------------------------------------------

struct Add {};
struct Subtract {};
struct Multiply {};
struct Divide {};
struct Maximum {};
struct Minimum {};

template <class Operation, class L, class R>
struct Binary {
  static constexpr int operations = L::operations + R::operations + 1;
  L left;
  R right;
};

/// An activation, or any other function of one number.
template <class F, class E>
struct Apply {
  static constexpr int operations = E::operations + 1;
  F function;
  E argument;
};

template <class E>
struct Negate {
  static constexpr int operations = E::operations + 1;
  E argument;
};

/// Limited to [-limit, limit].
template <class E>
struct Clip {
  static constexpr int operations = E::operations + 1;
  E argument;
  double limit;
};

template <class L, class R>
concept Operands = Operand<L> && Operand<R> &&(Expression<L> || Expression<R>);

namespace parts {
template <class Operation, class L, class R>
constexpr auto binary(L l, R r) {
  return Binary<Operation, decltype(as_expression(l)), decltype(as_expression(r))>{as_expression(l), as_expression(r)};
}
}  // namespace parts

template <class L, class R>
requires Operands<L, R>
constexpr auto operator+(L l, R r) { return parts::binary<Add>(l, r); }
template <class L, class R>
requires Operands<L, R>
constexpr auto operator-(L l, R r) { return parts::binary<Subtract>(l, r); }
template <class L, class R>
requires Operands<L, R>
constexpr auto operator*(L l, R r) { return parts::binary<Multiply>(l, r); }
template <class L, class R>
requires Operands<L, R>
constexpr auto operator/(L l, R r) { return parts::binary<Divide>(l, r); }
template <class L, class R>
requires Operands<L, R>
constexpr auto max(L l, R r) { return parts::binary<Maximum>(l, r); }
template <class L, class R>
requires Operands<L, R>
constexpr auto min(L l, R r) { return parts::binary<Minimum>(l, r); }
template <Expression E>
constexpr Negate<E> operator-(E e) {
  return {e};
}

/// `activation(f)(e)`: any function with its derivative, see the concept Activation.
template <Activation F>
constexpr auto activation(F function) {
  return [function]<Expression E>(E e) { return Apply<F, E>{function, e}; };
}

template <Expression E>
constexpr Apply<Sigmoid, E> sigmoid(E e) {
  return {{}, e};
}
template <Expression E>
constexpr Apply<Tanh, E> tanh(E e) {
  return {{}, e};
}
template <Expression E>
constexpr Apply<Relu, E> relu(E e) {
  return {{}, e};
}
template <Expression E>
constexpr Apply<LeakyRelu, E> leaky_relu(E e, double negative_slope = 0.01) {
  return {{negative_slope}, e};
}
template <Expression E>
constexpr Apply<Elu, E> elu(E e, double alpha = 1) {
  return {{alpha}, e};
}
template <Expression E>
constexpr Apply<HardSigmoid, E> hard_sigmoid(E e) {
  return {{}, e};
}
template <Expression E>
constexpr Apply<HardTanh, E> hard_tanh(E e) {
  return {{}, e};
}
template <Expression E>
constexpr Apply<Softplus, E> softplus(E e) {
  return {{}, e};
}
template <Expression E>
constexpr Apply<Softsign, E> softsign(E e) {
  return {{}, e};
}
template <Expression E>
constexpr Apply<Exp, E> exp(E e) {
  return {{}, e};
}
template <Expression E>
constexpr Apply<Log, E> log(E e) {
  return {{}, e};
}
template <Expression E>
constexpr Apply<Sqrt, E> sqrt(E e) {
  return {{}, e};
}
template <Expression E>
constexpr Apply<Square, E> square(E e) {
  return {{}, e};
}
template <Expression E>
constexpr Apply<Abs, E> abs(E e) {
  return {{}, e};
}

/// Limits e to [-limit, limit]; the gradient is 0 outside.
template <Expression E>
constexpr Clip<E> clip(E e, double limit) {
  return {e, limit};
}

// ---- Cells
// -----------------------------------------------------------------------------------------------------------------

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
/// g v / |v| . tanh(W q + U k + b), Raffel et al. 2017 (arXiv:1704.00784), section 2.1; g starts at 1 / sqrt(rows)
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
