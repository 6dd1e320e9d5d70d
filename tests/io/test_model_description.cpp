// Model files describe the model completely; a model that differs in any option is refused with a message that names
// it.

#include <unroll/io/model_file.hpp>

#include "io/layer_rows.hpp"
#include "layers/running_sum.hpp"
#include "support/catch.hpp"

namespace test_model_description {

using namespace unroll;

using layer_rows::Change, layer_rows::Layer, layer_rows::Row, layer_rows::rows;

namespace {

SafeTensors saved(const Layer& layer, Index features) { return to_tensors(Stack<float>(features, {layer})); }

/// Graph of two dense layers, the second of which is merged with the input or with the first.
Graph<float> graph(Merge how, bool with_input) {
  Graph<float> graph;
  const auto in = graph.input();
  const auto first = graph.add(Dense{.units = 4}, in), second = graph.add(Dense{.units = 4}, first);
  const auto other = with_input ? in : first;
  how == Merge::sum ? graph.sum({second, other}) : graph.product({second, other});
  return graph;
}

}  // namespace

TEST_CASE("model file: every option of every layer is compared, and a different one is named", "[model_file]") {
  for (const Row& row : rows()) {
    const SafeTensors file = saved(row.layer, row.features);
    Stack<float> equal(row.features, {row.layer});
    INFO(file.metadata.at("model"));
    CHECK_NOTHROW(from_tensors(equal, file));
    for (const Change& change : row.outputs) {
      Stack<float> other(row.features, {change.layer});
      INFO(change.option);
      CHECK_THROWS_MATCHES(from_tensors(other, file), FileError, says(": " + change.option + " must be "));
    }
    for (const Change& change : row.training) {
      Stack<float> other(row.features, {change.layer});
      INFO(change.option);
      CHECK_NOTHROW(from_tensors(other, file));
      CHECK(file.metadata.at("model").find("\"" + change.option + "\":") != std::string::npos);
      CHECK(to_tensors(other).metadata.at("model") != file.metadata.at("model"));
    }
  }
}

TEST_CASE("model file: the error message names layer, option and both values", "[model_file]") {
  Stack<float> model(4, {Dense{.units = 4}, Conv1d{.units = 2, .kernel = 3}});
  SafeTensors file = to_tensors(Stack<float>(4, {Dense{.units = 4}, Conv1d{.units = 2, .kernel = 3, .stride = 2}}));
  file.file = "model.safetensors";
  CHECK_THROWS_MATCHES(from_tensors(model, file), FileError,
                       says("model.safetensors: layer 1 (conv1d): stride must be 1, as in this model, got 2"));
  CHECK_THROWS_MATCHES(from_tensors(model, saved(Dense{.units = 4}, 4)), FileError,
                       says("layers must have 2 entries, as in this model, got 1"));
  CHECK_THROWS_MATCHES(from_tensors(model, saved(Dense{.units = 4}, 3)), FileError,
                       says("features must be 4, as in this model, got 3"));
}

TEST_CASE("model file: tied weights are compared", "[model_file]") {
  const auto made = [](Index embedding, bool biased) {
    return Stack<float>(3, {Dense{.units = 3}, Dense{.units = 3}, TiedDense{.embedding = embedding, .biased = biased}});
  };
  Stack<float> model = made(0, false);
  from_tensors(model, to_tensors(model));
  CHECK_THROWS_MATCHES(from_tensors(model, to_tensors(made(1, false))), FileError,
                       says("layer 2 (tied dense): embedding must be 0, as in this model, got 1"));
  CHECK_THROWS_MATCHES(from_tensors(model, to_tensors(made(0, true))), FileError,
                       says("biased must be false, as in this model, got true"));
}

TEST_CASE("model file: the nodes of a graph are compared", "[model_file]") {
  Stack<float> model(4, {graph(Merge::sum, true)});
  from_tensors(model, to_tensors(model));
  CHECK_THROWS_MATCHES(from_tensors(model, saved(graph(Merge::product, true), 4)), FileError,
                       says("layer 0 (graph): node 3: merge must be 'sum', as in this model, got 'product'"));
  CHECK_THROWS_MATCHES(from_tensors(model, saved(graph(Merge::sum, false), 4)), FileError,
                       says("layer 0 (graph): node 3: entry 1 of reads must be 0, as in this model, got 1"));
}

TEST_CASE("model file: a user's layer without options is compared by its name", "[model_file]") {
  using model_run::RunningSum;
  struct Other : RunningSum {
    std::string_view name() const { return "running product"; }
  };
  struct Telling : RunningSum {
    int power = 1;
    LayerOptions options() const { return {{"layer", "running sum"}, {"power", power}}; }
  };
  const auto telling = [](int power) {
    Telling layer;
    layer.power = power;
    return Sequential(3, layer);
  };
  Sequential model(3, RunningSum{});
  from_tensors(model, to_tensors(model));
  CHECK_THROWS_MATCHES(from_tensors(model, to_tensors(Sequential(3, Other{}))), FileError,
                       says("name must be 'running sum', as in this model, got 'running product'"));
  CHECK_NOTHROW(from_tensors(model, to_tensors(telling(2))));
  auto two = telling(2);
  CHECK_NOTHROW(from_tensors(two, to_tensors(model)));
  CHECK_THROWS_MATCHES(from_tensors(two, to_tensors(telling(3))), FileError,
                       says("power must be 2, as in this model, got 3"));
}

TEST_CASE("model file: refuses invalid model descriptions with their defect", "[model_file][hostile]") {
  Stack<float> model(4, {Dense{.units = 4}});
  const SafeTensors good = to_tensors(model);
  const std::string description = good.metadata.at("model");
  CHECK(description ==
        R"({"model":"chain","features":4,"layers":[{"name":"dense","layer":"dense","units":4,"biased":true}]})");
  const auto refused = [&](const std::string& given, const std::string& why) {
    SafeTensors file = good;
    file.metadata["model"] = given;
    INFO(given.substr(0, 100));
    CHECK_THROWS_MATCHES(from_tensors(model, file), FileError, says(why));
  };
  for (const char* no_object : {"", "[", "[]", "5", "null", "\xFF", "{\"a\":1e999}"})
    refused(no_object, "'model' in the metadata must be the description of a model");
  refused(std::string(100000, '['), "must be the description of a model");
  refused("{\"model\":" + std::string(100000, '[') + std::string(100000, ']') + "}",
          "must be the description of a model");
  refused("{}", "model must be 'chain', as in this model, got none");
  refused(R"({"model":"chain","features":4,"layers":{}})", "layers must have 1 entries, as in this model, got 0");
  refused(R"({"model":"chain","features":4,"layers":[7]})", "layer 0 (dense): options must be ");
  refused(R"({"model":"chain","features":4,"layers":[{"layer":"dense","units":"4","biased":true}]})",
          "units must be 4, as in this model, got '4'");
  refused(R"({"model":"chain","features":4,"layers":[{"layer":"dense","units":4}]})",
          "biased must be true, as in this model, got none");
  refused(R"({"model":"chain","features":4,"layers":[{"layer":"dense","units":4,"biased":true,"sparse":2}]})",
          "'sparse' must be absent, as in this model, got 2");
  SafeTensors none = good;
  none.metadata.erase("model");
  CHECK_THROWS_MATCHES(from_tensors(model, none), FileError, says("have no 'model'"));
}

}  // namespace test_model_description
