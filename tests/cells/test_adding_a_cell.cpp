// Examples of docs/adding-a-cell.md: an own activation, several inputs, a constant and a named size.

#include <unroll/cells/mgu.hpp>

#include "cells/cell_run.hpp"
#include "support/catch.hpp"

namespace test_adding_a_cell {

using namespace unroll;

namespace page {
using namespace unroll::symbols;

struct Swish {
  static constexpr std::string_view name = "swish", latex = "\\mathrm{swish}";
  static constexpr bool by_output = false;
  template <class V>
  V value(V v) const {
    return v * Sigmoid{}.value(v);
  }
  template <class V>
  V slope(V v) const {
    const V s = Sigmoid{}.value(v);
    return s + v * s * (V::constant(1) - s);
  }
};
inline constexpr auto swish_network = cell(state(h), next(h) = activation(Swish{})(linear(x, h)));

inline constexpr auto u = input<"u">;
inline constexpr auto k = constant<"k">;
inline constexpr auto s = symbol<"s", "context">;
// clang-format off: equations keep their lines
inline constexpr auto conditioned =
    cell(state(h, s), next(s) = 0.05 * linear(x, no_bias) + 0.95 * s, next(h) = tanh(linear(x, u, k, h, next(s))));
// clang-format on
}  // namespace page

TEST_CASE("adding-a-cell page: gradients of its cells are correct") {
  for (const Timeline& timeline : cell_run::timelines()) {
    cell_run::CellRun<EquationCell<double, page::swish_network>> swish(timeline);
    CHECK(swish.check().worst < 1e-6);
    cell_run::CellRun<EquationCell<double, page::conditioned>> conditioned(timeline);
    CHECK(conditioned.check().worst < 1e-6);
  }
}

TEST_CASE("adding-a-cell page: parameters have the documented names and sizes") {
  const EquationCell<float, page::conditioned> cell(
      {.inputs = {8, 3}, .units = 64, .constants = {5}, .sizes = {{"context", 16}}});
  CHECK(cell.parameters().at("h.s_next").cols == 16);
  CHECK(cell.parameters().at("h.k").cols == 5);
  CHECK(cell.parameters().at("s.x").cols == 8);
  const Mgu<float> mgu({.inputs = {8}, .units = 4});
  for (const char* name : {"n.x", "n.s", "n.b"}) CHECK(mgu.parameters().find(name) != nullptr);
}

}  // namespace test_adding_a_cell
