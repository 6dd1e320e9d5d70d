#include <unroll/io/import/keras.hpp>
#include <unroll/io/import/pytorch.hpp>
#include <unroll/layers/convolution/conv1d.hpp>
#include <unroll/layers/convolution/conv_transpose1d.hpp>

#include "support/catch.hpp"

namespace test_convolution_weights {

using namespace unroll;

TEST_CASE("pytorch: convolution weights have taps after features and are restored", "[pytorch]") {
  auto model = sequential<double>(4, Conv1d{.units = 6, .kernel = 5, .groups = 2},
                                  ConvTranspose1d{.units = 3, .kernel = 4, .biased = false});
  model.parameters().values() = VectorX<double>::LinSpaced(model.parameters().size(), -1, 1);
  const SafeTensors file = export_pytorch(model, {"a.", "b."});
  CHECK(file.tensors.size() == 3);
  const Tensor &a = file.at("a.weight"), &b = file.at("b.weight");
  CHECK(a.shape == std::vector<Index>{6, 2, 5});
  CHECK(b.shape == std::vector<Index>{6, 3, 4});
  CHECK(a.to<double>()[std::size_t((4 * 2 + 1) * 5 + 3)] == model.parameters()["0.weight"](4, 3 * 2 + 1));
  CHECK(b.to<double>()[std::size_t((5 * 3 + 2) * 4 + 1)] == model.parameters()["1.weight"](5, 1 * 3 + 2));

  auto other = model;
  other.parameters().values().setZero();
  import_pytorch(other, file, {"a.", "b."});
  CHECK(other.parameters().values() == model.parameters().values());

  SafeTensors wrong = file;
  wrong.tensors["a.weight"].shape = {6, 5, 2};
  CHECK_THROWS_MATCHES(import_pytorch(other, wrong, {"a.", "b."}), ShapeError,
                       says("tensor 'a.weight' must have the shape [6, 2, 5], got [6, 5, 2]"));
  CHECK_THROWS_MATCHES(export_pytorch(model, {"a.", "a."}), ValueError,
                       says("layer 1 (conv transpose): the prefix must differ from that of the layer before"));
}

TEST_CASE("keras: convolution weights have taps before features and are restored", "[keras]") {
  auto model = sequential<double>(4, Conv1d{.units = 6, .kernel = 5, .groups = 2},
                                  ConvTranspose1d{.units = 3, .kernel = 4, .biased = false});
  auto& parameters = model.parameters();
  parameters.values() = VectorX<double>::LinSpaced(parameters.size(), -1, 1);
  SafeTensors file;
  write_keras_convolution(parameters, "0.", file, "a/");
  write_keras_convolution(parameters, "1.", file, "b/");
  CHECK(file.at("a/kernel").shape == std::vector<Index>{5, 2, 6});
  CHECK(file.at("a/bias").shape == std::vector<Index>{6});
  CHECK(file.at("b/kernel").shape == std::vector<Index>{4, 3, 6});
  CHECK(file.at("a/kernel").to<double>()[std::size_t((3 * 2 + 1) * 6 + 4)] == parameters["0.weight"](4, 3 * 2 + 1));

  Parameters<double> back = parameters.zeros_like();
  TensorReader reader(file);
  read_keras_convolution(reader, "a/", back, "0.");
  read_keras_convolution(reader, "b/", back, "1.");
  reader.require_all_used();
  CHECK(back.values() == parameters.values());
  file.tensors["a/kernel"].shape = {2, 5, 6};
  CHECK_THROWS_MATCHES(read_keras_convolution(reader, "a/", back, "0."), ShapeError,
                       says("must have the shape [5, 2, 6], got [2, 5, 6]"));
}

}  // namespace test_convolution_weights
