// Words of equations beyond sums, products and activations: elementary functions, copies of values of another size,
// heads, matrices, repeated equations, operations on all rows, and random masks.

#include <unroll/recurrence/describe.hpp>
#include <unroll/threads/thread_pool.hpp>
#include <unroll/unroll.hpp>

#include "cells/every_cell.hpp"

namespace test_words {

namespace equations {
using namespace unroll;
using namespace symbols;

inline constexpr auto u = symbol<"u", "2 units">;
inline constexpr auto w = symbol<"w", "2 units">;
inline constexpr auto p = symbol<"p">;
inline constexpr auto q = symbol<"q">;
inline constexpr auto one = symbol<"one", "one">;
inline constexpr auto top = symbol<"top", "one">;
inline constexpr auto total = symbol<"total", "one">;
inline constexpr auto gap = input<"gap", "one">;
inline constexpr auto same = input<"same", "units">;
inline constexpr auto given = constant<"given", "units">;
inline constexpr auto C = symbol<"C", "units*keys">;
inline constexpr auto R = symbol<"R", "units*keys">;
inline constexpr auto k = symbol<"k", "keys">;
inline constexpr auto column = symbol<"column", "keys">;
inline constexpr auto wide = symbol<"wide", "2 context">;
inline constexpr auto wider = input<"wider", "3 context">;
inline constexpr auto table = input<"table">;
inline constexpr auto low = symbol<"low", "3">;
inline constexpr auto normed = symbol<"normed", "4 heads">;
inline constexpr auto scaled = symbol<"scaled", "4 heads">;
inline constexpr auto shares = symbol<"shares", "4 heads">;
inline constexpr auto wrong = symbol<"wrong", "2units">;
inline constexpr auto wrong_matrix = symbol<"wrong_matrix", "units * keys">;
template <int n>
inline constexpr auto v = symbol<numbered<"v", n>>;

// clang-format off
inline constexpr auto functions = cell(state(h),
    p = linear(x, h),
    q = linear(x, h),
    r = sin(p) + cos(q) * expm1(0.1 * p) + log1p(square(q)) - softcap(p, 0.7),
    s = fract(0.3 * p) + 0.1 * floor(q) + 0.1 * sign(p) + mod(q, 2 + square(p)),
    next(h) = tanh(0.3 * r + 0.2 * s * h));

inline constexpr auto sizes = cell(state(h, total),
    u = layer_norm(linear(x, h)),
    low = linear(h, no_bias),
    w = linear(u, heads<2>) + linear(x) + linear(low, no_bias),
    one = sigmoid(linear(u)),
    next(total) = tanh(one + linear(x, total)),
    p = softmax(h),
    next(h) = tanh(part<1>(w) + part<0>(u) * one) + 0.5 * p * next(total));

inline constexpr auto reductions = cell(state(h),
    p = tanh(linear(x, h)),
    one = mean(p),
    top = max_of(p),
    total = sum(p),
    w = rms_norm(linear(x, p, no_bias), 1e-3, heads<2>),
    next(h) = 0.3 * (one * p + top - total * part<0>(w)) + part<1>(w) * h);

inline constexpr auto grouped = cell(state(h, m),
    normed = layer_norm(linear(x, h), heads_of<"heads">),
    scaled = rms_norm(normed, 1e-3, heads_of<"heads">),
    shares = softmax(linear(h, scaled), heads_of<"heads">),
    next(m) = tanh(linear(shares)),
    next(h) = tanh(linear(scaled, shares) + m));
inline constexpr auto of_two_heads = cell(state(h),
    p = layer_norm(linear(x, h), heads<2>),
    next(h) = tanh(p));
inline constexpr auto of_given_heads = cell(state(h),
    p = layer_norm(linear(x, h), heads_of<"heads">),
    next(h) = tanh(p));

inline constexpr auto matrix = cell(state(C, h),
    k = tanh(linear(x)),
    q = sigmoid(linear(x, h)),
    one = sigmoid(linear(x)),
    next(C) = one * C + 0.5 * outer(q, k),
    R = next(C) * by_column(k),
    r = row_sums(R),
    column = column_sums(R),
    next(h) = tanh(r + linear(column) + linear(x)),
    output(next(h)));

inline constexpr auto inner_steps = cell(state(h),
    p = linear(x),
    v<0> = 1 * h,
    repeat<3>([]<int n> { return group(v<n + 1> = v<n> + 0.2 * tanh(p + linear(v<n>))); }),
    next(h) = 1 * v<3>);

inline constexpr auto copies = cell(state(h),
    p = gap * tanh(linear(x, h)) + given * same,
    next(h) = tanh(p + gap + linear(same)) * given);

inline constexpr auto products = cell(state(h),  // sizes of which only multiples and products are used
    wide = tanh(linear(x, wider)),
    R = by_row(h) * by_column(table),
    r = row_sums(R),
    next(h) = tanh(linear(wide, wider) + r));

inline constexpr auto column_of_rows = cell(state(h), R = by_row(h) * by_column(table), r = column_sums(R),
    next(h) = tanh(linear(x) + r));
inline constexpr auto misspelt_multiple = cell(state(h), wrong = linear(x, h), next(h) = tanh(linear(wrong)));
inline constexpr auto misspelt_product = cell(state(h),
    wrong_matrix = linear(x, h),
    next(h) = tanh(linear(wrong_matrix)));

inline constexpr auto masks = cell(state(h, c),
    p = dropout(h, 0.4, once_per_sequence),
    q = dropout(tanh(linear(x, p)), 0.25),
    r = sigmoid(linear(x, p)),
    next(c) = zoneout(r * c + q, c, 0.3),
    next(h) = zoneout(r * tanh(next(c)), h, 0.2));
// clang-format on
}  // namespace equations

namespace {

using namespace cell_run;

template <const auto& source>
struct Named : EquationCell<double, source> {
  using EquationCell<double, source>::EquationCell;
  static constexpr std::string_view name = "cell of the test";
};

template <class C>
void is_right() {
  gradients_are_right<C>();
  values_are_those_of_the_equations<C>();
  batch_mates_change_nothing<C>();
  runs_repeat_bit_for_bit<C>();
  windows_equal_the_whole<C>();
  biases_can_be_left_out<C>();
  nothing_comes_of_nothing<C>();
}

template <class S>
using Masked = EquationCell<S, equations::masks>;

/// Mean over many seeds of the output after one step.
template <class Model>
VectorX<double> mean_output(Model& model, const MatrixX<double>& x, const Timeline& timeline, int seeds) {
  typename Model::Tape tape;
  VectorX<double> mean = VectorX<double>::Zero(model.outputs());
  for (int seed = 0; seed < seeds; ++seed) {
    const MatrixX<double> y = model.forward(x, timeline, tape, {.training = true, .seed = std::uint64_t(seed)});
    mean += y.rowwise().mean() / seeds;
  }
  return mean;
}

inline constexpr auto dropped_input = [] {
  using namespace symbols;
  return unroll::cell(state(h), y = dropout(linear(x, no_bias), 0.3), next(h) = zoneout(y, h, 0.4));
}();
template <class S>
using Dropped = EquationCell<S, dropped_input>;

// Without a recurrence, so that only masks distinguish the steps.
inline constexpr auto dropped_once = [] {
  using namespace symbols;
  return unroll::cell(state(h), next(h) = dropout(tanh(linear(x)), 0.5, once_per_sequence));
}();
inline constexpr auto dropped_often = [] {
  using namespace symbols;
  return unroll::cell(state(h), next(h) = dropout(tanh(linear(x)), 0.5));
}();
template <class S>
using DroppedOnce = EquationCell<S, dropped_once>;
template <class S>
using DroppedOften = EquationCell<S, dropped_often>;

inline constexpr auto without_parameters = [] {
  using namespace symbols;
  return unroll::cell(state(h), next(h) = 0.5 * h + tanh(x));
}();

}  // namespace

TEST_CASE("words: elementary functions have right values and gradients") { is_right<Named<equations::functions>>(); }

TEST_CASE("words: values of one row, parts and heads have right values and gradients") {
  is_right<Named<equations::sizes>>();
}

TEST_CASE("words: operations on all rows have right values and gradients") { is_right<Named<equations::reductions>>(); }

TEST_CASE("words: operations on the rows of each head read the number of heads from a size") {
  is_right<Named<equations::grouped>>();
  CellRun<Named<equations::of_two_heads>> fixed({.inputs = {3}, .units = 6}, timelines().back());
  CellRun<Named<equations::of_given_heads>> given({.inputs = {3}, .units = 6, .sizes = {{"heads", 2}}},
                                                  timelines().back());
  CHECK(same_bits(fixed.forward(), given.forward()));
  CHECK(describe(given.cell).find("p = layer_norm[1e-05, heads_of heads](W_p_x x + W_p_h h + b_p)") !=
        std::string::npos);
  CHECK_THROWS_MATCHES(Named<equations::of_given_heads>({.inputs = {3}, .units = 6, .sizes = {{"heads", 4}}}),
                       ShapeError, says("cell: 'p' must have a multiple of 4 rows, one part for each head, got 6"));
}

TEST_CASE("words: matrix states have right values and gradients") { is_right<Named<equations::matrix>>(); }

TEST_CASE("words: repeated equations have right values and gradients") { is_right<Named<equations::inner_steps>>(); }

TEST_CASE("words: inputs and constants are read element by element") {
  using C = Named<equations::copies>;
  const CellSizes sizes{.inputs = {1, 3, 5}, .units = 5, .constants = {5}};
  for (const Timeline& timeline : timelines()) {
    CellRun<C> run(sizes, timeline);
    const GradientReport report = run.check();
    INFO(report.text());
    CHECK(report.worst < 1e-6);
    CHECK((run.forward() - Reference<C>(run)().output).norm() < 1e-12);
  }
}

TEST_CASE("words: masks have their expected values in evaluation, and right gradients in both") {
  is_right<Named<equations::masks>>();
  auto model = sequential<double>(3, Recurrent<Masked>{.units = 5}, Bidirectional<Masked>{.units = 4});
  model.initialise(3);
  const Timeline timeline = Timeline::from_lengths({5, 3, 0, 1});
  const MatrixX<double> x = noise(3, timeline.columns(), 1), weight = noise(model.outputs(), timeline.columns(), 2);
  const auto loss = [&](const auto& output, MatrixX<double>& d_output) {
    d_output = weight;
    return output.cwiseProduct(weight).sum();
  };
  const GradientReport report = check_gradients(model, x, timeline, loss, {.training = true, .seed = 4});
  INFO(report.text());
  CHECK(report.worst < 1e-5);
}

TEST_CASE("words: masks depend on seed, update and sample, not on checkpoints, threads or the batch") {
  auto model = sequential<double>(3, Recurrent<Masked>{.units = 5}, Bidirectional<Masked>{.units = 4});
  model.initialise(3);
  const Timeline timeline = Timeline::rectangular(4, 900);  // several intervals between checkpoints
  const MatrixX<double> x = noise(3, timeline.columns(), 1);
  decltype(model)::Tape tape;
  const auto run = [&](const Pass& pass) { return MatrixX<double>(model.forward(x, timeline, tape, pass)); };
  const auto gradient = [&](const Pass& pass) {
    const MatrixX<double> y = run(pass);
    auto sum = model.parameters().zeros_like();
    model.backward(tape, y, sum);
    return sum.values();
  };
  const Pass usual{.training = true, .seed = 7};
  const MatrixX<double> y = run(usual);
  CHECK(same_bits(y, run(usual)));
  CHECK(same_bits(y, run({.training = true, .seed = 7, .keeping = {Keep::checkpoints, 1}})));
  CHECK(same_bits(gradient(usual), gradient({.training = true, .seed = 7, .keeping = {Keep::checkpoints, 1}})));
  ThreadPool threads(2);
  CHECK(same_bits(y, run({.training = true, .seed = 7, .threads = &threads})));
  CHECK((y - run({.training = true, .seed = 8})).norm() > 0.1);
  CHECK((y - run({.training = true, .seed = 7, .update = 1})).norm() > 0.1);
  CHECK((y - run({})).norm() > 0.1);
  // The samples of a batch have different masks: equal inputs give different outputs.
  const MatrixX<double> equal = x.col(0).replicate(1, timeline.columns());
  const MatrixX<double> of_equal = model.forward(equal, timeline, tape, usual);
  CHECK((of_equal.col(0) - of_equal.col(1)).norm() > 1e-3);
  const MatrixX<double> evaluated = model.forward(equal, timeline, tape);
  CHECK(same_bits(evaluated.col(0), evaluated.col(1)));
}

TEST_CASE("words: a mask per sequence is the same at all steps, others differ by step and direction") {
  const Timeline timeline = Timeline::rectangular(2, 4);
  const MatrixX<double> x = noise(3, 1, 5).replicate(1, timeline.columns());
  const auto run = [&](auto layer) {
    auto model = sequential<double>(3, layer);
    model.initialise(2);
    typename decltype(model)::Tape tape;
    return MatrixX<double>(model.forward(x, timeline, tape, {.training = true, .seed = 3}));
  };
  const MatrixX<double> kept = run(Recurrent<DroppedOnce>{.units = 20});
  const MatrixX<double> drawn = run(Recurrent<DroppedOften>{.units = 20});
  const MatrixX<double> back = run(Recurrent<DroppedOften>{.units = 20, .direction = Direction::backward});
  for (Index step = 1; step < 4; ++step) {
    CHECK(same_bits(kept.col(2 * step), kept.col(0)));
    CHECK_FALSE(same_bits(drawn.col(2 * step), drawn.col(0)));
  }
  CHECK_FALSE(same_bits(kept.col(1), kept.col(0)));  // of another sample
  CHECK_FALSE(same_bits(drawn, back));               // the same weights and inputs
}

TEST_CASE("words: a cell without parameters runs") {
  Named<without_parameters> cell({.inputs = {2}, .units = 2});
  REQUIRE(cell.parameters().size() == 0);
  CellRun<Named<without_parameters>> run({.inputs = {2}, .units = 2}, Timeline::from_lengths({3, 1}));
  CHECK((run.forward() - Reference<Named<without_parameters>>(run)().output).norm() < 1e-12);
  CHECK(run.check().worst < 1e-6);
}

TEST_CASE("words: the mean over masks is the value in evaluation") {
  auto model = sequential<double>(3, Recurrent<Dropped>{.units = 6});
  model.initialise(2);
  const Timeline timeline = Timeline::rectangular(8, 3);
  const MatrixX<double> x = noise(3, 1, 5).replicate(1, timeline.columns());
  decltype(model)::Tape tape;
  const VectorX<double> expected = model.forward(x, timeline, tape).rowwise().mean();
  const VectorX<double> mean = mean_output(model, x, timeline, 2000);
  CHECK((mean - expected).norm() < 0.02 * expected.norm());
}

TEST_CASE("words: sizes that do not match are refused") {
  using namespace unroll;
  using Sizes = Named<equations::sizes>;
  using Matrix = Named<equations::matrix>;
  using Copies = Named<equations::copies>;
  CHECK_THROWS_MATCHES(Copies({.inputs = {2, 3, 5}, .units = 5, .constants = {5}}), ShapeError,
                       says("gap must have 1 row, those of the size 'one', got 2"));
  CHECK_THROWS_MATCHES(Copies({.inputs = {1, 3, 4}, .units = 5, .constants = {5}}), ShapeError,
                       says("same must have 5 rows, those of the size 'units', got 4"));
  CHECK_THROWS_MATCHES(Sizes({.inputs = {3}, .units = 4, .sizes = {{"2 units", 8}}}), ShapeError,
                       says("the size '2 units' follows from others; leave it out"));
  CHECK_THROWS_MATCHES(Matrix({.inputs = {3}, .units = 4}), ShapeError, says("the size 'keys', which is not given"));
  CHECK_THROWS_MATCHES(Matrix({.inputs = {3}, .units = 4, .sizes = {{"keys", Index(1) << 39}}}), ShapeError,
                       says("units*keys must be below 2^40"));
  CHECK_THROWS_MATCHES(Named<equations::column_of_rows>({.inputs = {4, 3}, .units = 5, .sizes = {{"keys", 4}}}),
                       ShapeError, says("'r' must have 4 rows, one for each column of the matrix that it sums, got 5"));
  CHECK_NOTHROW(Named<equations::column_of_rows>({.inputs = {4, 3}, .units = 4, .sizes = {{"keys", 4}}}));
}

TEST_CASE("words: sizes of which only multiples and products are used are given by name") {
  using namespace unroll;
  using C = Named<equations::products>;
  const CellSizes sizes{.inputs = {3, 6, 4}, .units = 5, .sizes = {{"context", 2}, {"keys", 4}}};
  CellRun<C> run(sizes, timelines()[1]);
  const GradientReport report = run.check();
  INFO(report.text());
  CHECK(report.worst < 1e-6);
  CHECK((run.forward() - Reference<C>(run)().output).norm() < 1e-12);
  CHECK_THROWS_MATCHES(C({.inputs = {3, 4, 4}, .units = 5, .sizes = {{"context", 2}, {"keys", 4}}}), ShapeError,
                       says("wider must have 6 rows, those of the size '3 context', got 4"));
  CHECK_THROWS_MATCHES(C({.inputs = {3, 6, 4}, .units = 5, .sizes = {{"keys", 4}}}), ShapeError,
                       says("the size 'context', which is not given; add it"));
  CHECK_THROWS_MATCHES(Named<equations::misspelt_multiple>({.inputs = {3}, .units = 4}), ShapeError,
                       says("'2units' must be a name, a number up to 9999, or such a number, a space and a name"));
  CHECK_THROWS_MATCHES(Named<equations::misspelt_product>({.inputs = {3}, .units = 4}), ShapeError,
                       says("the size 'units ' must be a name without spaces at its ends"));
}

TEST_CASE("words: heads of a normalisation are given with or without its epsilon") {
  using namespace unroll;
  using namespace unroll::symbols;
  CHECK(layer_norm(h, heads<2>).word.heads == 2);
  CHECK(layer_norm(h, heads<2>).word.epsilon == 1e-5);
  CHECK(rms_norm(h, heads<2>).word.heads == 2);
  CHECK(rms_norm(h, heads<2>).word.epsilon == 1e-6);
}

TEST_CASE("words: a rotation is the product of complex numbers") {
  using namespace unroll;
  using namespace unroll::symbols;
  constexpr auto turned = rotate(h, c, r);
  constexpr auto parts = rotate(part<0>(a), part<1>(a), r);
  STATIC_REQUIRE(std::is_same_v<decltype(turned.re), std::remove_const_t<decltype(cos(r) * h - sin(r) * c)>>);
  STATIC_REQUIRE(std::is_same_v<decltype(turned.im), std::remove_const_t<decltype(cos(r) * c + sin(r) * h)>>);
  STATIC_REQUIRE(std::is_same_v<decltype(parts.re), decltype(cos(r) * part<0>(a) - sin(r) * part<1>(a))>);
}

TEST_CASE("words: equations are printed as they are written") {
  const Named<equations::sizes> cell({.inputs = {3}, .units = 4});
  CHECK(describe(cell, Notation::source) ==
        "state(h, total[one])\n"
        "u[2 units] = layer_norm[1e-05](linear(x, h))\n"
        "low[3] = linear(h, no_bias)\n"
        "w[2 units] = linear(u, heads[2]) + linear(x) + linear(low, no_bias)\n"
        "one[one] = sigmoid(linear(u))\n"
        "next(total) = tanh(one + linear(x, total))\n"
        "p = softmax(h)\n"
        "next(h) = tanh(part[1](w) + part[0](u) * one) + 0.5 * p * next(total)\n");
  const Named<equations::column_of_rows> sums({.inputs = {4, 3}, .units = 4, .sizes = {{"keys", 4}}});
  CHECK(describe(sums, Notation::source).find("\nr = column_sums(R)\n") != std::string::npos);
  CHECK(describe(sums, Notation::latex).find("\\mathrm{columns}\\left(R_{t}\\right)") != std::string::npos);
  CHECK(cell.parameters().at("low.h").rows == 3);
  CHECK(cell.parameters().at("w3.low").cols == 3);
  const Named<equations::masks> masks({.inputs = {3}, .units = 4});
  CHECK(describe(masks).starts_with("p = h * mask[0.4, sequence]\nq = tanh(W_q_x x + W_q_p p + b_q) * mask[0.25]\n"));
  CHECK(describe(masks, Notation::source)
            .ends_with("next(c) = zoneout[0.3](r * c + q, c)\nnext(h) = zoneout[0.2](r * tanh(next(c)), h)\n"));
}

}  // namespace test_words
