#include <algorithm>
#include <unroll/io/formats/hdf5_writer.hpp>
#include <unroll/io/keras/keras.hpp>
#include <unroll/layers/tied_dense.hpp>
#include <unroll/models/sequential.hpp>
#include <unroll/recurrence/equation_cell.hpp>

#include "exchange/exchanged_models.hpp"
#include "support/temporary.hpp"

namespace test_keras_hdf5 {

using namespace exchanged;
using unroll::Dense;  // exchanged_models.hpp includes Streaming, whose namespaces have another one
using Folder = support::TemporaryFolder;

namespace {

const char* const folders[] = {"keras", "keras/keras2"};

std::filesystem::path file(const std::string& name) { return data_folder() / "keras" / name; }

/// Paths of the stored models, without the ends of their names.
std::vector<std::string> stored() {
  std::vector<std::string> all;
  const std::string end = ".io.safetensors";
  for (const char* folder : folders)
    for (const auto& entry : std::filesystem::directory_iterator(data_folder() / folder))
      if (const std::string path = entry.path().string(); path.ends_with(end))
        all.push_back(path.substr(0, path.size() - end.size()));
  REQUIRE(all.size() >= 24);
  return all;
}

/// Sequence `b` of a tensor (steps, batch, features).
MatrixX<float> sequence_of(const Tensor& tensor, Index b) {
  const auto values = tensor.to<float>();
  const Index steps = tensor.shape.at(0), batch = tensor.shape.at(1), features = tensor.shape.at(2);
  MatrixX<float> all(features, steps);
  for (Index t = 0; t < steps; ++t)
    for (Index f = 0; f < features; ++f) all(f, t) = values[std::size_t((t * batch + b) * features + f)];
  return all;
}

bool needs_own_cell(const std::string& path) { return path.ends_with("lstm_relu"); }

void check_outputs(const Stack<float>& model, const std::string& path) {
  const auto io = read_safetensors(path + ".io.safetensors");
  const std::vector<Index> lengths{9, 4, 7, 2};  // of "y" where "full" has the outputs of whole sequences
  const bool whole = !io.contains("full");
  for (Index b = 0; b < io.at("x").shape.at(1); ++b) {
    INFO(path << ", sequence " << b);
    const MatrixX<float> x = sequence_of(io.at("x"), b), y = sequence_of(io.at(whole ? "y" : "full"), b);
    CHECK(difference(outputs(model, x), y) < 2e-5f);
    if (whole || !io.contains("y")) continue;
    const Index length = lengths[std::size_t(b)];
    CHECK(difference(outputs(model, x.leftCols(length)), sequence_of(io.at("y"), b).leftCols(length)) < 2e-5f);
  }
}

namespace own {
using namespace symbols;
constexpr auto lstm_relu = cell(state(h, c), i = tanh(linear(x, h)), f = tanh(linear(x, h)), g = relu(linear(x, h)),
                                o = tanh(linear(x, h)), next(c) = f * c + i * g, next(h) = o * relu(next(c)));
constexpr auto without_bias = cell(state(h), next(h) = tanh(linear(x, h, no_bias)));
}  // namespace own

/// Model with the layers of Keras that chains can have.
Stack<float> every_layer() {
  Stack<float> model(
      4, {Conv1d{.units = 4, .kernel = 3, .dilation = 2, .groups = 2, .padding = causal()},
          Activate<LeakyRelu>{{.negative_slope = 0.2}}, Dropout{.rate = 0.5, .same_for_all_steps = true},
          Activate<Identity>{}, Conv1d{.units = 6, .kernel = 2, .stride = 2, .padding = same(), .biased = false},
          ConvTranspose1d{.units = 3, .kernel = 2, .stride = 3, .output_padding = 1},
          BatchNorm{.epsilon = 0.01, .scaled = false}, MaxPool1d{.kernel = 2, .stride = 1, .padding = same()},
          Bidirectional<GruResetBefore>{.units = 3, .merge = Merge::average}, LayerNorm{.shifted = false},
          Upsample{.factor = 2}, AveragePool1d{.kernel = 3}, Recurrent<Elman>{.units = 4},
          Activate<HardTanh>{{.low = 0, .high = 2}}, LayerNorm{.epsilon = 0.01, .shifted = false, .centred = false},
          Recurrent<Gru>{.units = 3}, LastStep{}, Activate<Elu>{{.alpha = 0.5}}, Dense{.units = 2, .biased = false}});
  model.parameters().values().setLinSpaced(-0.7f, 0.9f);
  model.parameters()["6.running_var"].setConstant(0.3f);
  return model;
}

template <class Model>
void round_trip(const Model& model, const MatrixX<float>& x) {
  const Folder folder;
  write_keras(model, folder.path / "a.keras");
  const auto again = open_keras<float>(folder.path / "a.keras");
  CHECK(difference(outputs(again, x), outputs(model, x)) < 1e-6f);
  auto other = model;
  other.parameters().values().setZero();
  import_keras(other, folder.path / "a.keras");
  CHECK(other.parameters().values() == model.parameters().values());
}

MatrixX<float> noise(Index features, Index steps) {
  std::mt19937 random(7);
  std::normal_distribution<float> normal;
  return MatrixX<float>::NullaryExpr(features, steps, [&] { return normal(random); });
}

}  // namespace

TEST_CASE("keras: outputs of opened models are those of Keras 2 and 3") {
  for (const std::string& path : stored())
    for (const char* end : {".keras", ".h5"})
      if (std::filesystem::exists(path + end) && !needs_own_cell(path))
        check_outputs(open_keras<float>(path + end), path);
}

TEST_CASE("keras: weights without an architecture are assigned by the order of the layers") {
  for (const std::string& path : stored()) {
    if (!std::filesystem::exists(path + ".weights.h5")) continue;
    if (path.ends_with("global_mean")) continue;  // Dense and TimeDistributed: their order is ambiguous
    INFO(path);
    auto model = open_keras<float>(path + (std::filesystem::exists(path + ".keras") ? ".keras" : ".h5"));
    const VectorX<float> values = model.parameters().values();
    model.parameters().values().setConstant(5);
    import_keras(model, path + ".weights.h5");
    CHECK(model.parameters().values() == values);
  }
}

TEST_CASE("keras: models that are written and opened again have the same layers and parameters") {
  const Folder folder;
  for (const std::string& path : stored()) {
    if (!std::filesystem::exists(path + ".keras") || needs_own_cell(path)) continue;
    if (path.ends_with("keras2/functions") || path.ends_with("keras2/global_mean")) continue;  // another hard_sigmoid
    INFO(path);
    const auto model = open_keras<float>(path + ".keras", {.logits = true});
    write_keras(model, folder.path / "a.keras");
    const auto again = open_keras<float>(folder.path / "a.keras");
    CHECK(again.parameters().values() == model.parameters().values());
    CHECK(detail::own_keras_layers(again).model.layers.size() == detail::own_keras_layers(model).model.layers.size());
  }
}

TEST_CASE("keras: files for scripts/check_keras", "[.keras]") {
  const std::filesystem::path folder = "keras_written";
  std::filesystem::create_directories(folder);
  for (const std::string& path : stored()) {
    if (!std::filesystem::exists(path + ".keras") || needs_own_cell(path) || path.find("keras2") != path.npos) continue;
    write_keras(open_keras<float>(path + ".keras", {.logits = true}),
                folder / (std::filesystem::path(path).filename().string() + ".keras"));
  }
}

TEST_CASE("keras: a model of known layers is imported") {
  Sequential known(5, Recurrent<Lstm>{.units = 8}, Dropout{.rate = 0.1}, Recurrent<Lstm>{.units = 6},
                   Dense{.units = 3});
  import_keras(known, file("lstm.keras"));
  const VectorX<float> values = known.parameters().values();
  CHECK(open_keras<float>(file("lstm.h5")).parameters().values() == values);
  CHECK(open_keras<double>(file("lstm.keras")).parameters().values().cast<float>() == values);

  Stack<float> last(4, {Recurrent<Lstm>{.units = 3}, LastStep{}, Dense{.units = 2}});
  import_keras(last, file("functional_chain.keras"));
  check_outputs(last, file("functional_chain").string());

  Stack<float> own_cell(4, {Recurrent<EquationsOf<own::lstm_relu>::Cell>{.units = 4}, Dense{.units = 2}});
  import_keras(own_cell, file("lstm_relu.keras"));
  check_outputs(own_cell, file("lstm_relu").string());
  CHECK_THROWS_MATCHES(open_keras<float>(file("lstm_relu.keras")), FileError,
                       says("must have the activation tanh and the recurrent_activation sigmoid; use import_keras"));
}

TEST_CASE("keras: a graph becomes a graph only where it is none of a chain") {
  const auto graph = open_keras<float>(file("graph.keras"));
  std::vector<std::string> names;
  graph.each_layer([&](const auto& layer, auto) { names.push_back(std::string(layer.name())); });
  CHECK(names == std::vector<std::string>{"graph", "graph", "dropout", "dense"});
  const auto chain = open_keras<float>(file("functional_chain.keras"));
  CHECK(chain.depth() == 2);
  CHECK(chain.parameters().table().find("1.weight") != nullptr);
}

TEST_CASE("keras: every layer is written and read") {
  round_trip(every_layer(), noise(4, 11));
  Stack<float> tokens(1, {Embedding{.size = 7, .dimension = 3},
                          Bidirectional<Lstm>{.units = 2, .merge = Merge::product, .returns = Returns::last},
                          Dense{.units = 2}, Activate<HardSigmoid>{{.alpha = 1.0 / 6, .beta = 0.5}}});
  tokens.initialise(3);
  round_trip(tokens, (MatrixX<float>(1, 4) << 1, 6, 0, 2).finished());
  Stack<float> pooled(2, {Recurrent<Lstm>{.units = 2, .returns = Returns::last},
                          Dropout{.rate = 0.2, .same_for_all_steps = true}, Dense{.units = 1}});
  pooled.initialise(4);
  round_trip(pooled, noise(2, 3));
  Stack<float> backward(3, {Recurrent<Gru>{.units = 2, .direction = Direction::backward, .returns = Returns::last}});
  backward.initialise(1);
  round_trip(backward, noise(3, 5));
}

TEST_CASE("keras: a graph is written and read") {
  Graph<float> graph;
  const auto in = graph.input();
  const auto a = graph.add(Dense{.units = 3}, in), b = graph.add(Recurrent<Gru>{.units = 3}, a),
             c = graph.add(Dense{.units = 3}, a);
  const auto d = graph.product({graph.sum({a, b}), graph.mean({c, b})});
  graph.concat({d, graph.add(Activate<Tanh>{}, in), c});
  Stack<float> model(2, {Dense{.units = 2}, graph, MeanOverTime{}, Dense{.units = 1}});
  model.initialise(1);
  round_trip(model, noise(2, 6));
}

TEST_CASE("keras: use_bias=False is a layer without biases, and a layer with biases reads zeros") {
  Stack<float> own_cell(2, {Recurrent<EquationsOf<own::without_bias>::Cell>{.units = 3}});
  own_cell.initialise(1);
  round_trip(own_cell, noise(2, 6));
  Stack<float> model(2, {Recurrent<Elman>{.units = 3, .biased = false}});
  model.initialise(1);
  round_trip(model, noise(2, 6));
  const Folder folder;
  write_keras(model, folder.path / "a.keras");
  CHECK(open_keras<float>(folder.path / "a.keras").parameters().table().names() == "0.h.x, 0.h.h");
  Stack<float> zeros(2, {Recurrent<Elman>{.units = 3}});
  zeros.parameters().values().setConstant(2);
  import_keras(zeros, folder.path / "a.keras");
  CHECK(zeros.parameters()["0.h.b"].isZero(0));
  CHECK(open_keras<float>(file("gru_before.keras")).parameters().table().find("1.r.b") == nullptr);
  Stack<float> both(2, {Bidirectional<Gru>{.units = 2, .biased = false},
                        Recurrent<Lstm>{.units = 3, .returns = Returns::last, .biased = false}});
  both.initialise(2);
  round_trip(both, noise(2, 6));

  Stack<float> biased(2, {Recurrent<Elman>{.units = 3}});
  biased.initialise(1);
  write_keras(biased, folder.path / "b.keras");
  CHECK_THROWS_MATCHES(import_keras(model, folder.path / "b.keras"), FileError, says("use_bias must be false"));
}

TEST_CASE("keras: a softmax at the end is omitted only on request") {
  const auto whole = open_keras<float>(file("global_mean.keras"));
  const auto logits = open_keras<float>(file("global_mean.keras"), {.logits = true});
  CHECK(whole.depth() == logits.depth() + 1);
  CHECK(whole.parameters().values() == logits.parameters().values());
  CHECK(logits.outputs() == 3);
}

TEST_CASE("keras: differences between a model and a file are named, and the model is unchanged") {
  const auto refused = [](Stack<float> model, const char* name, const std::string& part) {
    model.parameters().values().setConstant(2);
    CHECK_THROWS_MATCHES(import_keras(model, file(name)), Error, says(part));
    CHECK((model.parameters().values().array() == 2).all());
  };
  const Recurrent<Lstm> eight{.units = 8}, six{.units = 6};
  refused(Stack<float>(4, {eight, six, Dense{.units = 3}}), "lstm.keras",
          "the input must have 4 features, as in the model, got one that must have 5 features");
  refused(Stack<float>(5, {eight, Recurrent<Lstm>{.units = 7}, Dense{.units = 3}}), "lstm.keras",
          "layer 'lstm_1' ('LSTM'): units must be 7, as in 'layer 1 (lstm)' of the model, got 6");
  refused(Stack<float>(5, {eight, Recurrent<Gru>{.units = 6}, Dense{.units = 3}}), "lstm.keras",
          "the class must be GRU");
  refused(Stack<float>(5, {eight, six}), "lstm.keras", "layer 'dense' ('Dense') must be absent, as in the model");
  refused(Stack<float>(5, {eight, six, Dense{.units = 3}, Activate<Tanh>{}}), "lstm.keras",
          "there must be a layer 'layer 3 (tanh)' ('Activation'), as in the model, got none");
  refused(Stack<float>(5, {eight, six, Dense{.units = 3, .biased = false}}), "lstm.keras", "use_bias must be false");
  refused(Stack<float>(5, {eight, six, Dense{.units = 4}}), "lstm.weights.h5",
          "layer 'layer 2 (dense)' ('Dense'): kernel must have the shape [6, 4], got [6, 3]");
  refused(Stack<float>(5, {eight, Dense{.units = 3}}), "lstm.weights.h5",
          "1 layers have no place in the model: 'lstm_1'");
  refused(Stack<float>(5, {eight, Recurrent<Gru>{.units = 6}, Dense{.units = 3}}), "lstm.weights.h5",
          "there must be weights of layer 'layer 1 (gru)' ('GRU'), got none");
  CHECK_THROWS_MATCHES(open_keras<float>(file("lstm.weights.h5")), FileError,
                       says("must have an architecture, got weights only; use import_keras"));
}

TEST_CASE("keras: layers that Keras does not have are refused by name") {
  const Folder folder;
  const auto refused = [&](std::vector<AnyLayer<float>> layers, const std::string& part) {
    Stack<float> model(2, std::move(layers));
    model.initialise(1);
    CHECK_THROWS_MATCHES(write_keras(model, folder.path / "a.keras"), ValueError, says(part));
    CHECK(std::filesystem::is_empty(folder.path));
  };
  refused({Recurrent<Elman>{.units = 1, .direction = Direction::backward}},
          "Keras: layer 0 (elman, backward) must run forward or return the last step");
  refused({Conv1d{.units = 1, .kernel = 3, .padding = 1}}, "must have the padding valid(), same() or causal()");
  refused({Conv1d{.units = 1, .kernel = 2, .stride = 2, .dilation = 2}}, "must have a stride or a dilation, not both");
  refused({ConvTranspose1d{.units = 2, .groups = 2}}, "must have one group");
  refused({ConvTranspose1d{.units = 2, .kernel = 3, .stride = 2, .output_padding = 1}}, "output_padding");
  refused({MaxPool1d{.padding = causal()}}, "layer 0 (max pool1d) must have the padding valid() or same()");
  refused({MaxPool1d{.dilation = 2}}, "must have the dilation 1");
  refused({AveragePool1d{.ceil_mode = true}}, "ceil_mode");
  refused({AveragePool1d{.padding = same(), .count_padding = true}}, "count_padding");
  refused({LayerNorm{.centred = false}}, "must have a gain and no shift");
  refused({Activate<GeluTanh>{}}, "must be a function of Keras");
  refused({Activate<HardTanh>{{.low = -2, .high = 2}}}, "must have the limits -1 and 1");
  refused({Activate<HardSigmoid>{}}, "must have alpha 1/6");
  refused({Dense{.units = 2}, LastStep{}}, "layer 1 (last step) must follow a forward Recurrent layer");
  Stack<float> tied(1, {Embedding{.size = 4, .dimension = 2}, TiedDense{.embedding = 0}});
  tied.initialise(1);
  CHECK_THROWS_MATCHES(write_keras(tied, folder.path / "a.keras"), ValueError,
                       says("layer 1 (tied dense) must be a layer that Keras has"));
  tied.parameters().values()[0] = std::numeric_limits<float>::quiet_NaN();
  CHECK_THROWS_AS(write_keras(tied, folder.path / "a.keras"), NonFiniteError);
}

TEST_CASE("keras: a file of another system is named with the function that reads it") {
  CHECK_THROWS_MATCHES(open_keras<float>(data_folder() / "pytorch/a.pt"), FileError,
                       says("a.pt: must be a Keras file, got a PyTorch file; use import_pytorch or open_pytorch"));
}

TEST_CASE("keras: damaged archives are refused") {
  const std::string whole = detail::read_text(file("functional_chain.keras"));
  const Folder folder;
  const auto path = folder.path / "a.keras";
  const auto refused = [&](const std::string& content) {
    write_text(path, content);
    try {
      (void)open_keras<float>(path);
      return false;
    } catch (const Error& error) {
      return std::string_view(error.what()).size() < 1000;
    }
  };
  int accepted = 0;
  for (std::size_t length = 0; length < whole.size(); length += 211) CHECK(refused(whole.substr(0, length)));
  for (std::size_t at = 0; at < whole.size(); at += 103) {
    std::string changed = whole;
    changed[at] = char(changed[at] ^ 0x15);
    accepted += !refused(changed);
  }
  CHECK(accepted < 20);  // bytes such as dates of the archive
  const std::string hdf5 = detail::read_text(file("lstm.h5"));
  for (std::size_t length = 0; length < hdf5.size(); length += 1999) CHECK(refused(hdf5.substr(0, length)));
}

}  // namespace test_keras_hdf5
