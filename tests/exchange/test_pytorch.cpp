#include <unroll/cells/elman.hpp>
#include <unroll/cells/gru.hpp>
#include <unroll/cells/lstm.hpp>
#include <unroll/io/import/keras.hpp>
#include <unroll/io/import/onnx_weights.hpp>
#include <unroll/io/import/pytorch.hpp>
#include <unroll/layers/bidirectional.hpp>
#include <unroll/layers/dense.hpp>
#include <unroll/layers/dropout.hpp>

#include "support/catch.hpp"

namespace test_pytorch {

using namespace unroll;

namespace {

const std::vector<std::string> prefixes{"rnn.", "rnn.", "out."};

/// Two layers of one module and a readout, as in most PyTorch models; all parameters differ.
auto model_of(Index units) {
  auto model = sequential<double>(3, Bidirectional<Gru>{.units = units}, Dropout{}, Bidirectional<Gru>{.units = units},
                                  Dense{.units = 2});
  model.parameters().values() = VectorX<double>::LinSpaced(model.parameters().size(), -1, 1);
  return model;
}

template <class C>
Parameters<double> parameters_of(const std::vector<std::pair<std::string, Index>>& sizes = {}) {
  const C cell(CellSizes{.inputs = {3}, .units = 4, .constants = {}, .sizes = sizes});
  Parameters<double> parameters(cell.parameters());
  parameters.values() = VectorX<double>::LinSpaced(parameters.size(), -1, 1);
  return parameters;
}

/// Checks that `read` restores the parameters that `write` wrote.
template <class Write, class Read>
void check_there_and_back(const Parameters<double>& parameters, Write write, Read read) {
  SafeTensors file;
  write(parameters, file);
  Parameters<double> back = parameters.zeros_like();
  TensorReader reader(file);
  read(reader, back);
  reader.require_all_used();
  CHECK(back.values() == parameters.values());
}

}  // namespace

TEST_CASE("pytorch: a state_dict has the names and shapes of PyTorch and is restored exactly", "[pytorch]") {
  const auto model = model_of(4);
  const SafeTensors file = export_pytorch(model, prefixes);
  CHECK(file.at("rnn.weight_ih_l1_reverse").shape == std::vector<Index>{12, 8});
  CHECK(file.at("rnn.bias_hh_l0").shape == std::vector<Index>{12});
  CHECK(file.at("out.weight").shape == std::vector<Index>{2, 8});
  CHECK(file.tensors.size() == 18);
  auto other = model_of(4);
  other.parameters().values().setZero();
  import_pytorch(other, file, prefixes);
  CHECK(other.parameters().values() == model.parameters().values());
}

TEST_CASE("pytorch: two biases are added, except those of the candidate of a GRU", "[pytorch]") {
  SafeTensors file = export_pytorch(model_of(1), prefixes);
  const auto vector = [](double r, double z, double n) {
    return Tensor::of(VectorX<double>(Eigen::Vector3d(r, z, n)));
  };
  file.tensors["rnn.bias_ih_l0"] = vector(1, 2, 3);
  file.tensors["rnn.bias_hh_l0"] = vector(10, 20, 30);
  auto model = model_of(1);
  import_pytorch(model, file, prefixes);
  const auto& p = std::as_const(model).parameters();
  CHECK(p["0.forward.r.b"](0, 0) == 11);
  CHECK(p["0.forward.z.b"](0, 0) == 22);
  CHECK(p["0.forward.n.b"](0, 0) == 3);
  CHECK(p["0.forward.n2.b"](0, 0) == 30);
}

TEST_CASE("second bias: is 0 for parameters and equal to the first bias for gradients", "[pytorch][keras][onnx]") {
  const auto lstm = parameters_of<Lstm<double>>(), gru = parameters_of<Gru<double>>();
  const auto bias = [](const SafeTensors& file, const std::string& name) { return file.at(name).to<double>(); };
  const auto half = [](const std::vector<double>& both, bool second) {
    const auto middle = both.begin() + std::ptrdiff_t(both.size() / 2);
    return second ? std::vector<double>(middle, both.end()) : std::vector<double>(both.begin(), middle);
  };
  for (const SecondBias second : {SecondBias::zero, SecondBias::same}) {
    const bool same = second == SecondBias::same;
    SafeTensors pytorch, keras, onnx, of_gru;
    write_pytorch(lstm, "", pytorch, "", "_l0", second);
    const auto first = bias(pytorch, "bias_ih_l0"), none = std::vector<double>(first.size(), 0.0);
    REQUIRE(first.size() == 16);
    CHECK(first != none);
    CHECK(bias(pytorch, "bias_hh_l0") == (same ? first : none));

    write_onnx(lstm, "", onnx, second);
    const auto both = bias(onnx, "B");
    CHECK(half(both, false) != none);
    CHECK(half(both, true) == (same ? half(both, false) : none));

    write_keras(lstm, "", keras, "", second);  // Keras has one bias
    CHECK(bias(keras, "bias") == first);       // its gate order is PyTorch's

    // The candidate of a GRU that resets after the product has two separate biases.
    write_pytorch(gru, "", of_gru, "", "_l0", second);
    const auto ih = bias(of_gru, "bias_ih_l0"), hh = bias(of_gru, "bias_hh_l0");
    for (std::size_t k = 0; k < 8; ++k) CHECK(hh[k] == (same ? ih[k] : 0));
    const auto own = gru["n2.b"];
    for (std::size_t k = 0; k < 4; ++k) CHECK(hh[8 + k] == own(Index(k), 0));
  }
}

TEST_CASE("pytorch: refuses a state_dict of another model and loads nothing of it", "[pytorch][hostile]") {
  auto model = model_of(4);
  const VectorX<double> before = model.parameters().values();
  SafeTensors file = export_pytorch(model_of(4), prefixes);
  file.file = "model.safetensors";
  for (auto& item : file.tensors) std::ranges::fill(item.second.bytes, std::byte{0});
  const auto refuses = [&]<class E>(std::type_identity<E>, const std::string& why) {
    CHECK_THROWS_MATCHES(import_pytorch(model, file, prefixes), E, says(why));
    CHECK(model.parameters().values() == before);
  };
  SECTION("a tensor is missing") {
    file.tensors.erase("out.bias");
    refuses(std::type_identity<FileError>{}, "model.safetensors: no tensor 'out.bias'");
  }
  SECTION("an unknown tensor") {
    file.tensors["rnn.weight_ih_l2"] = Tensor::of(MatrixX<double>(MatrixX<double>::Zero(1, 1)));
    refuses(std::type_identity<FileError>{}, "1 tensors have no place in the model: 'rnn.weight_ih_l2'");
  }
  SECTION("the last tensor has another shape") {
    file.tensors["rnn.weight_ih_l1_reverse"].shape = {8, 12};
    refuses(std::type_identity<ShapeError>{},
            "tensor 'rnn.weight_ih_l1_reverse' must have the shape [12, 8], got [8, 12]");
  }
  SECTION("prefixes do not match the layers") {
    CHECK_THROWS_MATCHES(import_pytorch(model, file, {"rnn.", "out."}), ValueError,
                         says("prefixes must have 3 entries, one for each layer with parameters, got 2"));
    CHECK_THROWS_MATCHES(import_pytorch(model, file, {"rnn.", "out.", "rnn."}), ValueError,
                         says("got 'rnn.' after another"));
    CHECK_THROWS_MATCHES(export_pytorch(model, {"a.", "out.", "out."}), ValueError,
                         says("the prefix must differ from that of the layer before"));
    CHECK_THROWS_MATCHES(import_pytorch(model, file, {"rnn.", "rnn.", "out.", "x."}), ValueError,
                         says("prefixes must have 3 entries, one for each layer with parameters, got 4"));
  }
}

TEST_CASE("onnx: refuses a direction that the file does not have and reads nothing", "[onnx]") {
  const auto first = parameters_of<Gru<double>>();
  auto second = first;
  second.values() *= 2;
  SafeTensors file;
  write_onnx(first, "", file);
  write_onnx(second, "", file);
  Parameters<double> to = first.zeros_like();
  TensorReader reader(file);
  for (const auto& [direction, directions] : {std::pair<Index, Index>{2, 2}, {-1, 2}, {0, 0}, {5, 3}})
    CHECK_THROWS_MATCHES(read_onnx(reader, direction, directions, to, ""), ValueError,
                         says("read_onnx: direction must be at least 0 and below directions, got"));
  CHECK_THROWS_AS(read_onnx(reader, 0, 3, to, ""), ShapeError);
  CHECK(to.values().isZero(0));
  read_onnx(reader, 1, 2, to, "");
  CHECK(to.values() == second.values());
}

TEST_CASE("other systems: every supported cell is restored from its export", "[pytorch][keras][onnx]") {
  const auto pytorch = [](const Parameters<double>& p) {
    check_there_and_back(
        p, [](const auto& from, SafeTensors& file) { write_pytorch(from, "", file, "a.", "_l0"); },
        [](TensorReader& file, auto& to) { read_pytorch(file, "a.", "_l0", to, ""); });
  };
  const auto keras = [](const Parameters<double>& p) {
    check_there_and_back(
        p, [](const auto& from, SafeTensors& file) { write_keras(from, "", file, "a/"); },
        [](TensorReader& file, auto& to) { read_keras(file, "a/", to, ""); });
  };
  const auto onnx = [](const Parameters<double>& p) {
    check_there_and_back(
        p, [](const auto& from, SafeTensors& file) { write_onnx(from, "", file); },
        [](TensorReader& file, auto& to) { read_onnx(file, 0, 1, to, ""); });
  };
  for (const auto& p : {parameters_of<Elman<double>>(), parameters_of<Lstm<double>>(), parameters_of<Gru<double>>()})
    pytorch(p), keras(p), onnx(p);
  pytorch(parameters_of<ProjectedLstm<double>>({{"projected", 2}}));
  keras(parameters_of<GruResetBefore<double>>());
  for (const auto& p : {parameters_of<GruResetBefore<double>>(), parameters_of<PeepholeLstm<double>>(),
                        parameters_of<CoupledLstm<double>>()})
    onnx(p);
}

}  // namespace test_pytorch
