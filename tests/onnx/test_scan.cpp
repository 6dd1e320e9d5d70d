// Cells that are written as the operator Scan: an evaluation of the file by ONNX's definitions has the library's
// outputs.

#include <cstring>
#include <unroll/io/onnx/write_onnx.hpp>
#include <unroll/layers/graph.hpp>
#include <unroll/models/stack.hpp>

#include "evaluate.hpp"
#include "own_cells.hpp"
#include "support/catch.hpp"

namespace test_scan {

using namespace onnx_models;

namespace {

constexpr Index steps = 5, batch = 3;

using Functions = EquationsOf<own_cells::functions>;
using Numbers = EquationsOf<own_cells::numbers>;
using Words = EquationsOf<own_cells::words>;
using Rows = EquationsOf<own_cells::rows>;
using Options = EquationsOf<own_cells::options>;
const std::vector<std::pair<std::string, Index>> keyed{{"heads", 2}, {"keys", 3}};
const std::vector<std::pair<std::string, Index>> wide{{"wide", 5}};

/// Columns of (step, sequence) as an array (steps, batch, rows); (groups, batch, rows) of states.
Array array_of(const MatrixX<float>& columns) {
  return {{columns.cols() / batch, batch, columns.rows()}, {columns.data(), columns.data() + columns.size()}};
}

/// Checks the written file, with initial states as inputs, and with lengths unless all are equal; `states` has the
/// names of the states.
void check(const Layers& layers, const std::vector<std::string>& states, const std::vector<Index>& lengths) {
  const Named named{"", layers};
  const Stack<float> model = model_of(named);
  const bool ragged = std::ranges::any_of(lengths, [](Index length) { return length != steps; });
  const OnnxFile file = parse_onnx(onnx_bytes(model, {}, {.lengths = ragged, .states = true}));
  const Timeline timeline = Timeline::from_lengths(lengths);
  const MatrixX<float> x = input_of(named, steps, batch);
  ModelState<float> first(1);
  Arrays values{{"x", array_of(x)}, {"lengths", {{batch}, {lengths.begin(), lengths.end()}}}};
  model.each_layer([&](const auto& layer, std::size_t) {
    for (const Index rows : layer.state_rows()) first[0].push_back(MatrixX<float>::Random(rows, batch));
  });
  for (std::size_t s = 0; s < states.size(); ++s) {
    Array& all = values["0." + states[s]] = array_of(first[0][s]);
    if (first[0].size() == states.size()) continue;
    const Array backward = array_of(first[0][s + states.size()]);
    all.shape[0] = 2;
    all.numbers.insert(all.numbers.end(), backward.numbers.begin(), backward.numbers.end());
  }
  GraphRun::run(file.model->graph(), values);

  Stack<float>::Tape tape;
  const MatrixX<float> y = model.forward(timeline.pack(x), timeline, tape, {}, first);
  const Array& theirs = values.at("y");
  const Index rows = y.rows();
  if (model.per_step()) {
    REQUIRE(theirs.shape == std::vector<Index>{steps, batch, rows});
    for (Index c = 0; c < timeline.columns(); ++c)
      for (Index r = 0; r < rows; ++r)
        CHECK(double(y(r, c)) ==
              Approx(theirs.numbers[std::size_t(timeline.padded_column(c) * rows + r)]).epsilon(2e-5).margin(1e-6));
  } else {
    const MatrixX<float> ordered = timeline.by_sample(y);
    REQUIRE(theirs.shape == std::vector<Index>{batch, rows});
    for (Index k = 0; k < y.size(); ++k)
      CHECK(double(ordered.data()[k]) == Approx(theirs.numbers[std::size_t(k)]).epsilon(2e-5).margin(1e-6));
  }
  const ModelState<float> last = model.final_state(tape);
  for (std::size_t s = 0; s < last[0].size(); ++s) {
    const Array& finals = values.at("0." + states[s % states.size()] + "_next");
    REQUIRE(finals.shape == std::vector<Index>{Index(last[0].size() / states.size()), batch, last[0][s].rows()});
    const Index size = last[0][s].size(), begin = Index(s / states.size()) * size;
    for (Index k = 0; k < size; ++k)
      CHECK(double(last[0][s].data()[k]) == Approx(finals.numbers[std::size_t(begin + k)]).epsilon(2e-5).margin(1e-6));
  }
}

std::string refusal(const std::function<void()>& f) {
  try {
    f();
  } catch (const ValueError& error) {
    return error.what();
  }
  return "nothing";
}

/// Nested lists: "(+ a (tanh b))".
std::string list_of(const detail::EquationPart& part) {
  using Kind = detail::EquationPart::Kind;
  if (part.kind == Kind::number) return text(part.numbers[0]);
  if (part.kind == Kind::value) return part.name;
  if (part.kind == Kind::weight) return part.name + "*";
  std::string to = "(" + part.name + (part.kind != Kind::linear ? "" : part.biased ? " W b" : " W");
  for (const double number : part.numbers) to += text(" ", number);
  for (const auto& operand : part.operands) to += " " + list_of(operand);
  return to + ")";
}

}  // namespace

TEST_CASE("onnx: a Scan has the outputs and states of its cell", "[onnx]") {
  check({Recurrent<Functions::Cell>{.units = 4, .direction = Direction::backward, .sizes = wide}}, {"h", "w"},
        {3, 5, 0});
  check({Recurrent<Functions::Cell>{.units = 4, .returns = Returns::last, .sizes = wide}}, {"h", "w"}, {5, 0, 2});
  check({Bidirectional<Functions::Cell>{.units = 4, .sizes = wide}}, {"h", "w"}, {3, 5, 1});
  check({Recurrent<Numbers::Cell>{.units = 4}}, {"h", "c", "m"}, {3, 5, 0});
  check({Recurrent<Numbers::Cell>{.units = 4}}, {"h", "c", "m"}, {5, 5, 5});
  check({Recurrent<Words::Cell>{.units = 4}}, {"h", "e"}, {3, 5, 0});
  check({Recurrent<Rows::Cell>{.units = 4, .sizes = keyed}}, {"h", "C", "past"}, {3, 5, 0});
  check({Bidirectional<Rows::Cell>{.units = 4, .sizes = keyed}}, {"h", "C", "past"}, {5, 5, 5});
  check({Recurrent<Options::Cell>{.units = 4}}, {"h", "c"}, {3, 5, 0});
  check({Bidirectional<Options::Cell>{.units = 4}}, {"h", "c"}, {3, 5, 1});
}

TEST_CASE("onnx: a Scan is written with the equations and parameters of its cell", "[onnx]") {
  const Stack<float> model(features, {Recurrent<Functions::Cell>{.units = 4, .sizes = wide}});
  const OnnxFile file = parse_onnx(onnx_bytes(model));
  const auto& nodes = file.model->graph().node();
  const auto scan = std::ranges::find(nodes, "Scan", &onnx::NodeProto::op_type);
  REQUIRE(scan != nodes.end());
  CHECK(scan->doc_string() == model.parameters().table().equations("0."));
  for (const ParameterBlock& block : model.parameters().table().blocks()) {
    INFO(block.name);
    const auto& tensors = file.model->graph().initializer();
    CHECK(std::ranges::find(tensors, block.name, &onnx::TensorProto::name) != tensors.end());
  }
}

TEST_CASE("onnx: equations are read as they are computed", "[onnx]") {
  const auto read = [](const std::string& right) {
    return list_of(detail::equations_of("state(h, c[wide])\nr = " + right + "\n").equations.at(0).value);
  };
  CHECK(read("a - b - (c - d)") == "(- (- a b) (- c d))");
  CHECK(read("-a * b + -0.5 * next(h)") == "(+ (- (* a b)) (* -0.5 next(h)))");
  CHECK(read("a / (b / c) * d") == "(* (/ a (/ b c)) d)");
  CHECK(read("elu[0.5](weight(p) - -1e-05)") == "(elu 0.5 (- p* -1e-05))");
  CHECK(read("clip(tanh[own](h), 0.5) + linear(x, next(h)) * linear(h, no_bias)") ==
        "(+ (hard_tanh -0.5 0.5 (tanh[own] h)) (* (r W b x next(h)) (r2 W h)))");
  CHECK(read("linear(x) + linear(h, drop_weights[0.5], no_bias) - linear(h, frozen[own_1])") ==
        "(- (+ (r W b x) (r2 W h)) (r3 W b h))");
  const auto option = [](const std::string& written) {
    const auto part = detail::equations_of("state(h)\nr = linear(h, " + written + ")\n").equations.at(0).value;
    return text(part.option, " ", part.named, part.numbers.empty() ? 0 : part.numbers[0], part.biased ? " b" : "");
  };
  CHECK(option("heads[2]") == "heads 2 b");
  CHECK(option("shared[A], no_bias") == "shared A0");
  CHECK(option("transposed[A]") == "transposed A0 b");
  CHECK(option("antisymmetric[0.01]") == "antisymmetric 0.01 b");
  CHECK(option("orthogonal[cayley], no_bias") == "orthogonal 0");
  CHECK(read("part[1](both) * layer_norm[1e-05, heads 2](h)") == "(* (part 1 both) (layer_norm 1e-05 h))");
  CHECK(detail::equations_of("state(h)\nr = softmax[heads_of heads](h)\n").equations.at(0).value.named == "heads");
  CHECK(detail::equations_of("state(C[units*keys], m[4 heads])\n").states.at(1).size == "4 heads");
  CHECK(refusal([&] { read("a + "); }) == "the equation 'r = a + ' must have a name before ''");
  CHECK(refusal([&] { read("my gate"); }) == "the equation 'r = my gate' must have the end before 'gate'");
  CHECK(refusal([&] { read("attend(dot, q)"); }).starts_with("attend reads a memory"));
}

TEST_CASE("onnx: cells that ONNX cannot express are refused by layer", "[onnx]") {
  const auto refused = [](const std::string& equations, const std::string& block, Role role,
                          const NamedRows& inputs = {}) {
    ParameterTable table;
    table.add("0." + block, role, 2, role == Role::bias ? 1 : 2);
    static std::string written;
    written = equations;
    ParameterTable cell;
    cell.set_equations([] { return written; });
    table.append(cell, "0.");
    const Parameters<float> parameters(table);
    detail::OnnxWriter writer(parameters, {.states = true});
    LayerOptions options{LayerOption{"layer", "recurrent"}, LayerOption{"units", 2}};
    detail::add_inputs(options, inputs);
    return refusal([&] { writer.add({options, "0.", "layer 0 (mine)"}, {"x", 3}); });
  };
  CHECK(refused("", "h.h", Role::recurrent_weight) ==
        "ONNX: layer 0 (mine): the cell has no equations, from which the operator Scan is written");
  CHECK(refused("state(h)\nnext(h) = next(g) * linear(h, no_bias)\n", "h.h", Role::recurrent_weight) ==
        "ONNX: layer 0 (mine): ONNX files have no value 'next(g)'");
  CHECK(refused("state(h)\nnext(h) = tanh[own](linear(h, no_bias))\n", "h.h", Role::recurrent_weight) ==
        "ONNX: layer 0 (mine): ONNX has no operation 'tanh[own]' of 1 value");
  CHECK(refused("state(h)\nnext(h) = 1e+300 * linear(h, no_bias)\n", "h.h", Role::recurrent_weight) ==
        "ONNX: layer 0 (mine): a number of the model must be finite in float, got 1e+300");
  CHECK(refused("state(h)\nnext(h) = bias(h) + h\n", "h", Role::bias) ==
        "ONNX: layer 0 (mine): the state 'h' must have another name than a parameter");
  CHECK(refused("", "h.h", Role::recurrent_weight, {{"x", 2}, {"gap", 1}}) ==
        "ONNX: layer 0 (mine) must have one input, the features of the layer, not several by name");
  Graph<float> graph;
  graph.concat({graph.input("x", 2), graph.input("gap", 1)});
  const Stack<float> named(3, {graph});
  CHECK(refusal([&] {
          detail::OnnxWriter(named.parameters(), {}).add({graph.options(), "0.", "layer 0 (graph)"}, {"x", 3});
        }) == "ONNX: layer 0 (graph), node 1 names rows of the input; write a model with one input");
}

}  // namespace test_scan
