#include <fstream>
#include <unroll/cells/elman.hpp>
#include <unroll/cells/gru.hpp>
#include <unroll/cells/lstm.hpp>
#include <unroll/io/import/rtneural.hpp>
#include <unroll/layers/dropout.hpp>
#include <unroll/layers/embedding.hpp>

#include "exchange/exchanged_models.hpp"
#include "support/temporary.hpp"

namespace test_rtneural {

using namespace exchanged;

namespace {

const std::filesystem::path files = data_folder() / "rtneural";

/// Column of numbers as a sequence [1 x steps].
MatrixX<float> column(const char* name) {
  std::ifstream stream(files / name);
  std::vector<float> numbers;
  for (double number = 0; stream >> number;) numbers.push_back(float(number));
  REQUIRE(numbers.size() >= 100);
  return Eigen::Map<const MatrixX<float>>(numbers.data(), 1, Index(numbers.size()));
}

/// Layer of a file with the shape [units].
std::string layer(const std::string& type, Index units, const std::string& weights, const std::string& rest = "") {
  return text(R"({"type": ")", type, R"(", "shape": [)", units, R"(], "weights": )", weights, rest, "}");
}
std::string model_of(Index features, const std::string& layers) {
  return text(R"({"in_shape": [null, null, )", features, R"(], "layers": [)", layers, "]}");
}

/// Model with every layer of RTNeural.
Stack<float> every_layer() {
  Stack<float> model(
      2, {Conv1d{.units = 4, .kernel = 3, .dilation = 2, .groups = 2, .padding = causal()}, Activate<Relu>{},
          Recurrent<Lstm>{.units = 3}, Activate<Elu>{}, Dropout{.rate = 0.5}, BatchNorm{.epsilon = 0.01},
          Activate<Sigmoid>{}, Recurrent<Gru>{.units = 2}, unroll::Dense{.units = 3}, PRelu{.per_feature = true},
          Activate<Tanh>{}, Activate<Relu>{}, PRelu{}, unroll::Dense{.units = 1}});
  model.parameters().values().setLinSpaced(-0.7f, 0.9f);
  model.parameters()["5.running_var"].setConstant(0.3f);
  return model;
}

MatrixX<float> noise(Index features, Index steps) {
  std::mt19937 random(7);
  std::normal_distribution<float> normal;
  return MatrixX<float>::NullaryExpr(features, steps, [&] { return normal(random); });
}

}  // namespace

TEST_CASE("rtneural: outputs of a Keras model with an LSTM are those of the file") {
  const auto x = column("lstm_x_python.csv"), y = column("lstm_y_python.csv");
  const auto model = open_rtneural<float>(files / "lstm.json");
  CHECK(difference(outputs(model, x), y) < 2e-5f);
  CHECK(difference(streamed(model, x), y) < 2e-5f);

  Sequential known(1, unroll::Dense{.units = 8}, Activate<Tanh>{}, Recurrent<Lstm>{.units = 8},
                   unroll::Dense{.units = 1});
  import_rtneural(known, files / "lstm.json");
  CHECK(known.parameters().values() == model.parameters().values());
  CHECK(difference(streamed(known, x), y) < 2e-5f);
}

TEST_CASE("rtneural: outputs of a Keras GRU with two biases are those of the file") {
  const auto io = read_safetensors(files / "made_gru.io.safetensors");
  const auto x = sequence(io, "x"), y = sequence(io, "y");
  const auto model = open_rtneural<float>(files / "made_gru.json");
  CHECK(difference(outputs(model, x), y) < 2e-5f);
  CHECK(difference(streamed(model, x), y) < 2e-5f);

  Sequential known(2, Recurrent<Gru>{.units = 7}, unroll::Dense{.units = 3}, Activate<Tanh>{});
  import_rtneural(known, files / "made_gru.json");
  CHECK(difference(streamed(known, x), y) < 2e-5f);
  auto precise = open_rtneural<double>(files / "made_gru.json");
  CHECK(precise.parameters().values().cast<float>() == model.parameters().values());
}

TEST_CASE("rtneural: outputs of a state_dict with 4 GRU layers are those of the file") {
  const auto x = column("gru_torch_x_python.csv"), y = column("gru_torch_y_python.csv");
  const auto model = open_rtneural<float>(files / "gru_torch.json");
  CHECK(difference(outputs(model, x), y) < 2e-5f);
  CHECK(difference(streamed(model, x), y) < 2e-5f);

  const Recurrent<Gru> gru{.units = 8};
  Stack<float> known(1, {gru, gru, gru, Dropout{.rate = 0.5}, gru, unroll::Dense{.units = 1}});
  import_rtneural(known, files / "gru_torch.json");
  CHECK(outputs(known, x) == outputs(model, x));
}

TEST_CASE("rtneural: a written model is read with the same bits and outputs") {
  const support::TemporaryFolder folder;
  const auto model = every_layer();
  write_rtneural(model, folder.path / "model.json");
  auto again = every_layer();
  again.parameters().values().setZero();
  import_rtneural(again, folder.path / "model.json");
  CHECK(again.parameters().values() == model.parameters().values());

  const auto opened = open_rtneural<float>(folder.path / "model.json");
  CHECK(opened.parameters().values() == model.parameters().values());
  const std::string written = rtneural_text(opened);
  CHECK(written == rtneural_text(model));
  CHECK(written.starts_with(R"({"in_shape":[null,null,2],"layers":[{"type":"conv1d","activation":"relu","shape":)"));
  CHECK(written.find(R"("kernel_size":[3],"dilation":[2],"groups":2})") != written.npos);
  const auto x = noise(2, 20);
  CHECK(outputs(opened, x) == outputs(model, x));
  for (const char* name : {"lstm.json", "made_gru.json", "gru_torch.json"}) {
    const auto given = open_rtneural<float>(files / name);
    const auto copy = open_rtneural<float>(parse_rtneural(rtneural_text(given)));
    CHECK(copy.parameters().values() == given.parameters().values());
  }
}

TEST_CASE("rtneural: the last tap of a convolution is the newest, and gains may be absent") {
  const auto conv = open_rtneural<float>(
      parse_rtneural(model_of(1, layer("conv1d", 1, "[[[[1]], [[10]]], [0.5]]",
                                       R"(, "kernel_size": [2], "dilation": [1], "activation": "")"))));
  const MatrixX<float> x = (MatrixX<float>(1, 3) << 1, 2, 3).finished();
  CHECK(outputs(conv, x) == (MatrixX<float>(1, 3) << 10.5f, 21.5f, 32.5f).finished());

  const auto norm =
      open_rtneural<float>(parse_rtneural(model_of(1, layer("batchnorm", 1, "[[1], [3]]", R"(, "epsilon": 1)") + "," +
                                                          layer("activation", 1, "[]", R"(, "activation": "relu")"))));
  CHECK(difference(outputs(norm, x), (MatrixX<float>(1, 3) << 0, 0.5f, 1).finished()) < 1e-6f);
}

TEST_CASE("rtneural: prelu has one slope or one per feature, the same for all steps") {
  const MatrixX<float> x{{-1, 2}, {-4, -8}};
  const auto outputs_of = [&](const char* slopes) {
    return outputs(open_rtneural<float>(parse_rtneural(model_of(2, layer("prelu", 2, slopes)))), x);
  };
  CHECK(outputs_of("[[[0.5]]]") == MatrixX<float>{{-0.5f, 2}, {-2, -4}});
  CHECK(outputs_of("[[[0.5, -2]]]") == MatrixX<float>{{-0.5f, 2}, {8, 16}});
  Stack<float> shared(2, {PRelu{}});
  const std::string two = model_of(2, layer("prelu", 2, "[[[0.5, -2]]]"));
  CHECK_THROWS_MATCHES(import_rtneural(shared, parse_rtneural(two)), FileError,
                       says("must be 'prelu of 2 units, slopes 1', as in the model, got 'prelu of 2 units, slopes 2'"));
}

TEST_CASE("rtneural: layers without biases and gains are read and written") {
  const auto make = [] {
    return Stack<float>(2, {Conv1d{.units = 2, .kernel = 2, .padding = causal(), .biased = false},
                            BatchNorm{.scaled = false, .shifted = false}, unroll::Dense{.units = 1, .biased = false},
                            Recurrent<Gru>{.units = 2, .biased = false}, Recurrent<Lstm>{.units = 3, .biased = false}});
  };
  auto model = make(), again = make();
  model.parameters().values().setLinSpaced(0.1f, 1);
  const RtneuralFile file = parse_rtneural(rtneural_text(model));
  import_rtneural(again, file);
  CHECK(again.parameters().values() == model.parameters().values());

  auto changed = file;
  changed.tensors.tensors["2.bias"] = Tensor::of(std::vector<double>{2}, {1});
  CHECK_THROWS_MATCHES(import_rtneural(again, changed), FileError, says("tensor '2.bias' must be 0"));
  changed.tensors = file.tensors;
  changed.tensors.tensors["3.bias"] = Tensor::of(std::vector<double>(12, 0.5), {2, 6});
  CHECK_THROWS_MATCHES(import_rtneural(again, changed), FileError, says("tensor '3.bias' must be 0"));
  const auto opened = open_rtneural<float>(file);  // its layers have biases, which are 0
  CHECK(opened.parameters()["4.f.b"].isZero(0));
  CHECK(rtneural_text(opened) == rtneural_text(model));
  changed = file;
  changed.tensors.tensors["1.gamma"] = Tensor::of(std::vector<double>{1, 3}, {2});
  CHECK_THROWS_MATCHES(import_rtneural(again, changed), FileError, says("tensor '1.gamma' must be 1"));
  CHECK(again.parameters().values() == model.parameters().values());
}

TEST_CASE("rtneural: the first difference between model and file is named") {
  using Layers = std::vector<AnyLayer<float>>;
  const auto refused = [](Index features, Layers layers, const char* message) {
    Stack<float> model(features, std::move(layers));
    model.parameters().values().setConstant(3);
    CHECK_THROWS_MATCHES(import_rtneural(model, files / "lstm.json"), FileError, says(message));
    CHECK((model.parameters().values().array() == 3).all());
  };
  const unroll::Dense eight{.units = 8}, one{.units = 1};
  const Recurrent<Lstm> lstm{.units = 8};
  const Activate<Tanh> squashed;
  refused(2, Layers{eight, squashed, lstm, one}, "in_shape must end in 2, the features of the model, got 1");
  refused(1, Layers{eight, Activate<Relu>{}, lstm, one}, "must be 'activation relu', as in the model, got");
  refused(
      1, Layers{eight, squashed, Recurrent<Gru>{.units = 8}, one},
      "layer 2 (a function is counted as a layer) must be 'gru of 8 units', as in the model, got 'lstm of 8 units'");
  refused(1, Layers{eight, squashed, Recurrent<Lstm>{.units = 9}, one}, "must be 'lstm of 9 units'");
  refused(1, Layers{eight, squashed, lstm}, "must be 'none', as in the model, got 'dense of 1 units'");
  refused(1, Layers{eight, squashed, lstm, one, squashed}, "must be 'activation tanh', as in the model, got 'none'");
}

TEST_CASE("rtneural: layers that RTNeural does not have are refused by name") {
  const auto refused = [](const auto& model, const char* message) {
    CHECK_THROWS_MATCHES(rtneural_text(model), ValueError, says(message));
  };
  refused(Sequential(1, Embedding{.size = 3, .dimension = 2}), "layer 0 (embedding) must be a layer of RTNeural");
  refused(Sequential(1, Activate<Softplus>{}), "must be tanh, relu, sigmoid or elu");
  refused(Sequential(1, Recurrent<Elman>{.units = 2}), "RTNeural has no simple RNN");
  refused(Sequential(1, Recurrent<GruResetBefore>{.units = 2}), "RTNeural's GRU resets after the product");
  refused(Sequential(1, Recurrent<PeepholeLstm>{.units = 2}), "RTNeural's LSTM has no peepholes");

  const auto refused_layer = [&](const AnyLayer<float>& layer, const char* message) {
    Stack<float> model(1, {layer});
    refused(model, message);
    CHECK_THROWS_MATCHES(import_rtneural(model, files / "lstm.json"), ValueError, says(message));
  };
  refused_layer(Activate<Elu>{{.alpha = 2}}, "with alpha 1");
  refused_layer(Recurrent<Lstm>{.units = 2, .direction = Direction::backward}, "must run forward");
  refused_layer(Recurrent<Lstm>{.units = 2, .returns = Returns::last}, "must return all steps");
  refused_layer(Conv1d{.units = 2, .kernel = 2}, "must have causal padding");
  refused_layer(Conv1d{.units = 2, .stride = 2, .padding = causal()}, "must have the stride 1");

  Stack<float> model(1, {unroll::Dense{.units = 1}});
  model.parameters().values().setConstant(std::numeric_limits<float>::infinity());
  CHECK_THROWS_MATCHES(rtneural_text(model), NonFiniteError, says("RTNeural: parameter '0.weight' must be finite"));
}

TEST_CASE("rtneural: files with other layers, shapes and sizes are refused") {
  const auto refused = [](const std::string& text, const char* message) {
    CHECK_THROWS_MATCHES(open_rtneural<float>(parse_rtneural(text, "x.json")), Error, says(message));
  };
  refused("[]", "x.json: the JSON value must be an object that is not empty, got an array of 0");
  refused("{}", "must be an object that is not empty");
  refused(R"({"in_shape": [1]})", "x.json: layers must be given, got nothing");
  refused(model_of(1, ""), "layers must be an array of 1 to 256, got an array of 0");
  refused(model_of(0, "1"), "in_shape[2] must be an integer from 1 to");
  refused(model_of(1, "1"), "layers[0] must be an object, got 1");
  for (const char* type : {"conv2d", "unknown"})
    refused(model_of(1, layer(type, 1, "[]")), (std::string(", got '") + type + "'").c_str());
  refused(model_of(1, layer("prelu", 2, "[[[1]]]")), "layers[0].shape[0] must be 1, got 2");
  refused(model_of(3, layer("prelu", 3, "[[[1, 2]]]")), "layers[0].weights[0] must be of the shape [1, 3], got [1, 2]");
  refused(model_of(1, layer("prelu", 1, "[[[1], [2]]]")), "must be of the shape [1, 1], got [2, 1]");
  refused(model_of(1, layer("prelu", 1, "[[]]")), "layers[0].weights[0] must be an array of at least 1");
  refused(model_of(1, layer("prelu", 1, "[]")), "layers[0].weights must be an array of 1 to 1");
  refused(model_of(1, layer("dense", 1, "[[[1]], [1]]", R"(, "activation": "softmax")")),
          "layers[0].activation must be tanh, relu, sigmoid, elu, linear or empty, got 'softmax'");
  refused(model_of(1, layer("lstm", 1, "[[[1, 2, 3, 4]], [[1, 2, 3, 4]]]", R"(, "activation": "relu")")),
          "must be tanh, got 'relu'");
  refused(model_of(1, layer("gru", 1, "[[[1, 2, 3]], [[1, 2, 3]], [1, 2, 3]]")),
          "layers[0].weights[2] must be of the shape [2, 3], got [3]");
  refused(model_of(1, layer("lstm", 1, "[[[1, 2, 3, 4]], [[1, 2, 3]]]")), "weights[1] must be of the shape [1, 4]");
  refused(model_of(1, layer("lstm", 1073741824, "[[[1]], [[1]]]")), "weights[0] must be of the shape [1, 4294967296]");
  refused(model_of(1, layer("dense", 2, "[[[1], [2, 3]]]")), "must contain numbers in arrays of equal lengths");
  refused(model_of(1, layer("dense", 1, "[[[true]]]")), "must contain numbers");
  refused(model_of(1, layer("dense", 1, "[[[[[1]]]]]")), "at most 3 levels");
  refused(model_of(1, layer("dense", 1, "[[[1e300]]]")), "must fit in F32");
  refused(model_of(1000000000, layer("batchnorm", 1000000000, "[[1], [1]]", R"(, "epsilon": 1)")),
          "must be of the shape");
  refused(model_of(1, layer("batchnorm", 1, "[[1], [1], [1]]", R"(, "epsilon": 1)")), "an array of 2 or 4");
  refused(model_of(1, layer("batchnorm", 1, "[[1], [1]]", R"(, "epsilon": -1)")), "epsilon");
  refused(model_of(2, layer("conv1d", 3, "[[[[1, 1, 1]]]]", R"(, "kernel_size": 1, "dilation": 1, "groups": 2)")),
          "groups must be a divisor of 2 and 3");
  refused(model_of(1, layer("conv1d", 1, "[[[[1]]]]", R"(, "kernel_size": 1, "dilation": 1, "strides": 2)")),
          "strides must be 1");
  std::string many = layer("activation", 1, "[]", R"(, "activation": "tanh")");
  for (int k = 0; k < 256; ++k) many += "," + layer("activation", 1, "[]", R"(, "activation": "tanh")");
  refused(model_of(1, many), "layers must be an array of 1 to 256, got an array of 257");
  refused(std::string(90, '[') + std::string(90, ']'), "must be an object");
  refused(std::string(1000, '['), "must have at most 100 levels");
  // Small values take more memory than their text.
  std::string zeros;
  for (int k = 0; k < 2'000'000; ++k) zeros += "0,";
  CHECK_THROWS_MATCHES(parse_rtneural("[" + zeros + "0]"), FileError, says("must take at most"));
}

TEST_CASE("rtneural: state_dicts of other modules are refused") {
  const auto refused = [](const std::string& text, const char* message) {
    CHECK_THROWS_MATCHES(open_rtneural<float>(parse_rtneural(text, "x.json")), Error, says(message));
  };
  refused(R"({"a.weight": [[1]], "a.weight": [[1]]})", "the names of tensors must be different, got 1 equal ones");
  refused(R"({"a.weight": [[1]], "b.weight": [[1]]})", "must be an LSTM or GRU, because the file has no activations");
  refused(R"({"a.weight": [1]})", "tensor 'a.weight' must have 2 dimensions, got 1");
  refused(R"({"a.weight_ih_l0": [[1], [1]], "a.weight_hh_l0": [[1], [1]]})",
          "must have 4 (LSTM) or 3 (GRU) times 1 rows");
  refused(R"({"a.weight_ih_l1": [[1]]})", "no tensor 'a.weight'");
  refused(R"({"a.weight": "b"})", "'a.weight' must contain numbers");
  refused(R"({"a.weight": [[1]], "a.extra": [1]})", "'a.extra'");
  refused(R"({"a.weight_ih_l0": [[1]], "a.weight_hh_l0": [[1]]})", "got an nn.RNN, whose function is not in the file");
  const auto linear = open_rtneural<float>(parse_rtneural(R"({"weight": [[1, 2]]})"));
  CHECK(linear.parameters().size() == 2);
  const auto gru =
      open_rtneural<float>(parse_rtneural(R"({"a.weight_ih_l0": [[1], [2], [3]], "a.weight_hh_l0": [[1], [2], [3]]})"));
  CHECK(gru.parameters().table().names() == "0.n.x, 0.r.x, 0.z.x, 0.r.h, 0.z.h, 0.n2.h");
}

TEST_CASE("rtneural: damaged files are read or refused, and a refused file changes nothing") {
  auto model = every_layer();
  const auto good = model.parameters().values();
  const std::string whole = rtneural_text(model);
  const std::string torch = R"({"g.weight_ih_l0": [[1], [2], [3]], "g.weight_hh_l0": [[1], [2], [3]],
      "g.bias_ih_l0": [1, 2, 3], "g.bias_hh_l0": [4, 5, 6], "o.weight": [[0.5]], "o.bias": [-1]})";
  const int read = damaged(whole, [&](const std::string& variant) {
    try {
      import_rtneural(model, parse_rtneural(variant));
    } catch (...) {
      if (model.parameters().values() != good) FAIL("a refused file changed the model");
      throw;
    }
    model.parameters().values() = good;
  });
  CHECK(read > 0);
  CHECK(damaged(torch, [](const std::string& variant) { (void)open_rtneural<float>(parse_rtneural(variant)); }) > 0);
  CHECK_THROWS_MATCHES(read_rtneural(files / "absent.json"), FileError, says("no such file"));
}

}  // namespace test_rtneural
