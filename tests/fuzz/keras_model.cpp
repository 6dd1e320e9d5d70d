// Fuzz target: architectures of Keras models. libhdf5 itself can fail on damaged files, so the weights are made for the
// architecture; the input is its JSON.

#include "unroll/io/keras/keras.hpp"

#include "fuzz.hpp"

using namespace unroll;

namespace {

constexpr double most_weights = 20000;

/// Adds weights of the right shapes. Throws FileError if there are too many.
void add_weights(detail::KerasFile& model) {
  double all = 0;
  const auto each_weight = [&](auto&& f) {
    detail::each_with_shapes(
        model, [&](const detail::KerasLayer& layer, std::size_t k, const std::vector<detail::KerasShape>& in) {
          for (const auto& [name, shape] : detail::weights_of(layer, in.front().features)) f(text(k, ".", name), shape);
        });
  };
  each_weight([&](const std::string&, const std::vector<Index>& shape) {
    double size = 1;
    for (const Index extent : shape) size *= double(extent);
    all += size;
  });
  require<FileError>(all <= most_weights && model.features <= 100000, "too many weights for a quick test: ", all);
  each_weight([&](const std::string& name, const std::vector<Index>& shape) {
    Index size = 1;
    for (const Index extent : shape) size *= extent;
    std::vector<double> values;
    for (Index k = 0; k < size; ++k) values.push_back(double(k % 7) / 8);
    model.tensors.tensors[name] = Tensor::of(values, shape);
  });
}

}  // namespace

std::vector<fuzz::Bytes> fuzz::seeds() {
  const auto config_of = [](const char* name) {
    const Bytes bytes = project_file(text("tests/io/data/keras/", name, ".keras"));
    const detail::ZipReader zip(bytes_of(bytes), name);
    for (const auto& member : zip.members())
      if (member.name == "config.json") {
        const auto content = zip.content(member);
        return "c" + Bytes(reinterpret_cast<const char*>(content.data()), content.size());
      }
    return Bytes();
  };
  const Bytes small = R"(a{"class_name":"Sequential","config":[{"class_name":"LSTM","config":{"units":2,
      "batch_input_shape":[null,null,3]}},{"class_name":"Dense","config":{"units":2,"activation":"tanh"}}]})";
  const Bytes graph = R"(b{"class_name":"Model","config":{"layers":[{"class_name":"InputLayer","config":{"name":"i",
      "batch_input_shape":[null,5,2]},"inbound_nodes":[]},{"class_name":"Dense","config":{"name":"d","units":2},
      "inbound_nodes":[[["i",0,0,{}]]]},{"class_name":"Add","config":{"name":"s"},"inbound_nodes":[[["i",0,0],["d",0,0]]]}],
      "output_layers":[["s",0,0]]}})";
  return {small,
          graph,
          config_of("graph"),
          config_of("tokens"),
          config_of("convolutions"),
          config_of("functions"),
          config_of("bidirectional_concat"),
          config_of("global_mean")};
}

void fuzz::read(const Bytes& input) {
  Bytes json = input;
  const std::size_t choice = take_choice(json, 4);
  const int version = choice < 2 ? 2 : 3;
  auto all = detail::read_architecture(detail::parse_json(json, "input"), "input", version, choice % 2 == 1);
  add_weights(all.model);
  const Stack<float> model = detail::open_keras_file<float>(all.model);
  if (!accepted([&] { write_keras(model, path("a.keras")); })) return;
  const Stack<float> again = read_again([&] { return open_keras<float>(path("a.keras")); });
  expect(same_numbers(model.parameters().values(), again.parameters().values()),
         "the model is different when it is read again");
}
