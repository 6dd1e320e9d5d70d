// Models from and to ONNX files: of PyTorch's exporters, with its outputs, and of every layer, written and read again.

#include <unroll/io/formats/npz.hpp>
#include <unroll/io/formats/safetensors.hpp>
#include <unroll/io/onnx/open_onnx.hpp>
#include <unroll/io/onnx/write_onnx.hpp>

#include "models.hpp"
#include "support/catch.hpp"
#include "support/temporary.hpp"

namespace test_models {

using namespace onnx_models;

namespace {

std::filesystem::path data(const std::string& name) {
  return std::filesystem::path(UNROLL_TEST_DATA) / "io/data/onnx" / name;
}

/// Dimensions of the files: T steps, B sequences, F features.
enum class Order { tbf, btf, bft };

/// Padded columns [features x steps * batch] of a tensor; of two dimensions: [features x batch].
MatrixX<float> columns_of(const Tensor& tensor, Order order, bool tokens = false) {
  const auto numbers = tensor.to<float>();
  if (tensor.shape.size() == 2 && !tokens)
    return Eigen::Map<const MatrixX<float>>(numbers.data(), tensor.shape[1], tensor.shape[0]);
  std::vector<Index> shape = tensor.shape;
  if (tokens) shape.push_back(1);
  const std::size_t t = order == Order::tbf ? 0 : order == Order::btf ? 1 : 2, f = order == Order::bft ? 1 : 2;
  const std::size_t b = 3 - t - f;
  MatrixX<float> to(shape[f], shape[t] * shape[b]);
  for (std::size_t k = 0; k < numbers.size(); ++k) {
    const Index at[] = {Index(k) / (shape[1] * shape[2]), Index(k) / shape[2] % shape[1], Index(k) % shape[2]};
    to(at[f], at[t] * shape[b] + at[b]) = numbers[k];
  }
  return to;
}

MatrixX<float> outputs(const Stack<float>& model, const MatrixX<float>& x, Index batch,
                       const ModelState<float>& first = {}) {
  Stack<float>::Tape tape;
  ModelState<float> all = first;
  for (auto& states : all)
    for (auto& state : states) state = state.replicate(1, batch).eval();
  return model.forward(x, Timeline::rectangular(batch, x.cols() / batch), tape, {}, all);
}

float difference(const MatrixX<float>& a, const MatrixX<float>& b) {
  REQUIRE(a.rows() == b.rows());
  REQUIRE(a.cols() == b.cols());
  REQUIRE(a.allFinite());
  return (a - b).cwiseAbs().maxCoeff();
}

std::string layers_of(const Stack<float>& model) {
  std::string names;
  model.each_layer([&](const auto& layer, std::size_t) { names += text(names.empty() ? "" : ", ", layer.name()); });
  return names;
}

/// Checks a model of PyTorch against its outputs.
void check_file(const std::string& name, Order order, const std::string& layers, const std::string& arrays_of = {}) {
  INFO(name);
  const auto [model, first] = open_onnx<float>(data(name + ".onnx"));
  CHECK(layers_of(model) == layers);
  const auto arrays = read_npz(data((arrays_of.empty() ? name : arrays_of) + ".npz"));
  const Tensor& x = arrays.at("x");
  const bool tokens = x.shape.size() == 2;
  const Index batch = order == Order::tbf ? x.shape[1] : x.shape[0];
  CHECK(difference(outputs(model, columns_of(x, order, tokens), batch, first), columns_of(arrays.at("y"), order)) <
        2e-6f);
}

}  // namespace

TEST_CASE("onnx: models with outputs of PyTorch have its outputs", "[onnx]") {
  for (const std::string name : {"a_0", "a_1", "c_0"}) {
    INFO(name);
    const auto model = open_onnx<float>(data(name + ".onnx")).model;
    CHECK(layers_of(model) == (name == "c_0" ? "elman, dense" : "bidirectional lstm, bidirectional lstm, dense"));
    const auto file = read_safetensors(data("../pytorch/" + name.substr(0, 1) + ".io.safetensors"));
    const MatrixX<float> x = columns_of(file.at("x"), Order::tbf), y = columns_of(file.at("full"), Order::tbf);
    CHECK(difference(outputs(model, x, file.at("x").shape[1]), y) < 2e-5f);
  }
  check_file("gru_bi", Order::tbf, "bidirectional gru, dense");
  check_file("hcat2", Order::btf, "bidirectional lstm, bidirectional lstm, dense");
  check_file("conv", Order::btf, "conv1d, relu, gru, dense");
  check_file("conv_dynamo", Order::btf, "conv1d, relu, gru, dense",
             "conv");  // exporters join Conv and BatchNormalization
  check_file("learned", Order::tbf, "gru, dense");
  check_file("emb", Order::btf, "embedding, lstm, dense");
  check_file("res", Order::tbf, "graph, layer norm, graph, dense");
  check_file("tcn", Order::bft, "graph, max pool1d, mean over time, dense");
  check_file("deconv", Order::bft, "conv1d, gelu, conv transpose");
}

TEST_CASE("onnx: written models are read with the same outputs", "[onnx]") {
  for (const Named& named : all()) {
    INFO(named.name);
    const Stack<float> model = model_of(named);
    const auto again = open_onnx<float>(parse_onnx(onnx_bytes(model)));
    CHECK(again.first.empty());
    const MatrixX<float> x = input_of(named, 7, 3);
    CHECK(difference(outputs(again.model, x, 3), outputs(model, x, 3)) <= 1e-6f);
    // The functions silu and square become products, norms without a gain get one, and dropout is omitted.
    if (named.name.starts_with("lstm") || named.name.starts_with("conv") || named.name.starts_with("last_"))
      CHECK(layers_of(again.model) == layers_of(model));
  }
}

TEST_CASE("onnx: initial states are written and read", "[onnx]") {
  for (const std::string name : {"lstm", "gru_both", "peephole", "graph"}) {
    INFO(name);
    const auto models = all();
    const Named& named = *std::ranges::find(models, name, &Named::name);
    const Stack<float> model = model_of(named);
    ModelState<float> first(model.depth());
    model.each_layer([&](const auto& layer, std::size_t k) {
      for (const Index rows : layer.state_rows())
        first[k].push_back(MatrixX<float>::Constant(rows, 1, 0.25f * float(first[k].size() + 1)));
    });
    const support::TemporaryFolder folder;
    write_onnx(OnnxModel<float>{model, first}, folder.path / "model.onnx");
    const auto again = open_onnx<float>(folder.path / "model.onnx");
    const MatrixX<float> x = input_of(named, 5, 2);
    CHECK(difference(outputs(again.model, x, 2, again.first), outputs(model, x, 2, first)) <= 1e-6f);
    CHECK_FALSE(outputs(model, x, 2).isApprox(outputs(model, x, 2, first), 1e-3f));
  }
}

TEST_CASE("onnx: states and lengths are inputs with options", "[onnx]") {
  const auto models = all();
  const Stack<float> model = model_of(*std::ranges::find(models, "lstm", &Named::name));
  const OnnxFile file = parse_onnx(onnx_bytes(model, {}, {.lengths = true, .states = true}));
  std::string names;
  for (const auto& input : file.model->graph().input()) names += input.name() + " ";
  for (const auto& output : file.model->graph().output()) names += output.name() + " ";
  CHECK(names == "x lengths 0.h 0.c y 0.h_next 0.c_next ");
  CHECK(open_onnx<float>(file).model.parameters().values() == model.parameters().values());
  CHECK(open_onnx<float>(file, {.input = "x", .output = "0.h_next"}).model.per_step() == false);
  CHECK_THROWS_MATCHES(open_onnx<float>(file, {.output = "z"}), FileError, says("the model must have the output 'z'"));
  CHECK_THROWS_MATCHES(
      onnx_bytes(model, ModelState<float>(1, State<float>(2, MatrixX<float>::Zero(4, 1))), {.states = true}),
      ValueError, says("initial states must be empty with states as inputs"));
  CHECK_THROWS_MATCHES(onnx_bytes(model, ModelState<float>(1, State<float>(2, MatrixX<float>::Zero(3, 1)))), ShapeError,
                       says("state 0 of layer 0 must be [4 x 1], got [3 x 1]"));
}

TEST_CASE("onnx: a double model is written in float and read as double", "[onnx]") {
  Stack<double> model(2, {Recurrent<Gru>{.units = 3}});
  model.initialise(3);
  const auto again = open_onnx<double>(parse_onnx(onnx_bytes(model))).model;
  CHECK(again.parameters().values().isApprox(model.parameters().values(), 1e-6));
  model.parameters().values()[0] = 1e300;
  CHECK_THROWS_MATCHES(onnx_bytes(model), ValueError, says("parameters must be finite in float"));
}

TEST_CASE("onnx: a Scan is written, and refused with its node when it is read", "[onnx]") {
  const auto refuses = [](const Layers& layers, const std::string& node) {
    const OnnxFile file = parse_onnx(onnx_bytes(Stack<float>(features, layers)));
    CHECK_THROWS_MATCHES(open_onnx<float>(file), FileError,
                         says(node) && says("('Scan'): the equations of a cell in a Scan are not"));
  };
  refuses({Dense{.units = 2}, Recurrent<PeepholeLstmLinear>{.units = 3}}, "node '1.Scan_");
  refuses({Recurrent<ProjectedLstm>{.units = 3, .sizes = {{"projected", 2}}}}, "node '0.Scan_");
}

TEST_CASE("onnx: models that ONNX does not have are refused by layer", "[onnx]") {
  const auto refuses = [](const Layers& layers, const OnnxOptions& options, const std::string& why) {
    const Stack<float> model(features, layers);
    CHECK_THROWS_MATCHES(onnx_bytes(model, {}, options), ValueError, says(why));
  };
  refuses({LayerNorm{.centred = false}}, {}, "layer 0 (rms norm) must have no shift");
  refuses({MeanOverTime{}}, {.lengths = true}, "layer 0 (mean over time) must be recurrent");
  refuses({Dense{.units = 1}, Embedding{.size = 3, .dimension = 2}}, {}, "layer 1 (embedding) must be the first layer");
}

}  // namespace test_models
