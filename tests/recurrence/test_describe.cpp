// Descriptions of equations as text and LaTeX, operation counts, names of parameters.

#include <unroll/attention/luong.hpp>
#include <unroll/cells/gru.hpp>
#include <unroll/cells/lstm.hpp>
#include <unroll/cells/mgu.hpp>
#include <unroll/recurrence/describe.hpp>

#include "support/catch.hpp"

namespace test_describe {

using namespace unroll;

// clang-format off: equations keep their lines
namespace written {
using namespace unroll::symbols;
/// Function of a user.
template <Name of>
struct Own {
  static constexpr std::string_view name = of.view(), latex = name;
  static constexpr bool by_output = true;
  template <class V>
  V value(V x) const {
    return x;
  }
  template <class V>
  V slope(V) const {
    return V::constant(1);
  }
};
inline constexpr auto p = symbol<"p">;
inline constexpr auto c_x = symbol<"c_x">;
inline constexpr auto k = constant<"k">;
inline constexpr auto brackets =
    cell(state(h), a = linear(x, k), s = a - (h - 1) + -(a + h), c_x = a / (h * a) * clip(s, 0.5),
         next(h) = max(c_x, 0.25) - linear(x) * (2 - a) + weight(p) * h + min(s, sqrt(1 + square(a))));
inline constexpr auto of_all_kinds =
    cell(state(h), y = leaky_relu(linear(x), 0.2) + bias(p) + scalar(c_x) * h, next(h) = y - (h - 1), output(y));
inline constexpr auto s_sized = symbol<"s", "memory">;
inline constexpr auto r_sized = symbol<"r", "keys">;
inline constexpr auto z_sized = symbol<"z", "attention">;
inline constexpr auto named_sizes = cell(state(h), s_sized = linear(x), r_sized = linear(s_sized),
                                         z_sized = linear(r_sized), next(h) = tanh(linear(z_sized, h)));
}  // namespace written
// clang-format on

namespace {

const CellSizes sizes{.inputs = {3}, .units = 4};

/// Checks that each entry of the flat vector belongs to exactly one block.
void check_cover(const ParameterTable& table) {
  std::vector<int> owners(std::size_t(table.size()), 0);
  for (const ParameterBlock& block : table.blocks())
    for (Index c = 0; c < block.cols; ++c)
      for (Index r = 0; r < block.rows; ++r) ++owners[std::size_t(block.offset + c * block.stride + r)];
  CHECK(std::all_of(owners.begin(), owners.end(), [](int n) { return n == 1; }));
}

}  // namespace

TEST_CASE("describe: text of LSTM, GRU and MGU equals their equations") {
  CHECK(describe(Lstm<double>(sizes)) ==
        "i = sigmoid(W_i_x x + W_i_h h + b_i)\n"
        "f = sigmoid(W_f_x x + W_f_h h + b_f)\n"
        "g = tanh(W_g_x x + W_g_h h + b_g)\n"
        "o = sigmoid(W_o_x x + W_o_h h + b_o)\n"
        "c' = f * c + i * g\n"
        "h' = o * tanh(c')\n");
  CHECK(describe(Gru<double>(sizes)) ==
        "r = sigmoid(W_r_x x + W_r_h h + b_r)\n"
        "z = sigmoid(W_z_x x + W_z_h h + b_z)\n"
        "n = tanh(W_n_x x + b_n + r * (W_n2_h h + b_n2))\n"
        "h' = n + z * (h - n)\n");
  CHECK(describe(Mgu<double>(sizes)) ==
        "f = sigmoid(W_f_x x + W_f_h h + b_f)\n"
        "s = f * h\n"
        "n = tanh(W_n_x x + W_n_s s + b_n)\n"
        "h' = (1 - f) * h + f * n\n");
}

TEST_CASE("describe: text and LaTeX keep the meaning of brackets") {
  const EquationCell<double, written::brackets> cell({.inputs = {3}, .units = 4, .constants = {2}, .sizes = {}});
  CHECK(describe(cell) ==
        "a = W_a_x x + W_a_k k + b_a\n"
        "s = a - (h - 1) + -(a + h)\n"
        "c_x = a / (h * a) * clip(s, 0.5)\n"
        "h' = max(c_x, 0.25) - (W_h_x x + b_h) * (2 - a) + p * h + min(s, sqrt(1 + square(a)))\n");
  const std::string latex = describe(cell, Notation::latex);
  CHECK(latex.find("\\frac{a_{t}}{h_{t-1} \\odot a_{t}}") != std::string::npos);
  CHECK(latex.find("c_{x,t} &= ") != std::string::npos);
}

TEST_CASE("describe: source notation contains everything that distinguishes a cell") {
  CHECK(describe(PeepholeLstm<double>(sizes), Notation::source) ==
        "state(h, c)\n"
        "i = sigmoid(linear(x, h) + weight(p_i) * c)\n"
        "f = sigmoid(linear(x, h) + weight(p_f) * c)\n"
        "g = tanh(linear(x, h))\n"
        "next(c) = f * c + i * g\n"
        "o = sigmoid(linear(x, h) + weight(p_o) * next(c))\n"
        "next(h) = o * tanh(next(c))\n");
  const ProjectedLstm<double> projected({.inputs = {3}, .units = 4, .constants = {}, .sizes = {{"projected", 2}}});
  const std::string text = describe(projected, Notation::source);
  CHECK(text.starts_with("state(h[projected], c)\n"));
  CHECK(text.ends_with("m = o * tanh(next(c))\nnext(h) = linear(m, no_bias)\n"));
  CHECK(projected.parameters().equations() == text);
  const EquationCell<double, written::of_all_kinds> cell({.inputs = {3}, .units = 4});
  CHECK(describe(cell, Notation::source) ==
        "state(h)\n"
        "y = leaky_relu[0.2](linear(x)) + bias(p) + scalar(c_x) * h\n"
        "next(h) = y - (h - 1)\n"
        "output(y)\n");
  CHECK(describe(cell).starts_with("y = leaky_relu[0.2](W_y_x x + b_y) + p + c_x * h\n"));
  CHECK(describe(cell, Notation::latex).find("\\mathrm{lrelu}_{0.2}\\left(") != std::string::npos);
}

TEST_CASE("describe: a function of the user is marked when it has the name of a function or word of the library") {
  const auto name_of = [](auto function) {
    return detail::written(language::Function<decltype(function)>{}, false).function;
  };
  CHECK(name_of(written::Own<"gelu">()) == "gelu[own]");
  CHECK(name_of(written::Own<"tanh">()) == "tanh[own]");
  CHECK(name_of(written::Own<"max">()) == "max[own]");
  CHECK(name_of(written::Own<"linear">()) == "linear[own]");
  CHECK(name_of(written::Own<"softmax">()) == "softmax[own]");
  CHECK(name_of(written::Own<"swish">()) == "swish");
  CHECK(name_of(Gelu()) == "gelu");
  CHECK(detail::written(language::Maximum(), false).function == "max");
}

TEST_CASE("parameter table: equations belong to the blocks of their cell") {
  ParameterTable table;
  table.add("w", Role::input_weight, 1, 1);
  table.append(Gru<double>(sizes).parameters(), "0.forward.");
  table.append(Lstm<double>(sizes).parameters(), "1.");
  ParameterTable all;
  all.append(table, "encoder.");
  CHECK(all.equations("encoder.0.forward.") == describe(Gru<double>(sizes), Notation::source));
  CHECK(all.equations("encoder.1.") == describe(Lstm<double>(sizes), Notation::source));
  CHECK(all.equations("encoder.") == "");
  CHECK(all.equations() == "");
}

TEST_CASE("describe: LaTeX of MGU equals its equations") {
  CHECK(describe(Mgu<double>(sizes), Notation::latex) ==
        "\\begin{aligned}\n"
        "f_{t} &= \\sigma\\left(W_{f x} x_{t} + W_{f h} h_{t-1} + b_{f}\\right) \\\\\n"
        "s_{t} &= f_{t} \\odot h_{t-1} \\\\\n"
        "n_{t} &= \\tanh\\left(W_{n x} x_{t} + W_{n s} s_{t} + b_{n}\\right) \\\\\n"
        "h_{t} &= \\left(1 - f_{t}\\right) \\odot h_{t-1} + f_{t} \\odot n_{t}\n"
        "\\end{aligned}\n");
}

TEST_CASE("count: an LSTM has the parameters, products, functions and bytes of its equations") {
  const CellCounts counts = count(Lstm<float>(sizes));
  CHECK(counts.parameters == 4 * 4 * (3 + 4 + 1));
  CHECK(counts.product_flops == 2 * 4 * 4 * (3 + 4));
  CHECK(counts.transcendental == 5 * 4);
  CHECK(counts.operations == (5 + 4) * 4);  // five functions; f * c + i * g and o * tanh
  CHECK(counts.kept_bytes >= (4 + 2) * 4 * Index(sizeof(float)));
  CHECK(counts.kept_bytes <= (4 + 3) * 4 * Index(sizeof(float)));
}

TEST_CASE("cell parameters: are named after equations and sources and cover the vector once") {
  const Gru<double> gru(sizes);
  CHECK(gru.parameters().names() == "n.x, r.x, z.x, r.h, z.h, n2.h, n.b, r.b, z.b, n2.b");
  CHECK(gru.parameters().size() == 3 * 4 * 3 + 3 * 4 * 4 + 4 * 4);
  CHECK(gru.parameters().at("n2.h").role == Role::recurrent_weight);
  CHECK(gru.parameters().at("z.x").role == Role::input_weight);
  CHECK(gru.parameters().at("n.b").role == Role::bias);
  CHECK(gru.parameters().at("r.h").stride == 3 * 4);  // terms of the same source share one stacked matrix
  check_cover(gru.parameters());

  const PeepholeLstm<double> lstm(sizes);
  CHECK(lstm.parameters().at("p_o").role == Role::gain);
  for (const char* name :
       {"i.x", "f.x", "g.x", "o.x", "i.h", "f.h", "g.h", "o.h", "i.b", "f.b", "g.b", "o.b", "p_i", "p_f", "p_o"})
    CHECK(lstm.parameters().find(name) != nullptr);
  CHECK(lstm.parameters().blocks().size() == 15);
  check_cover(lstm.parameters());

  const ProjectedLstm<double> projected({.inputs = {3}, .units = 4, .constants = {}, .sizes = {{"projected", 2}}});
  CHECK(projected.parameters().at("h.m").rows == 2);
  CHECK(projected.parameters().at("h.m").cols == 4);
  CHECK(projected.parameters().find("h.b") == nullptr);
  check_cover(projected.parameters());
}

TEST_CASE("cell sizes: mismatches with the equations are refused") {
  const auto says_of = [](const CellSizes& wrong, const char* message) {
    CHECK_THROWS_MATCHES(Gru<double>(wrong), ShapeError, says(message));
  };
  says_of({.inputs = {}, .units = 4}, "CellSizes::inputs must have as many entries as inputs, 1, got 0");
  says_of({.inputs = {3, 2}, .units = 4}, "CellSizes::inputs must have as many entries as inputs, 1, got 2");
  says_of({.inputs = {3}, .units = 0}, "cell: units must be at least 1, got 0");
  says_of({.inputs = {-3}, .units = 4}, "cell: x must be at least 1, got -3");
  says_of({.inputs = {3}, .units = 4, .constants = {1}},
          "CellSizes::constants must have as many entries as constants, 0, got 1");
  says_of({.inputs = {3}, .units = 4, .constants = {}, .sizes = {{"projected", 2}}},
          "the equations do not use the size 'projected'");
  CHECK_THROWS_MATCHES(ProjectedLstm<double>(sizes), ShapeError,
                       says("the equations use the size 'projected', which is not given"));
  CHECK_THROWS_MATCHES((Gru<double, 8>(sizes)), ShapeError, says("units must be 8, got 4"));
  CHECK((Gru<double, 8>({.inputs = {3}})).units() == 8);
}

TEST_CASE("cell sizes: memory, keys and attention are ordinary names in cells without attention") {
  using Own = EquationCell<double, written::named_sizes>;
  const Own cell({.inputs = {3}, .units = 4, .constants = {}, .sizes = {{"memory", 5}, {"keys", 6}, {"attention", 7}}});
  CHECK(cell.parameters().at("s.x").rows == 5);
  CHECK(cell.parameters().at("r.s").rows == 6);
  CHECK(cell.parameters().at("z.r").rows == 7);
  CHECK_THROWS_MATCHES(Own({.inputs = {3}, .units = 4, .constants = {}, .sizes = {{"memory", 5}, {"keys", 6}}}),
                       ShapeError, says("the size 'attention', which is not given"));
  CHECK_THROWS_MATCHES(
      LuongGru<double>({.inputs = {3}, .units = 4, .constants = {}, .sizes = {{"memory", 5}}, .memory = 2}), ShapeError,
      says("CellSizes::memory is the size 'memory'; leave it out of CellSizes::sizes"));
}

}  // namespace test_describe
