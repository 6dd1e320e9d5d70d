// Normalisation layers and prelu in files of PyTorch and Keras.

#include <unroll/io/import/keras.hpp>
#include <unroll/io/import/pytorch.hpp>
#include <unroll/layers/activation.hpp>
#include <unroll/layers/dense.hpp>
#include <unroll/layers/graph.hpp>
#include <unroll/layers/normalisation/batch_norm.hpp>
#include <unroll/layers/normalisation/layer_norm.hpp>
#include <unroll/models/stack.hpp>

#include "support/catch.hpp"

namespace test_norm_weights {

using namespace unroll;

namespace {

using Model = Stack<float>;

Model model(std::optional<double> momentum = 0.1) {
  Model model(2, {Dense{.units = 3}, BatchNorm{.momentum = momentum}, LayerNorm{.shifted = false}});
  for (Index k = 0; k < model.parameters().size(); ++k) model.parameters().values()[k] = float(k);
  return model;
}

const std::vector<std::string> prefixes{"0.", "1.", "2."};

}  // namespace

TEST_CASE("pytorch: norm layers are exported under the names of PyTorch and restored") {
  for (const std::optional<double> momentum : {std::optional<double>(), std::optional<double>(0.2)}) {
    const Model from = model(momentum);
    const SafeTensors file = export_pytorch(from, prefixes);
    CHECK(file.at("1.running_var").shape == std::vector<Index>{3});
    CHECK(file.at("1.num_batches_tracked").shape.empty());
    CHECK(file.at("1.num_batches_tracked").to<Index>().front() == (momentum ? 0 : 21));
    CHECK(!file.contains("2.bias"));
    CHECK(!file.contains("1.batches"));
    Model to = model(momentum);
    to.parameters().values().setZero();
    import_pytorch(to, file, prefixes);
    CHECK(to.parameters().values() == from.parameters().values());
  }
}

TEST_CASE("keras: norm layers are exported under the names of Keras and restored") {
  const Model from = model();
  SafeTensors file;
  write_keras_norm(from.parameters(), "1.", file, "batch_normalization/");
  write_keras_norm(from.parameters(), "2.", file, "layer_normalization/");
  CHECK(file.tensors.size() == 5);
  CHECK(file.at("batch_normalization/moving_variance").to<float>() == std::vector<float>{18, 19, 20});
  CHECK(file.at("layer_normalization/gamma").to<float>() == std::vector<float>{21, 22, 23});
  Model to = model();
  to.parameters().values().tail(15).setZero();
  TensorReader reader(file);
  read_keras_norm(reader, "batch_normalization/", to.parameters(), "1.");
  read_keras_norm(reader, "layer_normalization/", to.parameters(), "2.");
  reader.require_all_used();
  CHECK(to.parameters().values() == from.parameters().values());
  CHECK_THROWS_MATCHES(write_keras_norm(from.parameters(), "7.", file, ""), ValueError,
                       says("Keras: no parameters '7.*' of a normalisation; there are 0.weight, 0.bias"));
}

TEST_CASE("pytorch: the slopes of a prelu are exported under the name of PyTorch and restored") {
  for (const bool per_feature : {false, true}) {
    const auto make = [&] { return Model(2, {Dense{.units = 3}, PRelu{.per_feature = per_feature}}); };
    Model from = make(), to = make();
    from.parameters().values().setLinSpaced(-1, 1);
    const SafeTensors file = export_pytorch(from, {"fc.", "act."});
    CHECK(file.at("act.weight").shape == std::vector<Index>{per_feature ? 3 : 1});
    import_pytorch(to, file);
    CHECK(to.parameters().values() == from.parameters().values());
  }
}

TEST_CASE("pytorch: refuses a graph") {
  Graph<float> graph;
  graph.add(Dense{.units = 2}, graph.input());
  CHECK_THROWS_MATCHES(export_pytorch(Model(2, {graph}), {"0."}), ValueError,
                       says("the nodes of a graph have no place in a state_dict"));
}

}  // namespace test_norm_weights
