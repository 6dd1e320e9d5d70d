#include <unroll/recurrence/describe.hpp>

#include "attention_run.hpp"

namespace test_odd_attention {

using namespace attention_run;

namespace {

namespace odd {
using namespace symbols;
constexpr auto q = symbol<"q">;
constexpr auto first = symbol<"first">;
constexpr auto second = symbol<"second">;
constexpr auto seen = symbol<"seen", "memory">;

/// `seen` attends to the memory and is also read element by element, as the next value of a state and as a later query;
/// two terms share a query.
constexpr auto elementwise =
    cell(state(h, seen), first = attend(additive, h), second = attend(dot, first), q = tanh(linear(x, second, seen)),
         next(seen) = 0.5 * first * second + seen / 4, next(h) = h / 2 + q);
constexpr auto only_another_name =
    cell(state(seen, h), next(h) = tanh(linear(x, h)), first = attend(general, next(h)), next(seen) = first);
/// Queries: an input, an intermediate value that another equation also reads, and the result of a product.
constexpr auto queries = cell(state(h), q = tanh(linear(x, h)), first = attend(additive_biased, x),
                              second = attend(scaled_dot, q), next(h) = q * tanh(linear(first, second, q)));
}  // namespace odd

template <const auto& equations>
void check(Index units) {
  using C = EquationCell<double, equations>;
  for (const auto& setting : std::vector<Setting>{
           {.lengths = {3, 1, 4, 0, 2}, .memory_lengths = {2, 5, 1, 3, 0}},
           {.lengths = {2, 3}, .memory_lengths = {2, 3}, .causal = true, .keeping = {Keep::checkpoints, 1}}}) {
    AttentionRun<C> run({.inputs = {2}, .units = units, .memory = 4}, setting);
    const auto report = run.check();
    INFO(describe(run.cell) << setting.lengths.size() << " samples: " << report.text());
    CHECK(report.worst < 2e-6);
  }
}

}  // namespace

TEST_CASE("attention: gradients are correct for all kinds of queries and reads of the context") {
  check<odd::elementwise>(3);
  check<odd::only_another_name>(3);
  check<odd::queries>(4);
}

}  // namespace test_odd_attention
