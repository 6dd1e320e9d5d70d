// Models from state_dicts without their layers in the program.

#include <unroll/io/import/pytorch_open.hpp>

#include "exchange/exchanged_models.hpp"
#include "support/catch.hpp"

namespace test_open_pytorch {

using namespace unroll;

namespace {

std::filesystem::path file(const std::string& name) { return exchanged::data_folder() / "pytorch" / name; }

/// Largest difference to the outputs "full" of PyTorch, tensors (steps, batch, features).
float difference(const Stack<float>& model, const std::string& io) {
  const SafeTensors expected = read_safetensors(file(io + ".io.safetensors"));
  const auto columns = [&](const char* name) {
    const auto values = expected.at(name).to<float>();
    const Index features = expected.at(name).shape[2];
    return MatrixX<float>(Eigen::Map<const MatrixX<float>>(values.data(), features, Index(values.size()) / features));
  };
  const auto& shape = expected.at("x").shape;
  const Timeline timeline = Timeline::rectangular(shape[1], shape[0]);
  Stack<float>::Tape tape;
  return exchanged::difference(model.forward(columns("x"), timeline, tape), columns("full"));
}

SafeTensors changed(const std::string& name, const std::string& remove, std::vector<Index> add = {},
                    const std::string& as = {}) {
  SafeTensors all = read_safetensors(file(name));
  std::erase_if(all.tensors, [&](const auto& item) { return !remove.empty() && item.first.starts_with(remove); });
  if (!as.empty()) {
    Index size = 1;
    for (const Index extent : add) size *= extent;
    all.tensors[as] = Tensor::of(std::vector<float>(std::size_t(size), 0.5f), add);
  }
  return all;
}

void refused(const SafeTensors& tensors, const std::string& why) {
  CHECK_THROWS_MATCHES(open_pytorch<float>(tensors), Error, says(why));
}

}  // namespace

TEST_CASE("open_pytorch: recurrent modules with embedding and linear layer have PyTorch's outputs", "[pytorch]") {
  for (const char* name : {"a.pt", "a_ckpt.pt", "a.safetensors", "a_prefix.safetensors", "a_module.safetensors"})
    CHECK(difference(open_pytorch<float>(file(name)), "a") <= 2e-5f);
  CHECK(difference(open_pytorch<float>(file("a_bf16.safetensors")), "a") <= 1e-2f);
  CHECK(difference(open_pytorch<float>(file("a_extra.safetensors"), {.ignore = {"pos_weight"}}), "a") <= 2e-5f);
  CHECK(difference(open_pytorch<float>(file("e2.safetensors")), "e2") <= 2e-5f);
  CHECK(difference(open_pytorch<float>(file("e_save_model.safetensors")), "e") <= 2e-5f);
  const auto cell = open_pytorch<float>(file("h_cell.safetensors"));
  CHECK(cell.features() == 5);
  CHECK(cell.outputs() == 8);
}

TEST_CASE("open_pytorch: a round trip has the same parameters", "[pytorch]") {
  Stack<float> model(1, {Embedding{.size = 7, .dimension = 3}, Bidirectional<Gru>{.units = 4},
                         Recurrent<Lstm>{.units = 5}, Dense{.units = 2, .biased = false}});
  model.initialise(1);
  const auto exported = export_pytorch(model, {"tokens.", "first.", "second.", "out."});
  CHECK(open_pytorch<float>(exported).parameters().values() == model.parameters().values());
}

TEST_CASE("open_pytorch: modules without biases become layers without biases", "[pytorch]") {
  const SafeTensors cells = read_safetensors(file("cells.safetensors"));
  for (const std::string name : {"lstm", "gru_without"}) {
    SafeTensors tensors;
    for (const auto& [key, tensor] : cells.tensors)
      if (key.starts_with(name + ".")) tensors.tensors[key] = tensor;
    const auto model = open_pytorch<float>(tensors);
    Index numbers = 0;
    for (const auto& [key, tensor] : tensors.tensors) numbers += tensor.shape[0] * tensor.shape[1];
    CHECK(model.parameters().size() == numbers);
    const auto again = export_pytorch(model, {name + "."});
    REQUIRE(again.tensors.size() == tensors.tensors.size());
    for (const auto& [key, tensor] : tensors.tensors) CHECK(again.at(key).bytes == tensor.bytes);
  }
  Stack<float> mixed(2, {Recurrent<Gru>{.units = 3, .biased = false}, Bidirectional<Lstm>{.units = 2},
                         Bidirectional<Lstm>{.units = 5, .biased = false}});
  mixed.initialise(2);
  const auto opened = open_pytorch<float>(export_pytorch(mixed, {"a.", "b.", "c."}));
  CHECK(opened.parameters().values() == mixed.parameters().values());
}

TEST_CASE("open_pytorch: modules whose options are not in the file are refused by name", "[pytorch][hostile]") {
  refused(read_safetensors(file("c.safetensors")),
          "the module 'rnn.' must be an nn.LSTM or nn.GRU, got an nn.RNN, whose function is not in the file");
  refused(read_safetensors(file("f.safetensors")), "the module 'bn.' must be an nn.Embedding, nn.LSTM, nn.GRU");
  refused(read_safetensors(file("a_extra.safetensors")), "the module '' must be");
  refused(changed("a.safetensors", "rnn."), "must have an nn.LSTM or nn.GRU, got 1 other modules");
  refused(changed("a.safetensors", "rnn.weight_hh_l0"), "the module 'rnn.' must have a matrix 'weight_hh_l0'");
  refused(changed("a.safetensors", "rnn.weight_hh_l1"), "the module 'rnn.' must have a matrix 'weight_hh_l1'");
  refused(changed("a.safetensors", "rnn.bias_hh_l1"), "bias_hh_l1");
  refused(changed("a.safetensors", "out.", {3, 9}, "out.weight"), "got 'out.' too");
  refused(changed("a.safetensors", "out.", {3, 16, 1}, "out.weight"), "the module 'out.' must be an nn.Embedding");
  refused(changed("a.safetensors", "", {2, 2, 2}, "rnn.weight_hh_l0"), "must have a matrix 'weight_hh_l0'");
  refused(changed("a.safetensors", "", {40, 8}, "rnn.weight_hh_l0"), "must have 4 (LSTM) or 3 (GRU) times 8 rows");
  refused(changed("a.safetensors", "", {8, 4}, "rnn.weight_hr_l0"),
          "must be an nn.LSTM or nn.GRU without a projection");
  refused(changed("a.safetensors", "", {32, 0}, "rnn.weight_hh_l0"), "must have a matrix 'weight_hh_l0'");
  refused(changed("a.safetensors", "", {16, 5}, "rnn.weight_ih_l0"), "must have a matrix 'weight_ih_l0' of 32 rows");
  SafeTensors ambiguous = changed("e2.safetensors", "out.");
  refused(
      [&] {
        SafeTensors same = changed("h_cell.safetensors", "weight_ih");
        same.tensors["weight_ih"] = Tensor::of(std::vector<float>(32 * 8), {32, 8});
        same.tensors["out.weight"] = Tensor::of(std::vector<float>(3 * 8), {3, 8});
        return same;
      }(),
      "the module 'out.' must be an nn.Embedding or an nn.Linear, got one that fits both");
  ambiguous.tensors["decoder.weight"] = ambiguous.at("emb.weight");
  refused(ambiguous, "must be an nn.Embedding or an nn.Linear, got one that fits both");
  SafeTensors two = read_safetensors(file("h_cell.safetensors"));
  for (const char* name : {"weight_ih", "weight_hh", "bias_ih", "bias_hh"})
    two.tensors[std::string("b.") + name] = two.at(name);
  refused(two, "the sizes of the recurrent modules must fit one order, got 0");
  CHECK_THROWS_MATCHES(open_pytorch<float>(file("a_whole.pt")), FileError, says("a_whole.pt"));
  CHECK_THROWS_MATCHES(open_pytorch<float>(file("a_legacy.pth")), FileError, says("a_legacy.pth"));
}

}  // namespace test_open_pytorch
