// open_model rebuilds every layer with every option; descriptions that are not valid are refused before memory is
// allocated.

#include <unroll/attention/bahdanau.hpp>
#include <unroll/attention/luong.hpp>
#include <unroll/io/open_model.hpp>
#include <unroll/models/sequential.hpp>

#include "io/layer_rows.hpp"
#include "layers/running_sum.hpp"
#include "support/catch.hpp"
#include "support/temporary.hpp"

namespace test_open_model {

using namespace unroll;
using layer_rows::Change, layer_rows::Layer, layer_rows::Row, layer_rows::rows;

namespace {

namespace written {
using namespace unroll::symbols;
inline constexpr auto reservoir = cell(state(h), next(h) = tanh(linear(x) + linear(h, frozen, no_bias)));
}  // namespace written

namespace equations {
using namespace unroll::symbols;
inline constexpr auto gap = input<"gap", "one">;
inline constexpr auto timed = cell(state(h), next(h) = tanh(linear(x, h)) * exp(-softplus(linear(gap))));
}  // namespace equations
using Timed = Recurrent<EquationsOf<equations::timed>::Cell>;
using BothTimed = Bidirectional<EquationsOf<equations::timed>::Cell>;

LayerRegistry<float> registry() {
  LayerRegistry<float> all;
  all.add<EquationsOf<equations::timed>::Cell>();
  all.add<Gru, Lstm, ProjectedLstm>();
  all.add<EquationsOf<layer_rows::written::leaky>::Cell, EquationsOf<layer_rows::written::leakier>::Cell,
          OneScalar<layer_rows::OtherGru>::Cell, EquationsOf<written::reservoir>::Cell>();
  return all;
}

Stack<float> made(Index features, std::vector<Layer> layers) {
  Stack<float> model(features, std::move(layers));
  model.initialise(3);
  return model;
}

void expect_same(const Stack<float>& model, const LayerRegistry<float>& cells = registry()) {
  const SafeTensors file = to_tensors(model, {{"note", "kept"}});
  INFO(file.metadata.at("model"));
  const auto [opened, metadata] = open_model<float>(file, cells);
  CHECK(metadata == std::map<std::string, std::string>{{"note", "kept"}});
  const SafeTensors again = to_tensors(opened, metadata);
  CHECK(again.metadata == file.metadata);
  CHECK(opened.parameters().values() == model.parameters().values());
}

struct Half : Identity {
  static constexpr std::string_view name = "half";
};

Stack<float> model_with_graph() {
  Graph<float> graph;
  const auto in = graph.input();
  const auto both = graph.add(Bidirectional<Lstm>{.units = 3, .merge = Merge::sum}, graph.add(Dense{.units = 3}, in));
  const auto deep = graph.add(Recurrent<Gru>{.units = 3}, both);
  graph.product({deep, graph.add(Dense{.units = 3}, graph.concat({deep, in}))});
  return made(3, {graph, Dense{.units = 3}, TiedDense{.embedding = 1}});
}

}  // namespace

TEST_CASE("open_model: every layer with every option is rebuilt", "[open_model]") {
  for (const Row& row : rows()) {
    expect_same(made(row.features, {row.layer}));
    for (const auto* changes : {&row.outputs, &row.training})
      for (const Change& change : *changes) expect_same(made(row.features, {change.layer}));
  }
  expect_same(model_with_graph());
  Stack<float> reservoir = made(2, {Recurrent<EquationsOf<written::reservoir>::Cell>{.units = 3}});
  reservoir.parameters()["0.h2.h"].setConstant(0.5f);  // not the initial values
  expect_same(reservoir);
}

TEST_CASE("open_model: outputs of the opened model are those of the saved one", "[open_model]") {
  const support::TemporaryFolder folder;
  const auto model = model_with_graph();
  save(model, folder.path / "model.safetensors");
  const auto opened = open_model<float>(folder.path / "model.safetensors", registry()).model;
  const Timeline timeline = Timeline::from_lengths({4, 2});
  MatrixX<float> x = MatrixX<float>::Random(3, timeline.columns());
  Stack<float>::Tape ours, theirs;
  CHECK(MatrixX<float>(model.forward(x, timeline, ours)) == MatrixX<float>(opened.forward(x, timeline, theirs)));
}

TEST_CASE("open_model: several inputs keep their names, rows and order", "[open_model]") {
  const NamedRows x_and_gap{{"x", 3}, {"gap", 1}}, gap_first{{"gap", 1}, {"x", 3}};
  for (const NamedRows& inputs : {x_and_gap, gap_first}) {
    const auto model = made(4, {Timed{.units = 2, .inputs = inputs}});
    expect_same(model);
    CHECK(open_model<float>(to_tensors(model), registry()).model.inputs() == inputs);
  }
  auto other = made(4, {Timed{.units = 2, .inputs = gap_first}});
  CHECK_THROWS_MATCHES(from_tensors(other, to_tensors(made(4, {Timed{.units = 2}}))), FileError,
                       says("input 0: input must be 'gap', as in this model, got 'x'"));

  Graph<float> graph;
  const auto x = graph.input("x", 3), gap = graph.input("gap", 1);
  graph.add(Timed{.units = 4, .inputs = x_and_gap}, graph.concat({graph.add(Dense{.units = 3}, x), gap}));
  const auto model = made(4, {graph, BothTimed{.units = 2, .inputs = gap_first}});
  expect_same(model);
  CHECK(open_model<float>(to_tensors(model), registry()).model.inputs() == x_and_gap);

  const auto refused = [&](const std::string& from, const std::string& to, const char* message) {
    SafeTensors changed = to_tensors(model);
    std::string& text = changed.metadata.at("model");
    const std::size_t at = text.find(from);
    REQUIRE(at != text.npos);
    text.replace(at, from.size(), to);
    CHECK_THROWS_MATCHES(open_model<float>(changed, registry()), FileError, says(message));
  };
  const std::string of_x = R"("input":"x","rows":3)";
  refused(of_x, R"("input":"x","rows":0)", "rows of 'x' must be 1 to");
  refused(of_x, R"("input":"gap","rows":3)", "names must differ");
  refused(of_x, R"("input":"x","rows":4)", "must be 5, got 4");
  refused(R"([0],"input":"x")", R"([1],"input":"x")", "reads");
}

TEST_CASE("open_model: a file is opened with another scalar", "[open_model]") {
  const auto model = made(4, {Recurrent<Gru>{.units = 3}});
  const auto opened = open_model<double>(to_tensors(model), LayerRegistry<double>().add<Gru>()).model;
  CHECK(opened.parameters().values() == model.parameters().values().cast<double>());
}

TEST_CASE("open_model: cells are identified by their names and equations", "[open_model]") {
  const auto ours = made(4, {Recurrent<OneScalar<layer_rows::OtherGru>::Cell>{.units = 3}});  // the name is that of Gru
  expect_same(ours);
  CHECK_THROWS_MATCHES(open_model<float>(to_tensors(ours), LayerRegistry<float>().add<Gru>()), FileError,
                       says("entry 4 of equations must be"));
  CHECK_THROWS_MATCHES(
      open_model<float>(to_tensors(ours), LayerRegistry<float>().add<Lstm>()), FileError,
      says("model.layers[0].cell must be one of the registered 'lstm' (LayerRegistry::add), got 'gru'"));
  CHECK_THROWS_MATCHES(open_model<float>(to_tensors(ours), LayerRegistry<float>()), FileError,
                       says("cell must be registered with LayerRegistry::add, which has no cell yet, got 'gru'"));
}

TEST_CASE("open_model: layers and activations of the user are registered by name", "[open_model]") {
  struct Telling : model_run::RunningSum {
    int power = 1;
    LayerOptions options() const { return {{"layer", "running sum"}, {"power", power}}; }
  };
  LayerRegistry<double> cells;
  Telling layer;
  layer.power = 4;
  const Stack<double> model(3, {layer, Activate<Half>{}, model_run::RunningSum{}});
  CHECK_THROWS_MATCHES(open_model<double>(to_tensors(model), cells), FileError,
                       says("model.layers[0].layer must be one of the registered 'average pool1d', 'batch norm', "));
  cells.add_layer("running sum", [](const StoredOptions& options) -> AnyLayer<double> {
    Telling made;
    if (!options.has("power")) return model_run::RunningSum{};
    made.power = int(options.integer("power"));
    return made;
  });
  CHECK_THROWS_MATCHES(open_model<double>(to_tensors(model), cells), FileError, says("function must be one of"));
  cells.add_activation([](const StoredOptions&) { return Half{}; });
  CHECK(to_tensors(open_model<double>(to_tensors(model), cells).model).metadata == to_tensors(model).metadata);
}

TEST_CASE("open_seq2seq: decoders of every bridge, tied or not, are rebuilt", "[open_model]") {
  const auto check = [&]<Cell C>(const Seq2SeqOptions& options) {
    Stack<float> encoder(1, {Embedding{.size = 5, .dimension = 3}, Recurrent<Gru>{.units = 4}});
    Seq2Seq<Stack<float>, C> model(encoder, options);
    model.initialise(2);
    const SafeTensors file = to_tensors(model, {{"begin", "5"}});
    const auto [opened, metadata] = open_seq2seq<C>(file, registry());
    CHECK(to_tensors(opened, metadata).metadata == file.metadata);
    CHECK(opened.parameters().values() == model.parameters().values());
  };
  for (const Bridge bridge : {Bridge::zero, Bridge::copy, Bridge::project})
    for (const bool tied : {false, true}) {
      const Seq2SeqOptions options{.vocabulary = 6, .embedding = 4, .units = 4, .bridge = bridge, .tied = tied};
      check.operator()<LuongGru<float>>(options);
      check.operator()<Gru<float>>(options);
    }
  check.operator()<LuongGru<float>>({.vocabulary = 6, .embedding = 4, .units = 4, .biased = false});
  check.operator()<BahdanauGru<float>>(
      {.vocabulary = 6, .embedding = 4, .units = 4, .sizes = {{"readout", 5}}, .causal = true});
}

TEST_CASE("open_model: other kinds of models and versions are refused", "[open_model][hostile]") {
  Stack<float> encoder(1, {Embedding{.size = 5, .dimension = 3}, Recurrent<Gru>{.units = 4}});
  const Seq2Seq<Stack<float>, LuongGru<float>> pairs(encoder, {.vocabulary = 6, .embedding = 4, .units = 4});
  CHECK_THROWS_MATCHES(open_model<float>(to_tensors(pairs), registry()), FileError,
                       says("the kind of the model must be 'chain', got 'encoder and decoder'; use open_seq2seq"));
  CHECK_THROWS_MATCHES(open_seq2seq<LuongGru<float>>(to_tensors(encoder), registry()), FileError,
                       says("the kind of the model must be 'encoder and decoder', got 'chain'; use open_model"));
  CHECK_THROWS_MATCHES(open_seq2seq<LuongLstm<float>>(to_tensors(pairs), registry()), FileError,
                       says("model.decoder.cell must be 'luong lstm', got 'luong gru'"));
  SafeTensors file = to_tensors(encoder);
  file.metadata["unroll"] = "1";
  CHECK_THROWS_MATCHES(open_model<float>(file, registry()), FileError,
                       says("which describes the layers, got 1; construct the model and use load"));
  file.metadata["unroll"] = "9";
  CHECK_THROWS_MATCHES(open_model<float>(file, registry()), FileError, says("must be 2, got '9'"));
  CHECK_THROWS_MATCHES(open_model<float>(SafeTensors{}, registry()), FileError, says("no 'unroll'"));
}

TEST_CASE("open_model: descriptions that are not valid are refused with their defect", "[open_model][hostile]") {
  const SafeTensors good = to_tensors(made(4, {Dense{.units = 4}}));
  const auto refused = [&](const std::string& layers, const std::string& why) {
    SafeTensors file = good;
    file.metadata["model"] = R"({"model":"chain","features":4,"layers":)" + layers + "}";
    INFO(layers.substr(0, 100));
    CHECK_THROWS_MATCHES(open_model<float>(file, registry()), Error, says(why));
  };
  refused("{}", "model.layers must be an array of at least 1, got an object of 0");
  refused("[]", "model.layers must be an array of at least 1, got an array of 0");
  refused("[7]", "model.layers[0] must be an object, got 7");
  refused(R"([{"layer":"dense","units":4}])", "model.layers[0].biased must be given, got nothing");
  refused(R"([{"layer":"dense","units":"4","biased":true}])", "model.layers[0].units must be an integer, got '4'");
  refused(R"([{"layer":"dense","units":4.5,"biased":true}])", "units must be an integer, got 4.5");
  refused(R"([{"layer":"dense","units":18446744073709551615,"biased":true}])", "units must be an integer");
  refused(R"([{"layer":"dense","units":4,"biased":1}])", "biased must be true or false, got 1");
  refused(R"([{"layer":"dense","units":0,"biased":true}])", "layer 0 (dense): units must be at least 1, got 0");
  refused(R"([{"layer":"dense","units":1000000000,"biased":true}])", "must have at least 5e+09 numbers");
  refused(R"([{"layer":"dense","units":9223372036854775807,"biased":true}])", "not valid: ");
  refused(R"([{"layer":"embedding","size":16000000,"dimension":1000000000,"padding":"none","frozen":false,)"
          R"("frozen_tokens":[],"sparse":true}])",
          "must have at least 1.6e+16 numbers");
  refused(R"([{"layer":"recurrent","cell":"gru","direction":"up","returns":"steps","units":4}])",
          "direction must be 'forward' or 'backward', got 'up'");
  refused(R"([{"layer":"recurrent","cell":"gru","direction":"forward","returns":"all","units":4}])",
          "returns must be 'steps' or 'last', got 'all'");
  refused(R"([{"layer":"recurrent","cell":"gru","direction":"forward","returns":"last","units":10000}])",
          "must have at least");
  refused(R"([{"layer":"recurrent","cell":"gru","direction":"forward","returns":"last","units":4,"equations":5}])",
          "equations must be an array");
  refused(R"([{"layer":"tied dense","embedding":0,"biased":true}])",
          "layer 0 (tied dense): embedding must be the number of an earlier layer");
  refused(R"([{"layer":"activation","function":"elu","alpha":-1}])", "not valid: elu: parameter must be");
  refused(R"([{"layer":"graph","nodes":[]}])", "nodes must be an array of at least 1");
  refused(R"([{"layer":"graph","nodes":[{"reads":[1],"layer":"dense","units":4,"biased":true}]}])",
          "input of dense must be node 0 to 0, got node 1");
  refused(R"([{"layer":"graph","nodes":[{"reads":[-1],"layer":"dense","units":4,"biased":true}]}])",
          "reads must be a list of numbers of nodes");
  refused(R"([{"layer":"graph","nodes":[{"reads":[0,0],"layer":"dense","units":4,"biased":true}]}])",
          "reads must be the number of one node");
  refused(R"([{"layer":"graph","nodes":[{"reads":[0],"merge":"sum"}]}])", "sum must have at least 2 inputs, got 1");
  refused(std::string(100000, '['), "JSON must have at most 100 levels");
  refused(R"([{"layer":"dense","units":4,"biased":false}])", "'0.bias'");
}

}  // namespace test_open_model
