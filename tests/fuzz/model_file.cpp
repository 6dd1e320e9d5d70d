// Fuzz target: model files, with parameters and description in safetensors. Accepted ones are saved and loaded again.

#include "unroll/io/model_file.hpp"

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

fuzz::Bytes saved(const SafeTensors& content) {
  write_safetensors(fuzz::path("seed"), content);
  return detail::read_text(fuzz::path("seed"));
}

}  // namespace

std::vector<fuzz::Bytes> fuzz::seeds() {
  SafeTensors content = to_tensors(model(), {{"classes", "a b"}});
  const SafeTensors second = content;
  content.metadata = {{"unroll", "1"}, {"layers", detail::layers_text(model())}};
  return {saved(second), saved(content), "d" + second.metadata.at("model")};
}

void fuzz::read(const Bytes& input) {
  auto loaded = model();
  if (input.starts_with('d'))  // description only
    return detail::DescriptionCheck("x").compare(detail::model_description(loaded),
                                                 detail::read_description(input.substr(1), "x"));
  const VectorX<float> before = loaded.parameters().values();
  std::map<std::string, std::string> metadata;
  try {
    metadata = load(loaded, file("x.safetensors", input));
  } catch (const Error&) {
    expect(loaded.parameters().values() == before, "half a file was loaded");
    throw;
  }
  if (!accepted([&] { save(loaded, path("y.safetensors"), metadata); })) return;
  auto again = model();
  expect(read_again([&] { return load(again, path("y.safetensors")); }) == metadata, "other metadata came back");
  expect(same_numbers(again.parameters().values(), loaded.parameters().values()), "other parameters came back");
}
