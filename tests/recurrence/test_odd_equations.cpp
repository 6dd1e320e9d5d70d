// Gradients of unusual equations, chosen to break their derivation.

#include <unroll/recurrence/equation_cell.hpp>

#include "cells/cell_run.hpp"
#include "support/catch.hpp"

namespace test_odd_equations {

using namespace unroll;
using cell_run::CellRun;

/// The square, which counts its evaluations.
struct Counted {
  static constexpr std::string_view name = "counted", latex = "counted";
  static constexpr bool by_output = false;
  static inline int values = 0, slopes = 0;
  template <class V>
  V value(V x) const {
    return ++values, x * x;
  }
  template <class V>
  V slope(V x) const {
    return ++slopes, x + x;
  }
};

// clang-format off: equations keep their lines
namespace odd {
using namespace unroll::symbols;
inline constexpr auto u = input<"u">;
inline constexpr auto k = constant<"k">;
inline constexpr auto p = symbol<"p">;
inline constexpr auto q = symbol<"q">;
inline constexpr auto b = symbol<"b">;

// All features at once: several inputs, constants, values read across stages, aliases, an output that is not a state.
inline constexpr auto everything = cell(
    state(h, c, m), a = linear(x, u, k, h), s = max(a * h, 0.3) / (2 + exp(a)), t = tanh(linear(s, u) + a * scalar(p)),
    next(h) = softplus(linear(k, c) - min(s, t* c)), n = relu(linear(t, s, next(h), no_bias) + s),
    next(c) = tanh(n - bias(b) * square(c)), next(m) = h, y = n * t + m * next(h) - h, output(y));

// Values read two stages later, element-wise and by a product.
inline constexpr auto across_two_stages = cell(state(h), a = tanh(linear(x, h)), s = tanh(linear(a)),
                                               t = tanh(linear(s, a)), next(h) = t * a + s * h + linear(a, h));

// Function whose derivative needs the argument: a recomputed sum, whose terms no value may overwrite.
inline constexpr auto argument_again = cell(state(h), next(h) = tanh(h * silu(0.5 * h + linear(x, h))));

// State after the step, read by linear and element-wise, in the same and in a later stage.
inline constexpr auto next_twice = cell(state(h, c), next(h) = tanh(linear(x, h, c)), a = next(h) * c,
                                        n = tanh(linear(next(h), h)) * next(h), next(c) = n + a * 0.5 + c * 0.25);

inline constexpr auto constant_first = cell(state(h), next(h) = tanh(linear(k, x, h)));
inline constexpr auto constant_between =
    cell(state(h), a = linear(k, x), s = linear(x, k), n = linear(u, k), next(h) = tanh(a * h + s - n * linear(h)));

inline constexpr auto weights_twice = cell(state(h, c), a = tanh(linear(x) + weight(p) * h + weight(p) * c * weight(p)),
                                           s = tanh(linear(a)) * weight(p) + scalar(q),
                                           next(h) = s * scalar(q) + bias(b), next(c) = a * scalar(q) - bias(b));

// Named weight, read in a later stage than that of its definition.
inline constexpr auto named_weight = cell(state(h), a = weight(p), b = scalar(q), s = tanh(linear(x, h)),
                                          next(h) = tanh(linear(s) * b) * a + 0.5 * h * b);

// Functions of weights alone: read in their own and in a later stage, by other functions, by a product and by a value
// of another size; an equation that renames one, and a weight that steps read, too.
inline constexpr auto one_row = symbol<"n", "one">;
inline constexpr auto weight_functions =
    cell(state(h, c), a = exp(0.3 * weight(p)), b = sigmoid(scalar(q)) * a, m = a, one_row = tanh(scalar(q)),
         s = tanh(linear(x, h) + m) * b * weight(p), t = square(weight(p)), next(h) = tanh(linear(s, t)) * a * one_row,
         next(c) = 0.5 * c * max(0, weight(p)) + b / (1 + square(bias(f))) - h);
inline constexpr auto output_of_weights =
    cell(state(h, c), next(h) = exp(-square(weight(p))), next(c) = 0.5 * c + linear(x), y = tanh(weight(p)) + scalar(q),
         output(y));
inline constexpr auto counted = cell(state(h), a = activation(Counted{})(weight(p)) * 2, next(h) = a * h + linear(x));

inline constexpr auto swap =
    cell(state(h, c, m), next(h) = c, next(c) = m, s = tanh(linear(x, h)), next(m) = tanh(linear(s)) + h);
inline constexpr auto aliases =
    cell(state(h, c), n = tanh(linear(x, h, c)), a = n, next(c) = a, s = next(c), next(h) = s, y = h, output(y));
inline constexpr auto output_is_old_state =
    cell(state(h), s = tanh(linear(x, h)), next(h) = tanh(linear(s)), y = h, output(y));
inline constexpr auto alias_of_next =
    cell(state(h, c), next(h) = tanh(linear(x, h)), a = next(h), next(c) = tanh(linear(a) + c));
inline constexpr auto shifts = cell(state(h, c, m), next(h) = tanh(linear(x, m)), next(c) = h, next(m) = c);

inline constexpr auto numbers_only = cell(state(h, c), next(h) = 1, next(c) = 0.5 * h + 2);
inline constexpr auto no_weights = cell(state(h), next(h) = 0.5 * tanh(h) + 0.25);
inline constexpr auto weight_alone = cell(state(h), next(h) = weight(p));
inline constexpr auto accumulates = cell(state(h), next(h) = h + linear(x, no_bias));

inline constexpr auto only_linear = cell(state(h), next(h) = linear(x, h));
inline constexpr auto linear_of_linear = cell(state(h), a = linear(x, h), s = linear(a), n = linear(s, a), next(h) = n);
inline constexpr auto linear_minus_linear =
    cell(state(h), next(h) = tanh(linear(x) - linear(h) - (linear(x) - linear(h))));

inline constexpr auto divisions =
    cell(state(h), a = linear(x, h), next(h) = tanh(a / 2 + 1 / (2 + square(a)) - h / (3 + exp(a) / 2)) / 0.5);
inline constexpr auto functions = cell(
    state(h), a = linear(x, h),
    next(h) = tanh(sqrt(1 + square(a)) - exp2(a - 1) - log(2 + square(h)) + abs(a) * softsign(h) - elu(a) +
                   leaky_relu(linear(x), 0.2) + hard_tanh(a) * hard_sigmoid(a) + gelu(a) * gelu_tanh(silu(linear(x)))));
inline constexpr auto nested_functions =
    cell(state(h), next(h) = tanh(log(1 + exp(sigmoid(linear(x, h))))) * sigmoid(clip(2 * tanh(linear(x)), 1.5)));
inline constexpr auto clips = cell(state(h), next(h) = clip(tanh(clip(linear(x, h), 0.7)) + clip(h, 0.4), 0.9));
inline constexpr auto extremes =
    cell(state(h), a = linear(x), next(h) = max(min(a, linear(h)), -0.5) + min(h, max(0.2, a)) - max(-a, h));
inline constexpr auto powers =
    cell(state(h), a = linear(x), s = 1.5 + tanh(linear(h)), n = pow(s, a),
         next(h) = tanh(n - pow(1 + square(h), s) / pow(s, 2) + pow(0.5, sigmoid(linear(s, a)))));
inline constexpr auto power_of_a_state =
    cell(state(h, c), next(c) = 1 + sigmoid(linear(x) + c), next(h) = tanh(pow(next(c), 0.5) - pow(next(c), next(c))));
inline constexpr auto negated = cell(state(h), a = -linear(x, h), next(h) = -(-tanh(-a) * -h) - -a * 0.1);

inline constexpr auto hp = symbol<"h", "projected">;
inline constexpr auto ap = symbol<"a", "projected">;
inline constexpr auto sq = symbol<"s", "third">;
inline constexpr auto three_sizes =
    cell(state(hp, c), sq = tanh(linear(x, hp)) * weight(p), ap = sigmoid(linear(sq, c)) * hp,
         next(c) = tanh(linear(ap, sq, c)) * scalar(q), next(hp) = linear(next(c), sq, no_bias) + ap * scalar(q),
         output(sq));

// Stages that no state depends on, with values that earlier stages and products read, too.
inline constexpr auto late_output =
    cell(state(h, c), a = tanh(linear(x, h)), s = sigmoid(linear(a, k)), next(h) = s * a + c, next(c) = 0.5 * a * h,
         n = linear(next(h), a, u) * s + next(c), t = tanh(linear(n, a, h)) * n + a,
         y = linear(t, no_bias) + s * next(h), output(y));
inline constexpr auto late_linear = cell(state(h, c), next(h) = 0.5 * h + linear(x), next(c) = next(h) - 0.25 * c,
                                         n = linear(next(h), next(c)), y = n, output(y));
// Late values that read a state before the step, or a weight.
inline constexpr auto late_state =
    cell(state(h), next(h) = 0.5 * h + linear(x), y = tanh(linear(next(h))) * h, output(y));
inline constexpr auto late_weight =
    cell(state(h), next(h) = 0.5 * h + linear(x), n = tanh(linear(next(h))) * weight(p), y = linear(n), output(y));

inline constexpr auto no_input = cell(state(h), next(h) = tanh(linear(h)));
inline constexpr auto only_constant = cell(state(h), next(h) = tanh(linear(k) + 0.5 * h));
}  // namespace odd
// clang-format on

namespace {

template <const auto& equations>
void check_gradients_of(const char* name) {
  using C = EquationCell<double, equations>;
  for (const Direction direction : {Direction::forward, Direction::backward})
    for (const Timeline& timeline : cell_run::timelines()) {
      CellRun<C> run(timeline, direction);
      const GradientReport report = run.check();
      INFO(name << ": " << report.text());
      CHECK(report.worst < 1e-6);
    }
}

}  // namespace

#define ODD(name) \
  TEST_CASE("odd equations: gradients of " #name) { check_gradients_of<odd::name>(#name); }

ODD(late_output)
ODD(late_linear)
ODD(late_state)
ODD(late_weight)
ODD(everything)
ODD(across_two_stages)
ODD(argument_again)
ODD(next_twice)
ODD(constant_first)
ODD(constant_between)
ODD(weights_twice)
ODD(named_weight)
ODD(weight_functions)
ODD(output_of_weights)
ODD(swap)
ODD(aliases)
ODD(output_is_old_state)
ODD(alias_of_next)
ODD(shifts)
ODD(numbers_only)
ODD(no_weights)
ODD(weight_alone)
ODD(accumulates)
ODD(only_linear)
ODD(linear_of_linear)
ODD(linear_minus_linear)
ODD(divisions)
ODD(functions)
ODD(nested_functions)
ODD(clips)
ODD(extremes)
ODD(powers)
ODD(power_of_a_state)
ODD(negated)
ODD(three_sizes)
ODD(no_input)
ODD(only_constant)

TEST_CASE("odd equations: stages that no state depends on run for many steps at once") {
  CHECK(EquationCell<double, odd::late_output>::finishes);
  CHECK(EquationCell<double, odd::late_linear>::finishes);
  CHECK(!EquationCell<double, odd::late_state>::finishes);
  CHECK(EquationCell<double, odd::late_weight>::finishes);  // the last linear
  CHECK(!EquationCell<double, odd::everything>::finishes);
  CHECK(!EquationCell<double, odd::next_twice>::finishes);
}

TEST_CASE("odd equations: functions of weights alone are computed once per pass") {
  CellRun<EquationCell<double, odd::counted>> run(Timeline::rectangular(3, 50), Direction::forward, 2);
  Counted::values = Counted::slopes = 0;
  run.forward();
  run.backward();
  CHECK(Counted::values == 1);
  CHECK(Counted::slopes == 1);
  CHECK(run.check().worst < 1e-6);
}

}  // namespace test_odd_equations
