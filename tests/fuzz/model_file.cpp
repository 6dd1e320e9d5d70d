// Fuzz target: model files, with parameters and description in safetensors. Accepted ones are saved and loaded again;
// they are also opened by their description.

#include "unroll/io/open_model.hpp"

#include "fuzz.hpp"
#include "unroll/cells/lstm.hpp"
#include "unroll/layers/dense.hpp"
#include "unroll/layers/dropout.hpp"
#include "unroll/layers/embedding.hpp"
#include "unroll/layers/normalisation/batch_norm.hpp"
#include "unroll/layers/recurrent.hpp"

using namespace unroll;

namespace {

auto model() {
  Sequential made(1, Embedding{.size = 3, .dimension = 2}, Recurrent<Lstm>{.units = 2}, Dropout{}, BatchNorm{},
                  Dense{.units = 2});
  made.initialise(1);
  return made;
}

const LayerRegistry<float>& registry() {
  static const LayerRegistry<float> cells = LayerRegistry<float>().add<Lstm>();
  return cells;
}

/// A model that is opened from a file has the description and the parameters of the file.
void open(const SafeTensors& file) {
  const auto [model, metadata] = open_model<float>(file, registry());
  const SafeTensors again = to_tensors(model, metadata);
  const auto opened = open_model<float>(again, registry());
  fuzz::expect(fuzz::same_numbers(opened.model.parameters().values(), model.parameters().values()),
               "other parameters were opened");
  fuzz::expect(to_tensors(opened.model, opened.metadata).metadata == again.metadata, "another model was opened");
}

fuzz::Bytes saved(const SafeTensors& content) {
  write_safetensors(fuzz::path("seed"), content);
  return detail::read_text(fuzz::path("seed"));
}

}  // namespace

std::vector<fuzz::Bytes> fuzz::seeds() {
  SafeTensors content = to_tensors(model(), {{"classes", "a b"}});
  const SafeTensors second = content;
  content.metadata = {{"unroll", "1"}, {"layers", detail::layers_text(model())}};
  Graph<float> graph;
  const auto in = graph.input();
  graph.sum({in, graph.add(Dense{.units = 2}, in)});
  const auto described = [](const auto& other) { return to_tensors(other).metadata.at("model"); };
  const Stack<float> layers(2, {graph, Bidirectional<Lstm>{.units = 2}, Conv1d{.units = 2, .kernel = 2}, LayerNorm{},
                                Activate<HardTanh>{}, MaxPool1d{}, AveragePool1d{}, ConvTranspose1d{.units = 1}});
  return {saved(second), saved(content), "d" + second.metadata.at("model"), "o" + described(model()),
          "o" + described(layers)};
}

void fuzz::read(const Bytes& input) {
  auto loaded = model();
  if (input.starts_with('d'))  // description only
    return detail::DescriptionCheck("x").compare(detail::model_description(loaded),
                                                 detail::read_description(input.substr(1), "x"));
  if (input.starts_with('o')) {  // description only, of zeros in the numbers that the model needs, at most 10,000
    SafeTensors content;
    content.metadata = {{"unroll", "2"}, {"model", input.substr(1)}};
    content.tensors["any"] = Tensor::of(std::vector<float>(10000), {10000});
    (void)accepted([&] { open(content); });
    const auto json = detail::stored_description(content, "chain", "x");
    const auto model = detail::from_file(content, [&] { return detail::stored_chain(json, content, registry()); });
    return open(to_tensors(model));
  }
  const VectorX<float> before = loaded.parameters().values();
  const auto path_of = file("x.safetensors", input);
  (void)accepted([&] { open(read_safetensors(path_of)); });
  std::map<std::string, std::string> metadata;
  try {
    metadata = load(loaded, path_of);
  } catch (const Error&) {
    expect(loaded.parameters().values() == before, "half a file was loaded");
    throw;
  }
  if (!accepted([&] { save(loaded, path("y.safetensors"), metadata); })) return;
  auto again = model();
  expect(read_again([&] { return load(again, path("y.safetensors")); }) == metadata, "other metadata came back");
  expect(same_numbers(again.parameters().values(), loaded.parameters().values()), "other parameters came back");
}
