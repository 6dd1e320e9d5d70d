#include <unroll/io/formats/hdf5_writer.hpp>
#include <unroll/io/keras/detail/weights.hpp>

#include "support/catch.hpp"
#include "support/temporary.hpp"

namespace test_keras_layers_hdf5 {

using namespace unroll;
using detail::KerasLayer;

namespace {

std::string layer(const std::string& kind, const std::string& options) {
  return text(R"({"class_name": ")", kind, R"(", "config": {"name": "a")", options.empty() ? "" : ", ", options, "}}");
}
/// Sequential model on (batch, steps, 4).
std::string chain(const std::string& layers, const std::string& shape = "[null, null, 4]") {
  return text(R"({"class_name": "Sequential", "config": {"layers": [{"class_name": "InputLayer", "config":
      {"batch_shape": )",
              shape, "}}, ", layers, "]}}");
}
/// Node of a functional model of Keras 2.
std::string node(const std::string& kind, const std::string& name, const std::string& options,
                 const std::vector<std::string>& reads, const std::string& rest = "") {
  std::string list;
  for (const std::string& from : reads) list += text(list.empty() ? "" : ", ", R"([")", from, R"(", 0, 0)", rest, "]");
  return text(R"({"class_name": ")", kind, R"(", "config": {"name": ")", name, R"(")", options.empty() ? "" : ", ",
              options, R"(}, "inbound_nodes": [[)", list, "]]}");
}
std::string graph(const std::string& layers, const std::string& output) {
  return text(R"({"class_name": "Functional", "config": {"layers": [{"class_name": "InputLayer", "config":
      {"name": "in", "batch_input_shape": [null, 5, 4]}, "inbound_nodes": []}, )",
              layers, R"(], "input_layers": [["in", 0, 0]], "output_layers": [[")", output, R"(", 0, 0]]}})");
}

detail::KerasArchitecture read(const std::string& json, bool logits = false, int version = 3) {
  return detail::read_architecture(nlohmann::json::parse(json), "x.keras", version, logits);
}
std::vector<std::string> kinds(const std::string& json) {
  std::vector<std::string> all;
  for (const KerasLayer& one : read(json).model.layers) all.push_back(one.kind);
  return all;
}
void refused(const std::string& json, const std::string& part) {
  INFO(json);
  CHECK_THROWS_MATCHES(read(json), FileError, says(part));
}

/// Weights of a model, read from a file.
SafeTensors weights(const std::string& json, const Hdf5Writer& file) {
  detail::KerasArchitecture all = read(json);
  return detail::KerasWeights(Hdf5File(file.bytes(), "x.h5")).read(all.model, all.places);
}
void add_zeros(Hdf5Writer& to, const std::string& name, const std::vector<Index>& sizes) {
  Index count = 1;
  for (const Index size : sizes) count *= size;
  to.add(name, std::span<const float>(std::vector<float>(std::size_t(count), 0.0f)), sizes);
}
void refused_layer(const std::string& kind, const std::string& options, const std::string& part) {
  refused(chain(layer(kind, options)), part);
}

}  // namespace

TEST_CASE("keras layers: options have the defaults of Keras and functions are separate layers") {
  const auto all = read(chain(layer("Conv1D", R"("filters": 8, "kernel_size": [3], "activation": "relu6")"))).model;
  REQUIRE(all.layers.size() == 2);
  CHECK(all.features == 4);
  const nlohmann::json convolution = {{"filters", 8},       {"kernel_size", 3}, {"strides", 1},    {"dilation_rate", 1},
                                      {"padding", "valid"}, {"groups", 1},      {"use_bias", true}};
  CHECK(all.layers[0].options == convolution);
  const nlohmann::json limited = {{"activation", "hard_tanh"}, {"low", 0.0}, {"high", 6.0}};
  CHECK(all.layers[1].options == limited);
  CHECK(all.layers[1].reads == std::vector<std::size_t>{1});
  const auto pool = read(chain(layer("MaxPooling1D", R"("pool_size": 3, "strides": null)"))).model;
  CHECK(pool.layers[0].options["strides"] == 3);
  const auto hard = layer("Activation", R"("activation": "hard_sigmoid")");
  CHECK(read(chain(hard), false, 2).model.layers[0].options["alpha"] == 0.2);
  CHECK(read(chain(hard), false, 3).model.layers[0].options["alpha"] == 1.0 / 6);
}

TEST_CASE("keras layers: the input is that of the first layer, or of the whole model, without an InputLayer") {
  const auto shape_of = [](const std::string& json) {
    const auto model = read(json).model;
    return std::pair(model.features, model.tokens);
  };
  const std::string dense = R"({"class_name": "Dense", "config": {"name": "a", "units": 2)";
  CHECK(shape_of(R"({"class_name": "Sequential", "config": [)" + dense +
                 R"(, "batch_input_shape": [null, 9, 3]}}]})") == std::pair<Index, bool>(3, false));
  CHECK(shape_of(R"({"class_name": "Sequential", "config": {"build_input_shape": [null, null, 5], "layers": [)" +
                 dense + "}}]}}") == std::pair<Index, bool>(5, false));
  CHECK(shape_of(chain(layer("Embedding", R"("input_dim": 5, "output_dim": 2)"), "[null, 9]")) ==
        std::pair<Index, bool>(1, true));
}

TEST_CASE("keras layers: groups of weights are numbered by class") {
  const std::string dense = layer("Dense", R"("units": 4, "activation": "tanh")");
  const std::string wrapped = layer("TimeDistributed", R"("layer": )" + dense);
  const auto all = read(chain(dense + ", " + wrapped + ", " + dense + ", " + layer("SimpleRNN", R"("units": 2)")));
  std::vector<std::string> groups;
  for (const auto& place : all.places) groups.push_back(place.group + (place.wrapped ? "/layer" : ""));
  CHECK(groups == std::vector<std::string>{"dense", "dense", "time_distributed/layer", "time_distributed/layer",
                                           "dense_1", "dense_1", "simple_rnn"});
  CHECK(detail::keras_group("Conv1DTranspose") == "conv1d_transpose");
  CHECK(detail::keras_group("RMSNormalization") == "rms_normalization");
}

TEST_CASE("keras layers: a graph is ordered by the distance from the output") {
  const std::string units = R"("units": 4)";
  const std::string json = graph(node("Dense", "b", units, {"in"}) + ", " + node("Dense", "a", units, {"in"}) + ", " +
                                     node("Dense", "unused", units, {"in"}) + ", " + node("Dense", "c", units, {"a"}) +
                                     ", " + node("Add", "sum", "", {"b", "c"}),
                                 "sum");
  std::vector<std::string> names;
  for (const KerasLayer& one : read(json).model.layers) names.push_back(one.name);
  CHECK(names == std::vector<std::string>{"a", "b", "c", "sum"});
  CHECK(read(json).model.layers[3].reads == std::vector<std::size_t>{2, 3});
  CHECK(kinds(chain(layer("Dropout", R"("rate": 0.2)") + ", " + layer("ReLU", ""))) ==
        std::vector<std::string>{"Dropout", "Activation"});
}

TEST_CASE("keras layers: layers and options without an equivalent are refused by name") {
  refused_layer("Masking", R"("mask_value": 0.0)",
                "x.keras: layer 'a' must be a layer that this library has, got 'Masking'; remove it, sequences of this "
                "library have lengths");
  refused_layer("Flatten", "", "got 'Flatten'; use a global pooling layer");
  refused_layer("MultiHeadAttention", R"("num_heads": 2)", "got 'MultiHeadAttention'");
  refused_layer(
      "LSTM", R"("units": 3, "return_state": true)",
      "layer 'a' ('LSTM'): option 'return_state' must be absent, null or false, because it is not supported, got true");
  refused_layer("LSTM", R"("units": 3, "activation": "exponential")", "activation must be a function that cells");
  refused_layer("LSTM", R"("units": 3, "recurrent_activation": "hard_sigmoid")", "must be a function that cells");
  refused_layer("LSTM", R"("units": 3, "time_major": true)", "option 'time_major' must be absent");
  refused_layer("Dense", R"("units": 3, "activation": "tanh", "lora_rank": 2)",
                "layer 'a' ('Dense'): option 'lora_rank'");
  refused_layer("Dense", R"("units": 3, "activation": "selu")", "activation must be a function that this library has");
  refused_layer("Dense", R"("units": 3, "activation": {"class_name": "LeakyReLU"})", "activation must be a string");
  refused_layer("Conv1D", R"("filters": 3, "kernel_size": 2, "data_format": "channels_first")",
                "data_format must be one of: channels_last, got 'channels_first'");
  refused_layer("Conv1D", R"("filters": 3, "kernel_size": 2, "groups": 2)", "must have groups that divide features");
  refused_layer("Conv1DTranspose", R"("filters": 3, "kernel_size": 2, "output_padding": 1)",
                "option 'output_padding' must be absent");
  refused_layer("AveragePooling1D", R"("padding": "causal")", "padding must be one of: valid, same");
  refused_layer("LayerNormalization", R"("axis": 1)", "must have the features as axis");
  refused_layer("LayerNormalization", R"("rms_scaling": true)", "option 'rms_scaling' must be absent");
  refused_layer("GlobalMaxPooling1D", R"("keepdims": true)", "option 'keepdims' must be absent");
  refused_layer("ReLU", R"("threshold": 0.5)", "must be a ReLU with the threshold 0");
  refused_layer("Softmax", R"("axis": 1)", "must have the features as axis");
  refused_layer("LayerNormalization", R"("axis": [1, 2])", "axis must be an array of 1 to 1, got an array of 2");
  refused_layer("Conv1D", R"("filters": 3, "kernel_size": [2, 1])", "kernel_size must be an array of 1 to 1");
  refused_layer("LSTM", R"("units": 3, "go_backwards": true, "return_sequences": true)",
                "must return the last step with go_backwards");
  refused_layer("Embedding", R"("input_dim": 5, "output_dim": 2)", "must read the input of the model, of the shape");
  refused(chain(layer("Dense", R"("units": 3)"), "[null, 7]"),
          "must read (batch, steps, features), got (batch, steps)");
  refused(chain(layer("LSTM", R"("units": 3)") + ", " + layer("LSTM", R"("units": 3)")),
          "must read (batch, steps, features), got (batch, features)");
  refused(R"({"class_name": "Dense", "registered_name": "mine>Dense", "config": {}})", "class_name must be Sequential");
  refused(chain(R"({"class_name": "Dense", "registered_name": "mine>Dense", "config": {"name": "a", "units": 3}})"),
          "got 'mine>Dense'");
}

TEST_CASE("keras layers: messages about long names are short") {
  const std::string longer(5000, 'x');
  for (const std::string& json :
       {chain(layer("Dense", R"("units": 2, ")" + longer + R"(": 1)")), chain(layer(longer, "")),
        graph(node("Dense", longer, R"("units": 2, "use_bias": 3)", {"in"}), "a"),
        graph(node("Dense", "a", R"("units": 2)", {"in"}, R"(, {")" + longer + R"(": 1})"), "a")})
    try {
      read(json);
      FAIL("no error");
    } catch (const FileError& error) {
      CHECK(std::string_view(error.what()).size() < 500);
    }
}

TEST_CASE("keras layers: layers inside other layers are checked") {
  const std::string lstm = R"("layer": {"class_name": "LSTM", "config": {"units": 3}})";
  CHECK(read(chain(layer("Bidirectional", lstm))).model.layers[0].options["merge_mode"] == "concat");
  refused_layer("Bidirectional", lstm + R"(, "merge_mode": null)", "must be a layer with a merge_mode");
  refused_layer("Bidirectional", lstm + R"(, "merge_mode": "max")", "merge_mode must be one of: concat, sum, mul, ave");
  refused_layer("Bidirectional",
                lstm + R"(, "backward_layer": {"class_name": "GRU", "config": {"units": 3, "go_backwards": true}})",
                "must be a layer with equal options in both directions");
  refused_layer("Bidirectional", lstm + R"(, "backward_layer": {"class_name": "LSTM", "config": {"units": 3}})",
                "a backward layer with go_backwards=True");
  refused_layer("Bidirectional", R"("layer": {"class_name": "Dense", "config": {"units": 3}})", "not of Dense");
  refused_layer("TimeDistributed", lstm,
                "must be a layer of Dense, Activation, Dropout or a normalisation, not of LSTM");
}

TEST_CASE("keras layers: graphs without an equivalent are refused") {
  const std::string units = R"("units": 4)";
  refused(graph(node("Dense", "a", units, {"b"}), "a"), "must be a layer that is listed before");
  refused(graph(node("Dense", "a", units, {"in"}), "b"), "must be the last layer");
  refused(graph(node("Dense", "a", units, {"in"}) + ", " + node("Dense", "a", units, {"in"}), "a"), "a new name");
  refused(graph(node("Dense", "a", units, {"in", "in"}), "a"), "must have one input");
  refused(graph(node("Add", "a", "", {"in"}), "a"), "must have several inputs");
  refused(graph(node("Dense", "a", R"("units": 3)", {"in"}) + ", " + node("Add", "b", "", {"in", "a"}), "b"),
          "must have inputs with equal features");
  refused(graph(node("LSTM", "a", units, {"in"}) + ", " + node("Add", "b", "", {"in", "a"}), "b"),
          "must have inputs with equal numbers of dimensions");
  refused(graph(node("LSTM", "a", units, {"in"}, R"(, {"initial_state": ["h", 0, 0]})"), "a"),
          "must be without 'initial_state', because a layer must have no further inputs");
  refused(graph(node("Subtract", "a", "", {"in", "in"}), "a"), "got 'Subtract'");
  refused(graph(node("Concatenate", "a", R"("axis": 1)", {"in", "in"}), "a"), "must have the features as axis");
  std::string twice = graph(node("Dense", "a", units, {"in"}), "a");
  twice.replace(twice.find(R"([["in", 0, 0]]]})"), 14, R"([["in", 0, 0]], [["in", 0, 0]])");
  refused(twice, "must be a list of one node: the layer must be used once");
}

TEST_CASE("keras layers: wrong types in the JSON are refused with their place") {
  refused("[]", "the JSON value must be an object, got an array of 0");
  refused("{}", "class_name must be given, got nothing");
  refused(R"({"class_name": "Sequential", "config": 7})", "config must be an object, got 7");
  refused(R"({"class_name": "Sequential", "config": {"layers": []}})", "config.layers must be an array of 1 to 256");
  refused(R"({"class_name": "Sequential", "config": {"layers": [3]}})", "config.layers[0] must be an object, got 3");
  refused(chain("3"), "config.layers[1] must be an object");
  refused(chain(layer("Dense", R"("units": "three")")), "units must be an integer from 1 to 1073741824, got 'three'");
  refused(chain(layer("Dense", R"("units": -3)")), "units must be an integer");
  refused(chain(layer("Dense", R"("units": 3, "use_bias": 1)")), "use_bias must be true or false, got 1");
  refused(chain(layer("Dense", R"("units": 3)"), "[null, 5, null]"), "must be an integer");
  refused(chain(layer("Dense", R"("units": 3)"), "[4]"), "must be an array of 2 to 3");
  refused(chain(layer("BatchNormalization", R"("epsilon": "x")")), "epsilon must be a number");
  refused(R"({"class_name": "Sequential", "config": {"layers": [{"class_name": "InputLayer", "config":
      {"batch_shape": [null, 2, 3]}}]}})",
          "must be a model with layers");
  std::string many = layer("ReLU", "");
  for (int k = 0; k < 256; ++k) many += ", " + layer("ReLU", "");
  refused(chain(many), "must be an array of 1 to 256");
}

TEST_CASE("keras layers: weights that do not fit are refused before they are read") {
  const std::string dense = chain(layer("Dense", R"("units": 3)"));
  Hdf5Writer none, one, wrong, good, other;
  CHECK_THROWS_MATCHES(weights(dense, none), FileError, says("x.h5: must be a file of Keras with weights"));
  none.add_group("layers");
  CHECK_THROWS_MATCHES(weights(dense, none), FileError, says("'layers/dense/vars': there is no such group"));
  add_zeros(other, "layers/dense/vars/0", {4, 3});
  add_zeros(other, "layers/dense/vars/bias", {3});
  CHECK_THROWS_MATCHES(weights(dense, other), FileError, says("no dataset 'layers/dense/vars/1'"));
  add_zeros(wrong, "layers/dense/vars/0", {3, 4});
  add_zeros(wrong, "layers/dense/vars/1", {3});
  CHECK_THROWS_MATCHES(weights(dense, wrong), ShapeError,
                       says("layer 'a' ('Dense'): kernel must have the shape [4, 3], got [3, 4]"));
  for (const int k : {0, 1, 2})
    add_zeros(good, text("layers/dense/vars/", k), k == 0 ? std::vector<Index>{4, 3} : std::vector<Index>{3});
  CHECK_THROWS_MATCHES(weights(dense, good), FileError, says("layer 'a' ('Dense') must have 2 weights, got 3"));
  Hdf5Writer biasless;
  add_zeros(biasless, "layers/dense/vars/0", {4, 3});
  CHECK_THROWS_MATCHES(weights(dense, biasless), FileError, says("must have 2 weights, got 1"));
  const std::string huge = chain(layer("LSTM", R"("units": 1000000000)"));
  add_zeros(one, "layers/lstm/cell/vars/0", {4, 12});
  add_zeros(one, "layers/lstm/cell/vars/1", {3, 12});
  add_zeros(one, "layers/lstm/cell/vars/2", {12});
  CHECK_THROWS_MATCHES(weights(huge, one), ShapeError, says("kernel must have the shape [4, 4000000000], got [4, 12]"));
  CHECK(weights(chain(layer("LSTM", R"("units": 3)")), one).tensors.size() == 3);
}

TEST_CASE("keras layers: legacy files have lists of names, which may be divided") {
  const std::string dense = chain(layer("Dense", R"("units": 3)"));
  Hdf5Writer legacy;
  add_zeros(legacy, "model_weights/a/m/kernel", {4, 3});
  add_zeros(legacy, "model_weights/a/m/bias", {3});
  CHECK_THROWS_AS(weights(dense, legacy), FileError);
  legacy.add_attribute("model_weights", "layer_names", std::vector<std::string>{"a"});
  CHECK_THROWS_MATCHES(weights(dense, legacy), FileError, says("must have 2 weights, got 0"));
  legacy.add_attribute("model_weights/a", "weight_names0", std::vector<std::string>{"m/kernel"});
  legacy.add_attribute("model_weights/a", "weight_names1", std::vector<std::string>{"m/bias"});
  CHECK(weights(dense, legacy).at("0.bias").shape == std::vector<Index>{3});
}

TEST_CASE("keras layers: content that is not of Keras is refused") {
  const support::TemporaryFolder folder;
  const auto path = folder.path / "a.keras";
  const auto refused_file = [&](const std::string& part) {
    CHECK_THROWS_MATCHES(detail::read_keras_content(path), FileError, says(part));
  };
  refused_file("no such file");
  write_text(path, "");
  refused_file("must be an HDF5 file, got another format");
  const auto archive = [&](const std::string& config, const std::string& metadata, bool weights) {
    detail::ZipWriter zip(path);
    zip.add("config.json", {std::as_bytes(std::span(config))});
    zip.add("metadata.json", {std::as_bytes(std::span(metadata))});
    if (weights) zip.add("model.weights.h5", {});
    zip.commit();
  };
  archive("{", "{}", true);
  refused_file("config.json: not valid JSON at byte");
  archive("{}", "{}", true);
  refused_file("keras_version must be given, got nothing");
  archive("{}", R"({"keras_version": 3})", true);
  refused_file("keras_version must be a string, got 3");
  archive("{}", R"({"keras_version": "3.1"})", false);
  refused_file("a .keras file must have the member model.weights.h5, got none");
  archive("{}", R"({"keras_version": "3.1"})", true);
  refused_file("must be a complete HDF5 file");
}

}  // namespace test_keras_layers_hdf5
