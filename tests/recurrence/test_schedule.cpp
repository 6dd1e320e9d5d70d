// Results of the compiler of equations, compared with those derived by hand: stages, order of the stacked
// pre-activations, products of each source, storage, pending gradients, values carried by a stream.

#include <unroll/attention/bahdanau.hpp>
#include <unroll/cells/gru.hpp>
#include <unroll/cells/lru.hpp>
#include <unroll/cells/lstm.hpp>
#include <unroll/recurrence/run/stream/stream_plan.hpp>

#include "support/catch.hpp"

namespace test_schedule {

using namespace unroll;

namespace written {
using namespace unroll::symbols;
inline constexpr auto k = constant<"k">;
inline constexpr auto bahdanau = equations::bahdanau_gru<additive>;
inline constexpr auto dot_query = cell(state(h), ctx = attend(dot, h), next(h) = tanh(linear(x, ctx)));

// A constant in two terms, a value read two stages later, a state read after its own stage, an output that is not a
// state.
inline constexpr auto odd = cell(state(h, c), a = sigmoid(linear(x, k)) * linear(h, k), s = linear(a, c),
                                 t = tanh(s) / (2 + a), next(c) = c - t * log(2 + square(s)),
                                 next(h) = pow(1 + square(a), 0.5) * next(c) - linear(t, no_bias), output(t));

// The second stage reads h as it was before the step, after the first stage has replaced it.
inline constexpr auto read_later = cell(state(h, c), next(h) = tanh(linear(x, c)), next(c) = tanh(linear(next(h))) + h);

// Factors without a gradient: a function of weights that are not trained, a number, a mask, and a copy of such a value.
inline constexpr auto w = symbol<"w">;
inline constexpr auto once = symbol<"once", "one">;
inline constexpr auto fixed = cell(state(h), f = exp(-square(weight(w, frozen))), a = f * linear(x), n = 2 * linear(h),
                                   next(h) = tanh(dropout(a, 0.5) + n));
inline constexpr auto fixed_copy =
    cell(state(h), once = 1 * weight(w, frozen), n = once * linear(x, h), next(h) = tanh(n));

// Terms of eight sources each, of which no adjacent ones read the same: every source has a separate product.
inline constexpr auto b = symbol<"b">;
inline constexpr auto d = symbol<"d">;
inline constexpr auto two_terms = [] { return linear(a, c, f, g, h, i, m, b) + linear(n, o, r, s, t, y, z, d); };
inline constexpr auto eight_terms = [] { return two_terms() + two_terms() + two_terms() + two_terms(); };
inline constexpr auto value = [] { return tanh(linear(a)); };
inline constexpr auto many_products =
    cell(state(a, c, f, g, h, i, m, b), n = value(), o = value(), r = value(), s = value(), t = value(), y = value(),
         z = value(), d = value(), next(a) = eight_terms() + eight_terms() + eight_terms() + eight_terms(), next(c) = a,
         next(f) = c, next(g) = f, next(h) = g, next(i) = h, next(m) = i, next(b) = m);
}  // namespace written

namespace {

/// Results of the compiler, addressed by the names in the equations.
template <const auto& equations>
struct Plan {
  using D = detail::Derived<equations>;
  static constexpr const auto& program = D::program;
  static constexpr const auto& schedule = D::schedule;

  /// Index of an equation; of next(h) for "h" if h is a state.
  static constexpr int equation(std::string_view name) {
    for (int e = 0; e < program.equations; ++e)
      if (program.equation[e].name == name) return e;
    return -1;
  }
  static constexpr int stage(std::string_view name) { return schedule.stage[equation(name)]; }

  // Indices of operations: the value of an equation, its operands, a state before the step.
  static constexpr int root(std::string_view name) { return program.equation[equation(name)].root; }
  static constexpr int left(int o) { return program.operation[o].left; }
  static constexpr int right(int o) { return program.operation[o].right; }
  static constexpr int state(std::string_view name) {
    for (int s = 0; s < program.states; ++s)
      if (program.state[s].name == name) return s;
    return -1;
  }

  /// Whether the term at a position of the stack is this linear(...) of the equation, counted from 1.
  static constexpr bool slot(int place, std::string_view name, int ordinal = 1) {
    const detail::LinearTerm& term = program.term[schedule.term_at[place]];
    return term.equation == equation(name) && term.ordinal == ordinal;
  }
  static constexpr int term(std::string_view name, int ordinal = 1) {
    for (int t = 0; t < program.terms; ++t)
      if (program.term[t].equation == equation(name) && program.term[t].ordinal == ordinal) return t;
    return -1;
  }

  static constexpr bool source(int v, detail::Op op, int ready, int products) {
    const detail::Source& s = schedule.source[v];
    return program.operation[s.operation].op == op && s.ready == ready && s.products == products;
  }
  /// Whether source v is the value of the equation.
  static constexpr bool source(int v, std::string_view name, int ready, int products) {
    const detail::Source& s = schedule.source[v];
    return s.operation == root(name) && s.ready == ready && s.products == products;
  }
  /// Whether the k-th product of source v writes these slots, or adds to them.
  static constexpr bool product(int v, int k, int first_slot, int slots, bool adds) {
    const detail::Product& p = schedule.product[schedule.source[v].first_product + k];
    return p.source == v && p.first_slot == first_slot && p.slots == slots && p.adds == adds;
  }

  static constexpr bool kept(int o, detail::Storage storage, int at = 0) {
    return schedule.storage[o] == storage && schedule.stored_at[o] == at;
  }
  static constexpr bool in_rows_of(int o, int term) { return kept(o, detail::Storage::term_rows, term); }
  static constexpr bool waits(int o) { return schedule.incoming[o] >= 0; }

  using Stream = detail::StreamPlan<D>;
  static constexpr bool carries(int o) { return Stream::carried_place(o) >= 0; }
};

}  // namespace

TEST_CASE("schedule: a GRU has one stage and stores r, z, n and U h") {
  using P = Plan<equations::gru>;
  STATIC_REQUIRE(P::program.operations == 14);  // h, x; 4 linear; 3 functions; r * Uh, +; h - n, z *, n +
  STATIC_REQUIRE(P::program.terms == 4);
  STATIC_REQUIRE(P::program.output_state == P::state("h"));
  STATIC_REQUIRE(P::schedule.stages == 1);

  // Order of terms: inputs only, both, states only.
  STATIC_REQUIRE(P::slot(0, "n", 1));
  STATIC_REQUIRE(P::slot(1, "r"));
  STATIC_REQUIRE(P::slot(2, "z"));
  STATIC_REQUIRE(P::slot(3, "n", 2));

  // x writes three terms in one product; h adds to two of them and writes the fourth.
  STATIC_REQUIRE(P::schedule.sources == 2);
  STATIC_REQUIRE(P::source(0, detail::Op::input, -1, 1));
  STATIC_REQUIRE(P::product(0, 0, 0, 3, false));
  STATIC_REQUIRE(P::source(1, detail::Op::state, 0, 2));
  STATIC_REQUIRE(P::product(1, 0, 1, 2, true));
  STATIC_REQUIRE(P::product(1, 1, 3, 1, false));

  // An activation overwrites its pre-activation. The gradient of r reads U h, which nothing overwrites.
  STATIC_REQUIRE(P::in_rows_of(P::root("r"), P::term("r")));
  STATIC_REQUIRE(P::in_rows_of(P::root("z"), P::term("z")));
  STATIC_REQUIRE(P::in_rows_of(P::root("n"), P::term("n", 1)));
  constexpr int gated = P::right(P::left(P::root("n")));  // r * linear(h)
  STATIC_REQUIRE(P::in_rows_of(P::right(gated), P::term("n", 2)));
  STATIC_REQUIRE(P::kept(gated, detail::Storage::none));
  STATIC_REQUIRE_FALSE(P::schedule.needed[gated]);
  constexpr int difference = P::right(P::right(P::root("h")));  // h - n, recomputed for the gradient of z
  STATIC_REQUIRE(P::kept(difference, detail::Storage::none));
  STATIC_REQUIRE(P::schedule.needed[difference]);
  STATIC_REQUIRE(P::kept(P::root("h"), detail::Storage::history, P::state("h")));
  STATIC_REQUIRE(P::schedule.extras == 0);
  STATIC_REQUIRE(P::schedule.incomings == 0);

  STATIC_REQUIRE(P::Stream::streamable);
  STATIC_REQUIRE(P::Stream::carried.count == 0);
}

TEST_CASE("schedule: an LSTM stores i, f, g and o and recomputes tanh of the cell state") {
  using P = Plan<equations::lstm>;
  STATIC_REQUIRE(P::program.operations == 16);  // h, c, x; 4 linear; 5 functions; f * c, i * g, +, o *
  STATIC_REQUIRE(P::program.states == 2);
  STATIC_REQUIRE(P::schedule.stages == 1);

  // Each source has one product for all gates.
  STATIC_REQUIRE(P::schedule.sources == 2);
  STATIC_REQUIRE(P::source(0, detail::Op::input, -1, 1));
  STATIC_REQUIRE(P::product(0, 0, 0, 4, false));
  STATIC_REQUIRE(P::source(1, detail::Op::state, 0, 1));
  STATIC_REQUIRE(P::product(1, 0, 0, 4, true));

  STATIC_REQUIRE(P::in_rows_of(P::root("i"), P::term("i")));
  STATIC_REQUIRE(P::in_rows_of(P::root("f"), P::term("f")));
  STATIC_REQUIRE(P::in_rows_of(P::root("g"), P::term("g")));
  STATIC_REQUIRE(P::in_rows_of(P::root("o"), P::term("o")));
  STATIC_REQUIRE(P::kept(P::root("c"), detail::Storage::history, P::state("c")));
  STATIC_REQUIRE(P::kept(P::root("h"), detail::Storage::history, P::state("h")));
  constexpr int squashed = P::right(P::root("h"));  // tanh(c')
  STATIC_REQUIRE(P::kept(squashed, detail::Storage::none));
  STATIC_REQUIRE(P::schedule.needed[squashed]);
  STATIC_REQUIRE(P::schedule.extras == 0);
  STATIC_REQUIRE(P::schedule.incomings == 0);

  STATIC_REQUIRE(P::Stream::streamable);
  STATIC_REQUIRE(P::Stream::carried.count == 0);
}

TEST_CASE("schedule: in a GRU with the reset gate before the product r * h ends the first stage") {
  using P = Plan<equations::gru_reset_before>;
  STATIC_REQUIRE(P::schedule.stages == 2);
  STATIC_REQUIRE((P::stage("r") == 0 && P::stage("z") == 0 && P::stage("s") == 0));
  STATIC_REQUIRE((P::stage("n") == 1 && P::stage("h") == 1));

  // x writes all terms, h adds to the gates, s adds to the candidate once it is computed.
  STATIC_REQUIRE(P::schedule.sources == 3);
  STATIC_REQUIRE((P::source(0, detail::Op::input, -1, 1) && P::product(0, 0, 0, 3, false)));
  STATIC_REQUIRE((P::source(1, detail::Op::state, 0, 1) && P::product(1, 0, 0, 2, true)));
  STATIC_REQUIRE((P::source(2, "s", 1, 1) && P::product(2, 0, 2, 1, true)));

  // A product reads s, so s has a separate matrix.
  STATIC_REQUIRE(P::schedule.extras == 1);
  STATIC_REQUIRE(P::kept(P::root("s"), detail::Storage::extra, 0));
  STATIC_REQUIRE(P::in_rows_of(P::root("z"), P::term("z")));

  // The second stage reads z element-wise and s by a product: their gradients are pending. It handles h itself.
  STATIC_REQUIRE(P::schedule.incomings == 2);
  STATIC_REQUIRE((P::waits(P::root("z")) && P::waits(P::root("s"))));
  STATIC_REQUIRE_FALSE(P::waits(P::state("h")));
  STATIC_REQUIRE(P::Stream::carried.count == 2);
  STATIC_REQUIRE((P::carries(P::root("z")) && P::carries(P::root("s"))));
}

TEST_CASE("schedule: the query of attention shares the products of its source") {
  using P = Plan<written::bahdanau>;
  STATIC_REQUIRE(P::program.column_operations == 1);
  STATIC_REQUIRE(P::program.column_operation[0].operation == P::root("ctx"));
  STATIC_REQUIRE(P::program.column_operation[0].term == P::term("ctx"));
  STATIC_REQUIRE(P::D::over_columns.get<0>().score == ScoreKind::additive);
  STATIC_REQUIRE(
      (P::program.term[P::term("ctx")].of_column && P::program.term[P::term("ctx")].copy == detail::Copy::none));

  // The query is ready before the step; ctx is ready after the first stage; the readout needs the new state.
  STATIC_REQUIRE(P::schedule.stages == 3);
  STATIC_REQUIRE(P::stage("ctx") == 0);
  STATIC_REQUIRE((P::stage("r") == 1 && P::stage("z") == 1 && P::stage("n") == 1 && P::stage("h") == 1));
  STATIC_REQUIRE(P::stage("readout") == 2);
  STATIC_REQUIRE_FALSE(P::D::has_pass(0, 0));  // stage 0 has only attention, no element-wise pass

  STATIC_REQUIRE((P::slot(0, "r") && P::slot(1, "z") && P::slot(2, "n", 1) && P::slot(3, "readout")));
  STATIC_REQUIRE((P::slot(4, "ctx") && P::slot(5, "n", 2)));
  STATIC_REQUIRE(P::schedule.sources == 4);
  STATIC_REQUIRE((P::source(0, detail::Op::input, -1, 1) && P::product(0, 0, 0, 4, false)));
  STATIC_REQUIRE(
      (P::source(1, detail::Op::state, 0, 2) && P::product(1, 0, 0, 2, true) && P::product(1, 1, 4, 2, false)));
  STATIC_REQUIRE((P::source(2, "ctx", 1, 1) && P::product(2, 0, 0, 4, true)));
  STATIC_REQUIRE((P::source(3, "h", 2, 1) && P::product(3, 0, 3, 1, true)));

  // The backward pass reads the query from the rows of its term; ctx has a separate matrix.
  STATIC_REQUIRE(P::in_rows_of(P::left(P::root("ctx")), P::term("ctx")));
  STATIC_REQUIRE(P::schedule.extras == 1);
  STATIC_REQUIRE(P::kept(P::root("ctx"), detail::Storage::extra, 0));
  STATIC_REQUIRE(P::in_rows_of(P::root("readout"), P::term("readout")));
  STATIC_REQUIRE(P::schedule.incomings == 2);
  STATIC_REQUIRE((P::waits(P::root("ctx")) && P::waits(P::root("h"))));
  STATIC_REQUIRE_FALSE(P::Stream::streamable);
}

TEST_CASE("schedule: a query without weights is a copy and no part of a product") {
  using P = Plan<written::dot_query>;
  STATIC_REQUIRE(P::program.term[P::term("ctx")].copy == detail::Copy::whole);
  STATIC_REQUIRE((P::slot(0, "h") && P::slot(1, "ctx")));
  STATIC_REQUIRE((P::source(1, detail::Op::state, 0, 1) && P::product(1, 0, 1, 1, false)));
  STATIC_REQUIRE(P::schedule.product[P::schedule.source[1].first_product].is_copy());
  STATIC_REQUIRE((P::source(2, "ctx", 1, 1) && P::product(2, 0, 0, 1, true)));
}

TEST_CASE("schedule: an odd cell has constants, three stages and functions without pre-activation") {
  using P = Plan<written::odd>;
  STATIC_REQUIRE(P::schedule.stages == 3);
  STATIC_REQUIRE((P::stage("a") == 0 && P::stage("s") == 1 && P::stage("t") == 1 && P::stage("c") == 1));
  STATIC_REQUIRE(P::stage("h") == 2);
  STATIC_REQUIRE(P::program.output_state == -1);
  STATIC_REQUIRE(P::program.output == P::root("t"));

  // linear(x, k) is computed before the first step, linear(h, k) in part, the others within the step.
  STATIC_REQUIRE((P::slot(0, "a", 1) && P::slot(1, "a", 2) && P::slot(2, "s") && P::slot(3, "h")));
  STATIC_REQUIRE(P::schedule.sources == 6);
  STATIC_REQUIRE((P::source(0, detail::Op::input, -1, 1) && P::product(0, 0, 0, 1, false)));
  STATIC_REQUIRE(
      (P::source(1, detail::Op::constant, -1, 2) && P::product(1, 0, 0, 1, true) && P::product(1, 1, 1, 1, false)));
  STATIC_REQUIRE((P::source(2, detail::Op::state, 0, 1) && P::product(2, 0, 1, 1, true)));   // h
  STATIC_REQUIRE((P::source(3, detail::Op::state, 0, 1) && P::product(3, 0, 2, 1, false)));  // c
  STATIC_REQUIRE((P::source(4, "a", 1, 1) && P::product(4, 0, 2, 1, true)));
  STATIC_REQUIRE((P::source(5, "t", 2, 1) && P::product(5, 0, 3, 1, false)));

  // Operands of a product of two values: a function overwrites its pre-activation, a linear term stays.
  STATIC_REQUIRE(P::in_rows_of(P::left(P::root("a")), P::term("a", 1)));
  STATIC_REQUIRE(P::in_rows_of(P::right(P::root("a")), P::term("a", 2)));
  STATIC_REQUIRE(P::in_rows_of(P::root("s"), P::term("s")));  // square(s) reads it

  // First the sources of products, then functions in order: tanh(s), square(s), log, square(a), pow.
  constexpr int log = P::right(P::right(P::root("c"))), power = P::left(P::left(P::root("h")));
  STATIC_REQUIRE(P::schedule.extras == 7);
  STATIC_REQUIRE(P::kept(P::root("a"), detail::Storage::extra, 0));
  STATIC_REQUIRE(P::kept(P::root("t"), detail::Storage::extra, 1));
  STATIC_REQUIRE(P::kept(P::left(P::root("t")), detail::Storage::extra, 2));
  STATIC_REQUIRE(P::kept(P::right(P::left(log)), detail::Storage::extra, 3));
  STATIC_REQUIRE(P::kept(log, detail::Storage::extra, 4));
  STATIC_REQUIRE(P::kept(P::right(P::left(power)), detail::Storage::extra, 5));
  STATIC_REQUIRE(P::kept(power, detail::Storage::extra, 6));

  // Sums that gradients read are recomputed: 2 + a, 2 + square(s), 1 + square(a).
  for (const int sum : {P::right(P::root("t")), P::left(log), P::left(power)}) {
    CHECK(P::kept(sum, detail::Storage::none));
    CHECK(P::schedule.needed[sum]);
  }
  STATIC_REQUIRE(P::kept(P::root("c"), detail::Storage::history, P::state("c")));

  // Later stages read a and next(c), and a product reads t. Only a product reads h; c is read only in its own stage.
  STATIC_REQUIRE(P::schedule.incomings == 3);
  STATIC_REQUIRE((P::waits(P::root("a")) && P::waits(P::root("t")) && P::waits(P::root("c"))));
  STATIC_REQUIRE_FALSE(P::waits(P::state("c")));
  STATIC_REQUIRE(P::schedule.last_reader[P::root("a")] == 2);

  // Streams do not support constants. a and the output are carried between passes.
  STATIC_REQUIRE_FALSE(P::Stream::streamable);
  STATIC_REQUIRE(P::Stream::carried.count == 2);
  STATIC_REQUIRE((P::carries(P::root("a")) && P::carries(P::root("t"))));
}

TEST_CASE("schedule: the gradient of a state that a stage after its own reads is pending") {
  using P = Plan<written::read_later>;
  STATIC_REQUIRE(P::program.operation[P::state("h")].op == detail::Op::state);
  STATIC_REQUIRE((P::stage("h") == 0 && P::stage("c") == 1));
  STATIC_REQUIRE((P::waits(P::state("h")) && P::waits(P::root("h"))));
  STATIC_REQUIRE_FALSE(P::waits(P::state("c")));
  STATIC_REQUIRE(P::schedule.incomings == 2);
}

TEST_CASE("schedule: an LRU computes its functions of weights before the steps") {
  using P = Plan<equations::lru>;
  // size and angle; cos(angle), sin(angle) and exp(gamma) of each state. exp(nu) is read by a function only.
  STATIC_REQUIRE(P::schedule.functions == 8);
  STATIC_REQUIRE(P::kept(P::root("size"), detail::Storage::function, 0));
  STATIC_REQUIRE(P::kept(P::root("angle"), detail::Storage::function, 1));
  STATIC_REQUIRE((P::schedule.of_weights[P::left(P::left(P::root("size")))] && P::schedule.extras == 0));
  STATIC_REQUIRE((P::stage("size") == 0 && P::stage("s_re") == 0));

  // A step of a stream reads size, and cos, sin and exp(gamma) of each state, but no weight.
  STATIC_REQUIRE(P::Stream::vectors(0, 0).count == 7);
  STATIC_REQUIRE(P::Stream::carried.count == 1);  // the output
}

TEST_CASE("schedule: nothing is stored for gradients of numbers, masks and weights that are not trained") {
  using P = Plan<written::fixed>;
  STATIC_REQUIRE((P::program.is_fixed(P::root("f")) && P::program.is_fixed(P::left(P::root("n")))));
  STATIC_REQUIRE_FALSE((P::program.is_fixed(P::root("a")) || P::program.is_fixed(P::root("h"))));
  STATIC_REQUIRE_FALSE(P::schedule.needed[P::right(P::root("a"))]);  // linear(x), for the gradient of f
  STATIC_REQUIRE_FALSE(P::schedule.needed[P::root("a")]);            // for that of the mask
  using Q = Plan<written::fixed_copy>;
  STATIC_REQUIRE(Q::program.is_fixed(Q::left(Q::root("n"))));
  STATIC_REQUIRE_FALSE(Q::schedule.needed[Q::right(Q::root("n"))]);
  STATIC_REQUIRE_FALSE(Q::waits(Q::root("once")));
}

TEST_CASE("schedule: a cell has room for the products of terms with many sources") {
  STATIC_REQUIRE(detail::Derived<written::many_products>::schedule.products >= 32 * 8);
}

}  // namespace test_schedule
