// Exchange of weights with PyTorch and Keras. Exported and imported cells and layers must give the same outputs as in
// those systems, which plain loops over their tensors compute here; all others are refused.

#include <unroll/cells/elman.hpp>
#include <unroll/cells/gru.hpp>
#include <unroll/cells/lstm.hpp>
#include <unroll/io/import/keras.hpp>
#include <unroll/io/import/onnx_weights.hpp>
#include <unroll/io/import/pytorch.hpp>
#include <unroll/layers/activation.hpp>
#include <unroll/layers/bidirectional.hpp>
#include <unroll/layers/convolution/conv1d.hpp>
#include <unroll/layers/dense.hpp>
#include <unroll/layers/dropout.hpp>
#include <unroll/layers/embedding.hpp>
#include <unroll/layers/normalisation/batch_norm.hpp>
#include <unroll/layers/normalisation/layer_norm.hpp>
#include <unroll/models/stack.hpp>

#include "support/catch.hpp"

namespace test_other_systems {

using namespace unroll;

// clang-format off: equations keep their lines
namespace written {
using namespace unroll::symbols;
inline constexpr auto gru_as_in_its_paper = cell(state(h), z = sigmoid(linear(h, x)), r = sigmoid(linear(x, h)),
                                                 n = tanh(linear(x) + r * linear(h)), next(h) = (1 - z) * n + z * h);
inline constexpr auto lstm_of_two_terms = cell(
    state(h, c), i = sigmoid(linear(x) + linear(h)), f = sigmoid(linear(x, no_bias) + linear(h)),
    g = tanh(linear(x) + linear(h)), o = sigmoid(linear(x, h)), next(c) = i * g + f * c, next(h) = o * tanh(next(c)));
inline constexpr auto lstm_without_biases =
    cell(state(h, c), i = sigmoid(linear(x, h, no_bias)), f = sigmoid(linear(x, h, no_bias)),
         g = tanh(linear(x, h, no_bias)), o = sigmoid(linear(x, h, no_bias)), next(c) = f * c + i * g,
         next(h) = o * tanh(next(c)));
inline constexpr auto gru_the_other_way_round = cell(state(h), r = sigmoid(linear(x, h)), z = sigmoid(linear(x, h)),
                                                     n = tanh(linear(x) + r * linear(h)), next(h) = h + z * (n - h));
inline constexpr auto gru_of_one_bias = cell(state(h), r = sigmoid(linear(x, h)), z = sigmoid(linear(x, h)),
                                             n = tanh(linear(x) + r * linear(h, no_bias)), next(h) = n + z * (h - n));
inline constexpr auto lstm_of_some_biases =
    cell(state(h, c), i = sigmoid(linear(x, h, no_bias)), f = sigmoid(linear(x, h)), g = tanh(linear(x, h)),
         o = sigmoid(linear(x, h)), next(c) = f * c + i * g, next(h) = o * tanh(next(c)));
inline constexpr auto lstm_of_hard_gates =
    cell(state(h, c), i = hard_sigmoid(linear(x, h)), f = hard_sigmoid(linear(x, h)), g = tanh(linear(x, h)),
         o = hard_sigmoid(linear(x, h)), next(c) = f * c + i * g, next(h) = o * tanh(next(c)));
inline constexpr auto lstm_of_two_functions =
    cell(state(h, c), i = sigmoid(linear(x, h)), f = sigmoid(linear(x, h)), g = tanh(linear(x, h)),
         o = sigmoid(linear(x, h)), next(c) = f * c + i * g, next(h) = o * relu(next(c)));
inline constexpr auto lstm_clipped =
    cell(state(h, c), i = sigmoid(linear(x, h)), f = sigmoid(linear(x, h)), g = tanh(linear(x, h)),
         o = sigmoid(linear(x, h)), next(c) = clip(f * c + i * g, 3), next(h) = o * tanh(next(c)));
inline constexpr auto lstm_of_other_output =
    cell(state(h, c), i = sigmoid(linear(x, h)), f = sigmoid(linear(x, h)), g = tanh(linear(x, h)),
         o = sigmoid(linear(x, h)), next(c) = f * c + i * g, next(h) = o * tanh(next(c)), output(c));
/// A different function with the name tanh.
struct OwnTanh : Softsign {
  static constexpr std::string_view name = "tanh";
};
inline constexpr auto elman_of_another_tanh = cell(state(h), next(h) = activation(OwnTanh{})(linear(x, h)));
inline constexpr auto named_backward = symbol<"backward">;
inline constexpr auto of_odd_name = cell(state(h), named_backward = tanh(linear(x, h)), next(h) = h + named_backward);
}  // namespace written
// clang-format on

namespace {

using M = MatrixX<double>;
using V = VectorX<double>;
constexpr Index inputs = 3, units = 4, steps = 6;

M noise(Index rows, Index cols, std::uint64_t seed) {
  const Random random(seed, Purpose::sample);
  return M::NullaryExpr(rows, cols, [&](Index r, Index c) { return 0.7 * random.normal(std::uint64_t(r + 1000 * c)); });
}
V sigmoid(const V& v) { return 1 / (1 + (-v.array()).exp()); }
V tangent(const V& v) { return v.array().tanh(); }

/// Cell's name in the other system, and the activation of a simple RNN.
struct Kind {
  std::string cell;
  V (*function)(const V&) = tangent;
};

M read(const SafeTensors& file, const std::string& name, Index rows) {
  return file.contains(name) ? matrix<double>(file.at(name)) : M(M::Zero(rows, 1));
}

/// One direction of a module, from PyTorch's documentation.
M torch_direction(const SafeTensors& file, const std::string& suffix, const Kind& kind, const M& x, bool reverse) {
  const M w = read(file, "weight_ih" + suffix, 0), u = read(file, "weight_hh" + suffix, 0);
  const M b = read(file, "bias_ih" + suffix, w.rows()), d = read(file, "bias_hh" + suffix, w.rows());
  const bool projects = file.contains("weight_hr" + suffix);
  const Index n = kind.cell == "lstm" ? w.rows() / 4 : kind.cell == "gru" ? w.rows() / 3 : w.rows();
  V h = V::Zero(u.cols()), c = V::Zero(n);
  M y(u.cols(), x.cols());
  for (Index k = 0; k < x.cols(); ++k) {
    const Index t = reverse ? x.cols() - 1 - k : k;
    const V a = w * x.col(t) + b, s = u * h + d;
    const auto gate = [&](Index g) { return sigmoid(V(a.segment(g * n, n) + s.segment(g * n, n))); };
    if (kind.cell == "lstm") {
      c = gate(1).cwiseProduct(c) + gate(0).cwiseProduct(tangent(a.segment(2 * n, n) + s.segment(2 * n, n)));
      h = gate(3).cwiseProduct(tangent(c));
      if (projects) h = read(file, "weight_hr" + suffix, 0) * h;
    } else if (kind.cell == "gru") {
      const V z = gate(1), m = tangent(a.tail(n) + gate(0).cwiseProduct(s.tail(n)));
      h = V((1 - z.array()).matrix().cwiseProduct(m) + z.cwiseProduct(h));
    } else {
      h = kind.function(a + s);
    }
    y.col(t) = h;
  }
  return y;
}

M torch_module(const SafeTensors& file, const Kind& kind, M x) {
  for (Index layer = 0; file.contains(text("weight_ih_l", layer)); ++layer) {
    M y = torch_direction(file, text("_l", layer), kind, x, false);
    if (file.contains(text("weight_ih_l", layer, "_reverse"))) {
      const M back = torch_direction(file, text("_l", layer, "_reverse"), kind, x, true);
      y.conservativeResize(y.rows() + back.rows(), Eigen::NoChange);
      y.bottomRows(back.rows()) = back;
    }
    x = y;
  }
  return x;
}

/// One layer, from Keras's documentation.
M keras_layer(const SafeTensors& file, const Kind& kind, const M& x) {
  const M w = matrix<double>(file.at("kernel")).transpose(),
          u = matrix<double>(file.at("recurrent_kernel")).transpose();
  const bool after = file.at("bias").shape.size() == 2;
  const M bias = matrix<double>(file.at("bias"));
  const V b = after ? V(bias.row(0)) : V(bias.col(0)), d = after ? V(bias.row(1)) : V(V::Zero(b.size()));
  const Index n = u.cols();
  V h = V::Zero(n), c = V::Zero(n);
  M y(n, x.cols());
  for (Index t = 0; t < x.cols(); ++t) {
    const V a = w * x.col(t) + b, s = u * h + d;
    const auto gate = [&](Index g) { return sigmoid(V(a.segment(g * n, n) + s.segment(g * n, n))); };
    if (kind.cell == "lstm") {
      c = gate(1).cwiseProduct(c) + gate(0).cwiseProduct(tangent(a.segment(2 * n, n) + s.segment(2 * n, n)));
      h = gate(3).cwiseProduct(tangent(c));
    } else if (kind.cell == "gru") {
      const V z = gate(0), r = gate(1);
      const V before = u.bottomRows(n) * V(r.cwiseProduct(h));
      const V m = tangent(a.tail(n) + (after ? V(r.cwiseProduct(s.tail(n))) : before));
      h = V((1 - z.array()).matrix().cwiseProduct(m) + z.cwiseProduct(h));
    } else {
      h = kind.function(a + s);
    }
    y.col(t) = h;
  }
  return y;
}

template <class Model>
M outputs(const Model& model, const M& x) {
  typename Model::Tape tape;
  return model.forward(x, Timeline::rectangular(1, x.cols()), tape);
}
void randomise(SafeTensors& file) {
  std::uint64_t seed = 100;
  for (auto& [name, tensor] : file.tensors) {
    auto shape = tensor.shape;
    tensor = Tensor::of(V(noise(tensor.size(), 1, ++seed)));
    tensor.shape = shape;
  }
}

template <class Model>
void check_pytorch(Model model, const Kind& kind, std::size_t layers = 1) {
  const std::vector<std::string> prefixes(layers, "");
  const M x = noise(inputs, steps, 1);
  model.parameters().values() = noise(model.parameters().size(), 1, 2);
  SafeTensors file = export_pytorch(model, prefixes);
  CHECK(torch_module(file, kind, x).isApprox(outputs(model, x), 1e-12));
  randomise(file);
  import_pytorch(model, file, prefixes);
  CHECK(torch_module(file, kind, x).isApprox(outputs(model, x), 1e-12));
}

template <class C>
void check_keras(const Kind& kind) {
  const M x = noise(inputs, steps, 1);
  auto model = sequential<double>(inputs, Recurrent<OneScalar<C>::template Cell>{.units = units});
  model.parameters().values() = noise(model.parameters().size(), 1, 2);
  SafeTensors file;
  write_keras(model.parameters(), "0.", file, "");
  CHECK(keras_layer(file, kind, x).isApprox(outputs(model, x), 1e-12));
  randomise(file);
  TensorReader reader(file);
  read_keras(reader, "", model.parameters(), "0.");
  CHECK(keras_layer(file, kind, x).isApprox(outputs(model, x), 1e-12));
}

template <const auto& equations>
using Own = EquationCell<double, equations>;

template <class C>
Parameters<double> parameters_of(const std::vector<std::pair<std::string, Index>>& sizes = {}) {
  const C cell(CellSizes{.inputs = {inputs}, .units = units, .constants = {}, .sizes = sizes});
  return Parameters<double>(cell.parameters());
}

/// Checks that export and import refuse the cell.
void refuses(System system, Parameters<double> p, const std::string& why) {
  SafeTensors file;
  TensorReader reader(file);
  if (system == System::pytorch) {
    CHECK_THROWS_MATCHES(write_pytorch(p, "", file, "", "_l0"), ValueError, says(why));
    CHECK_THROWS_MATCHES(read_pytorch(reader, "", "_l0", p, ""), ValueError, says(why));
  } else {
    CHECK_THROWS_MATCHES(write_keras(p, "", file, ""), ValueError, says(why));
    CHECK_THROWS_MATCHES(read_keras(reader, "", p, ""), ValueError, says(why));
  }
  CHECK(file.tensors.empty());
}

void refuses(std::vector<AnyLayer<double>> layers, const std::vector<std::string>& prefixes, const std::string& why) {
  Stack<double> model(inputs, std::move(layers));
  const V before = model.parameters().values();
  CHECK_THROWS_MATCHES(export_pytorch(model, prefixes), ValueError, says(why));
  CHECK_THROWS_MATCHES(import_pytorch(model, SafeTensors{}, prefixes), Error, says(why));
  CHECK(model.parameters().values() == before);
}

const Recurrent<Gru> gru{.units = units};

}  // namespace

TEST_CASE("pytorch: exported and imported models have the outputs of PyTorch", "[pytorch]") {
  const Kind lstm{"lstm"}, of_gru{"gru"};
  check_pytorch(sequential<double>(inputs, Recurrent<Elman>{.units = units}), {"rnn"});
  check_pytorch(sequential<double>(inputs, Recurrent<ElmanWith<Relu>::Cell>{.units = units}),
                {"rnn", [](const V& v) { return V(v.cwiseMax(0)); }});
  check_pytorch(sequential<double>(inputs, Recurrent<Lstm>{.units = units}), lstm);
  check_pytorch(sequential<double>(inputs, Recurrent<ProjectedLstm>{.units = units, .sizes = {{"projected", 2}}}),
                lstm);
  check_pytorch(sequential<double>(inputs, gru), of_gru);
  check_pytorch(
      sequential<double>(inputs, Bidirectional<Gru>{.units = units}, Dropout{}, Bidirectional<Gru>{.units = units}),
      of_gru, 2);
  check_pytorch(sequential<double>(inputs, Recurrent<EquationsOf<written::gru_as_in_its_paper>::Cell>{.units = units}),
                of_gru);
  check_pytorch(sequential<double>(inputs, Recurrent<EquationsOf<written::lstm_of_two_terms>::Cell>{.units = units}),
                lstm);
  check_pytorch(sequential<double>(inputs, Recurrent<EquationsOf<written::lstm_without_biases>::Cell>{.units = units}),
                lstm);
}

TEST_CASE("keras: exported and imported cells have the outputs of Keras", "[keras]") {
  check_keras<Elman<double>>({"rnn"});
  check_keras<ElmanWith<Sigmoid>::Cell<double>>({"rnn", sigmoid});
  check_keras<Lstm<double>>({"lstm"});
  check_keras<Own<written::lstm_of_two_terms>>({"lstm"});
  check_keras<Gru<double>>({"gru"});
  check_keras<GruResetBefore<double>>({"gru"});
}

TEST_CASE("keras: both directions of a Bidirectional are exported for every merge", "[keras]") {
  const M x = noise(inputs, steps, 1);
  for (const Merge merge : {Merge::concat, Merge::sum, Merge::product, Merge::average}) {
    auto model = sequential<double>(inputs, Bidirectional<Gru>{.units = units, .merge = merge});
    model.parameters().values() = noise(model.parameters().size(), 1, 2);
    SafeTensors forward, backward;
    write_keras(model.parameters(), "0.forward.", forward, "");
    write_keras(model.parameters(), "0.backward.", backward, "");
    const M there = keras_layer(forward, {"gru"}, x), turned = x.rowwise().reverse();
    const M back = keras_layer(backward, {"gru"}, turned).rowwise().reverse();
    M y = merge == Merge::product ? M(there.cwiseProduct(back)) : M(there + back);
    if (merge == Merge::average) y /= 2;
    if (merge == Merge::concat) y = (M(2 * units, steps) << there, back).finished();
    CHECK(y.isApprox(outputs(model, x), 1e-12));
  }
}

TEST_CASE("pytorch: refuses cells that PyTorch does not have", "[pytorch]") {
  const System s = System::pytorch;
  refuses(s, parameters_of<CoupledLstm<double>>(), "PyTorch's LSTM has a forget gate, not coupled gates");
  refuses(s, parameters_of<PeepholeLstm<double>>(), "PyTorch's LSTM has no peepholes");
  refuses(s, parameters_of<GruResetBefore<double>>(), "PyTorch's GRU resets after the product");
  refuses(s, parameters_of<ElmanWith<Sigmoid>::Cell<double>>(),
          "PyTorch's simple RNN must have tanh or relu, got sigmoid");
  refuses(s, parameters_of<Own<written::elman_of_another_tanh>>(), "tanh or relu, got tanh[own]");
  refuses(s, parameters_of<Own<written::lstm_of_hard_gates>>(),
          "PyTorch's LSTM must have sigmoid gates and tanh, got hard_sigmoid[0.2, 0.5], tanh, tanh");
  refuses(s, parameters_of<Own<written::lstm_of_two_functions>>(), "got sigmoid, tanh, relu");
  refuses(s, parameters_of<Own<written::lstm_clipped>>(),
          "no cell with 'next(c) = clip(f * c + i * g, 3)'; the nearest, its LSTM, has 'next(c) = f * c + i * g'");
  refuses(s, parameters_of<Own<written::lstm_of_other_output>>(), "no cell with 'output(c)'");
  refuses(s, parameters_of<Own<written::gru_the_other_way_round>>(),
          "no cell with 'next(h) = h + z * (n - h)'; the nearest, its GRU, has 'next(h) = n + z * (h - n)'");
  refuses(s, parameters_of<Own<written::gru_of_one_bias>>(), "must have all biases or none, got some");
  refuses(s, parameters_of<Own<written::lstm_of_some_biases>>(), "must have all biases or none, got some");
  ParameterTable named_like_one;
  for (const char* name : {"h.x", "h.h"}) named_like_one.add(name, Role::input_weight, 2, 2);
  refuses(s, Parameters<double>(named_like_one), "the cell has no equations, by which PyTorch's cells are identified");
}

TEST_CASE("keras: refuses cells that Keras does not have", "[keras]") {
  const System s = System::keras;
  refuses(s, parameters_of<CoupledLstm<double>>(), "Keras's LSTM has a forget gate, not coupled gates");
  refuses(s, parameters_of<PeepholeLstm<double>>(), "Keras's LSTM has no peepholes");
  refuses(s, parameters_of<ProjectedLstm<double>>({{"projected", 2}}), "Keras's LSTM has no projection");
  refuses(s, parameters_of<Own<written::lstm_of_two_functions>>(),
          "Keras's LSTM must have one function for candidate and output, got tanh and relu");
  refuses(s, parameters_of<Own<written::gru_the_other_way_round>>(),
          "Keras has no cell with 'next(h) = h + z * (n - h)'");
  auto dense = sequential<double>(inputs, Dense{.units = 2});
  SafeTensors file;
  CHECK_THROWS_MATCHES(write_keras_norm(dense.parameters(), "0.", file, ""), ValueError,
                       says("Keras: '0.weight' must be a parameter of a normalisation"));
}

TEST_CASE("onnx: the peephole of f is written as 0 and not read when gates are coupled", "[onnx]") {
  Parameters<double> from = parameters_of<CoupledPeepholeLstm<double>>(), to = from.zeros_like();
  from.values() = noise(from.values().size(), 1, 3);
  SafeTensors file;
  write_onnx(from, "", file);
  REQUIRE(file.at("P").shape == std::vector<Index>{1, 3 * units});
  auto peepholes = file.at("P").to<double>();
  const VectorX<double> written = Eigen::Map<const VectorX<double>>(peepholes.data(), 3 * units);
  CHECK(written.head(units) == VectorX<double>(from["p_i"].reshaped()));
  CHECK(written.segment(units, units) == VectorX<double>(from["p_o"].reshaped()));
  CHECK(written.tail(units).isZero(0));
  const auto weights = file.at("W").to<double>();  // gates i, o, f, c
  CHECK(Eigen::Map<const MatrixX<double>>(weights.data(), inputs, 4 * units).middleCols(2 * units, units).isZero(0));
  std::fill(peepholes.end() - units, peepholes.end(), 7);
  file.tensors["P"] = Tensor::of(peepholes, {1, 3 * units});
  TensorReader reader(file);
  read_onnx(reader, 0, 1, to, "");
  CHECK(to.values() == from.values());
  refuses(System::pytorch, from, "PyTorch's LSTM has a forget gate, not coupled gates, and no peepholes");
}

TEST_CASE("onnx: refuses a cell that has the names of a GRU but other equations", "[onnx]") {
  SafeTensors file;
  CHECK_THROWS_MATCHES(write_onnx(parameters_of<Own<written::gru_the_other_way_round>>(), "", file), ValueError,
                       says("ONNX has no cell with 'next(h) = h + z * (n - h)'"));
}

TEST_CASE("pytorch: refuses layers that PyTorch does not have or defines differently", "[pytorch]") {
  const auto both = [](Merge merge) { return Bidirectional<Gru>{.units = units, .merge = merge}; };
  refuses({Recurrent<Gru>{.units = units, .direction = Direction::backward}}, {"a."},
          "layer 0 (gru, backward): runs backward only");
  for (const Merge merge : {Merge::sum, Merge::product, Merge::average})
    refuses({both(merge)}, {"a."}, "merge must be Merge::concat for PyTorch");
  refuses({LayerNorm{.centred = false}}, {"a."}, "layer 0 (rms norm): PyTorch's RMSNorm has no shift");
  refuses({LayerNorm{.scaled = false}}, {"a."}, "PyTorch's LayerNorm has no shift without a gain");
  refuses({BatchNorm{.shifted = false}}, {"a."}, "PyTorch's BatchNorm1d must have gain and shift or neither");
  refuses({Recurrent<EquationsOf<written::of_odd_name>::Cell>{.units = units}}, {"a."}, "PyTorch has no cell with");
  const std::string apart = ": layers of one prefix must have the same cell, sizes, directions and biases";
  refuses({gru, Activate<Tanh>{}, gru}, {"a.", "a."}, "layer 2 (gru)" + apart);
  refuses({gru, Recurrent<Gru>{.units = units + 1}}, {"a.", "a."}, "layer 1 (gru)" + apart);
  refuses({gru, both(Merge::concat)}, {"a.", "a."}, "layer 1 (bidirectional gru)" + apart);
  refuses({gru, Recurrent<Lstm>{.units = units}}, {"a.", "a."}, "layer 1 (lstm)" + apart);
  refuses({Dense{.units = 2}, gru}, {"a.", "a."}, "layer 1 (gru)" + apart);
  refuses({Dense{.units = 2}, Dense{.units = 2}, Dense{.units = 2}}, {"a.", "b.", "a."},
          "PyTorch: equal prefixes must be consecutive, got 'a.' after another");
  refuses({Recurrent<Lstm>{.units = units}, Recurrent<EquationsOf<written::lstm_without_biases>::Cell>{.units = units}},
          {"a.", "a."}, apart);
}

TEST_CASE("pytorch: an embedding has a row for each token, also with padding", "[pytorch]") {
  auto model = sequential<double>(1, Embedding{.size = 5, .dimension = 3, .padding = 2});
  model.parameters().values() = noise(15, 1, 4);
  const SafeTensors file = export_pytorch(model, {"e."});
  CHECK(file.at("e.weight").shape == std::vector<Index>{5, 3});
  const M x = M{{4, 0, 2}}, y = outputs(model, x), table = matrix<double>(file.at("e.weight"));
  for (Index c = 0; c < 3; ++c) CHECK(y.col(c) == table.row(Index(x(0, c))).transpose());
  auto other = sequential<double>(1, Embedding{.size = 5, .dimension = 3});
  import_pytorch(other, file, {"e."});
  CHECK(outputs(other, x) == y);
}

}  // namespace test_other_systems
