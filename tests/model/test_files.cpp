// Model files with every cell of the library, and descriptions of files.

#include <map>

#include "model/model_file.hpp"
#include "model/registry.hpp"
#include "model/run.hpp"
#include "model/show.hpp"
#include "support/catch.hpp"
#include "support/temporary.hpp"
#include "unroll/cells/elman.hpp"
#include "unroll/io/header_file.hpp"
#include "unroll/io/open_model.hpp"
#include "unroll/layers/dense.hpp"
#include "unroll/layers/dropout.hpp"
#include "unroll/layers/graph.hpp"

namespace test_files {

using namespace unroll;
using namespace model_program;

namespace {

/// Model of one layer with a cell, given by its name.
Stack<float> model_of(const std::string& layer, const std::string& cell) {
  nlohmann::json options{{"layer", layer},          {"cell", cell},       {"units", 4},
                         {"direction", "backward"}, {"returns", "steps"}, {"merge", "mean"}};
  const std::map<std::string, nlohmann::json> sizes{{"scrn", {{"context", 3}, {"outputs", 2}}},
                                                    {"lru", {{"outputs", 2}}},
                                                    {"lmu", {{"order", 3}}},
                                                    {"gated deltanet", {{"keys", 3}}},
                                                    {"gated deltanet with heads", {{"keys", 3}, {"heads", 2}}},
                                                    {"mlstm with heads", {{"keys", 3}, {"heads", 2}}},
                                                    {"rwkv-6", {{"rank", 2}}}};
  if (const auto found = sizes.find(cell); found != sizes.end()) options["sizes"] = found->second;
  if (cell.find("project") != cell.npos) options["sizes"] = {{"projected", 2}};
  const auto made = registry().make(StoredOptions(detail::JsonNode(options, "test")));
  Stack<float> model(3, {made, Dense{.units = 2}});
  model.initialise(4);
  return model;
}

Tensor random_input(Index steps, Index batch, Index features) {
  const VectorX<float> numbers = VectorX<float>::Random(steps * batch * features);
  return Tensor::of(std::vector<float>(numbers.begin(), numbers.end()), {steps, batch, features});
}

ModelFile simple() {
  ModelFile file{Format::unroll, Stack<float>(2, {Dropout{.rate = 0.25}, Dense{.units = 3}})};
  file.model.initialise(1);
  return file;
}

}  // namespace

TEST_CASE("model files: those of every cell are opened with the same parameters and outputs", "[model]") {
  const support::TemporaryFolder folder;
  const auto path = folder.path / "model.safetensors";
  const auto cells = registry().cells();
  for (const char* name : {"lstm", "gru", "layer-normalised lstm", "cornn"})
    CHECK(std::find(cells.begin(), cells.end(), name) != cells.end());
  for (const std::string& cell : cells)
    for (const char* layer : {"recurrent", "bidirectional"}) {
      INFO(layer << " of " << cell);
      const ModelFile saved{Format::unroll, model_of(layer, cell), {}, {{"note", cell}}};
      CHECK(write_model_file(saved, path, Format::unroll).empty());
      CHECK(format_of_file(path) == Format::unroll);
      const ModelFile opened = open_model_file(path);
      CHECK(opened.metadata == saved.metadata);
      CHECK(architecture_of(opened) == architecture_of(saved));
      CHECK(opened.model.parameters().values() == saved.model.parameters().values());
      const Tensor x = random_input(5, 2, 3);
      CHECK(outputs_of(opened, sequences_in(x, {}), false).bytes ==
            outputs_of(saved, sequences_in(x, {}), false).bytes);
      const std::string text = description_of(path, {}, false);
      CHECK(text.find("equations of layer 0") != text.npos);
    }
}

TEST_CASE("model run: outputs after the end of a sequence are 0 and do not depend on the padding", "[model]") {
  ModelFile file{Format::unroll, model_of("recurrent", "gru")};
  Tensor x = random_input(6, 3, 3);
  const auto lengths = Tensor::of(std::vector<std::int64_t>{2, 0, 6}, {3});
  const Tensor y = outputs_of(file, sequences_in(x, lengths), false);
  CHECK(y.shape == std::vector<Index>{6, 3, 2});
  auto numbers = x.to<float>();
  for (std::size_t t = 0; t < 6; ++t)
    for (std::size_t b = 0; b < 3; ++b)
      for (std::size_t k = 0; k < 3; ++k)
        if ((b == 0 && t >= 2) || b == 1) numbers[(t * 3 + b) * 3 + k] = NAN;
  CHECK(outputs_of(file, sequences_in(Tensor::of(numbers, x.shape), lengths), false).bytes == y.bytes);
  const auto all = y.to<float>();
  for (std::size_t t = 0; t < 6; ++t)
    for (std::size_t k = 0; k < 2; ++k) {
      CHECK(all[(t * 3 + 1) * 2 + k] == 0);
      CHECK((all[t * 6 + k] == 0) == (t >= 2));
    }
}

TEST_CASE("model run: inputs are standardized and initial states are used as the file says", "[model]") {
  ModelFile file{Format::unroll, model_of("recurrent", "gru")};
  const Tensor x = random_input(4, 2, 3);
  const auto run = [&](bool raw) { return outputs_of(file, sequences_in(x, {}), raw).to<float>(); };
  const auto plain = run(false);
  file.details.mean = VectorX<double>{{0.5, 0, -1}};
  file.details.deviation = VectorX<double>{{2, 1, 0.5}};
  CHECK(run(true) == plain);
  CHECK(run(false) != plain);
  auto sequences = sequences_in(x, {});
  for (Index c = 0; c < sequences.values.cols(); ++c)
    sequences.values.col(c) =
        ((sequences.values.col(c).cast<double>() - file.details.mean).array() / file.details.deviation.array())
            .cast<float>();
  CHECK(outputs_of(file, sequences, true).to<float>() == run(false));
  file.details.initial_states = {{VectorX<double>::Constant(4, 0.5)}, {}};
  CHECK(run(true) != plain);
  const support::TemporaryFolder folder;
  write_model_file(file, folder.path / "m.safetensors", Format::unroll);
  const ModelFile again = open_model_file(folder.path / "m.safetensors");
  CHECK(outputs_of(again, sequences_in(x, {}), false).to<float>() == run(false));
  file.details.initial_states[0][0].resize(3);
  CHECK_THROWS_MATCHES(write_model_file(file, folder.path / "m.safetensors", Format::unroll), ValueError,
                       says("initial state 0 of layer 0 must be 4 finite numbers, got 3"));
}

TEST_CASE("model run: tensors that do not match the model are refused", "[model]") {
  const ModelFile file = simple();
  CHECK_THROWS_MATCHES(sequences_in(Tensor::of(std::vector<float>(6), {3, 2}), {}), ShapeError,
                       says("--input: the shape must be (steps, batch, features), got [3, 2]"));
  CHECK_THROWS_MATCHES(sequences_in(Tensor::of(std::vector<float>(), {3, 0, 2}), {}), ShapeError,
                       says("every size must be at least 1"));
  const Tensor x = random_input(3, 2, 4);
  CHECK_THROWS_MATCHES(outputs_of(file, sequences_in(x, {}), false), ShapeError,
                       says("--input: features per step must be 2, as in the model, got 4"));
  const auto refused = [&](const Tensor& lengths, const std::string& why) {
    CHECK_THROWS_MATCHES(sequences_in(x, lengths), Error, says(why));
  };
  refused(Tensor::of(std::vector<std::int64_t>{3}, {1}), "--lengths: the shape must be [2]");
  refused(Tensor::of(std::vector<std::int64_t>{3, 4}, {2}), "entry 1 must be from 0 to 3");
  refused(Tensor::of(std::vector<std::int64_t>{-1, 2}, {2}), "entry 0 must be from 0 to 3");
  refused(Tensor::of(std::vector<float>{1.5f, 2}, {2}), "must fit");
}

TEST_CASE("model convert: the library's file has everything that another format lacks", "[model]") {
  const support::TemporaryFolder folder;
  ModelFile file = simple();
  file.details.outputs = {"a", "b", "c"};
  file.details.mean = file.details.deviation = VectorX<double>::Ones(2);
  file.metadata = {{"note", "x"}};
  const auto left = write_model_file(file, folder.path / "m.json", Format::rtneural);
  CHECK(left ==
        std::vector<std::string>{"standardization of the inputs: inputs of the written model must be standardized",
                                 "outputs", "metadata 'note'"});
  CHECK(format_of_file(folder.path / "m.json") == Format::rtneural);
  CHECK(open_model_file(folder.path / "m.json").model.parameters().values() == file.model.parameters().values());
  file.model = Stack<float>(2, {Recurrent<Lstm>{.units = 2}, Dense{.units = 3}});
  file.details.initial_states = {{VectorX<double>::Ones(2), VectorX<double>::Ones(2)}, {}};
  CHECK_THROWS_MATCHES(write_model_file(file, folder.path / "n.json", Format::rtneural), ValueError,
                       says("must have no initial states"));
  CHECK_FALSE(std::filesystem::exists(folder.path / "n.json"));
  CHECK_THROWS_MATCHES(format_of_extension("model.xyz"), FileError,
                       says("model.xyz: the extension must be one of .safetensors, .pt .pth, "));
  CHECK_THROWS_MATCHES(format_of_extension("model"), FileError, says("the extension must be one of"));
}

TEST_CASE("model convert: a model in every format has the same outputs", "[model]") {
  const support::TemporaryFolder folder;
  ModelFile file{Format::unroll, Stack<float>(1, {Recurrent<Lstm>{.units = 5}, Dense{.units = 1}})};
  file.model.initialise(1);
  const Tensor x = random_input(6, 2, 1);
  const auto expected = outputs_of(file, sequences_in(x, {}), false).to<float>();
  const auto check = [&](const std::string& name, Format format) {
    INFO(name);
    const auto path = folder.path / name;
    CHECK(write_model_file(file, path, format).empty());
    CHECK(format_of_file(path) == format);
    const auto found = outputs_of(open_model_file(path), sequences_in(x, {}), false).to<float>();
    for (std::size_t k = 0; k < expected.size(); ++k) CHECK(std::abs(found[k] - expected[k]) <= 1e-6f);
  };
  check("m.safetensors", Format::unroll);
  check("m.pt", Format::pytorch);
  check("n.safetensors", Format::pytorch);
  check("m.json", Format::rtneural);
  check("m.nam", Format::nam);
#ifdef MODEL_HDF5
  check("m.keras", Format::keras);
#endif
#ifdef MODEL_ONNX
  check("m.onnx", Format::onnx);
  file.details.initial_states = {{VectorX<double>::Constant(5, 0.25), VectorX<double>::Constant(5, -0.5)}, {}};
  const auto with_states = outputs_of(file, sequences_in(x, {}), false).to<float>();
  CHECK(with_states != expected);
  write_model_file(file, folder.path / "s.onnx", Format::onnx);
  const auto found = outputs_of(open_model_file(folder.path / "s.onnx"), sequences_in(x, {}), false).to<float>();
  for (std::size_t k = 0; k < found.size(); ++k) CHECK(std::abs(found[k] - with_states[k]) <= 1e-6f);
  file.details.initial_states.clear();
#endif
  write_model_file(file, folder.path / "weights.hpp", Format::header);
  CHECK(format_of_extension("weights.hpp") == Format::header);
  CHECK(detail::read_text(folder.path / "weights.hpp") == header_text(file.model));
}

TEST_CASE("model convert: to PyTorch lists layers without weights", "[model]") {
  const support::TemporaryFolder folder;
  const auto path = folder.path / "m.pt";
  const ModelFile plain{Format::unroll, Stack<float>(2, {Recurrent<Lstm>{.units = 3}, Dropout{}, Dense{.units = 2}})};
  CHECK(write_model_file(plain, path, Format::pytorch).empty());
  for (const AnyLayer<float>& first : {AnyLayer<float>(Recurrent<Lstm>{.units = 3, .returns = Returns::last}),
                                       AnyLayer<float>(Activate<Relu>{}), AnyLayer<float>(Softmax{})}) {
    const ModelFile other{Format::unroll, Stack<float>(2, {Recurrent<Lstm>{.units = 3}, first, Dense{.units = 2}})};
    const auto left = write_model_file(other, path, Format::pytorch);
    REQUIRE(left.size() == 1);
    CHECK(left[0].starts_with("layers without weights and options of layers"));
  }
}

TEST_CASE("model run: several inputs are arrays by name, in any order", "[model]") {
  Graph<float> graph;
  const auto x = graph.input("x", 2), gap = graph.input("gap", 1);
  graph.add(Dense{.units = 2}, graph.concat({graph.add(Dense{.units = 1}, x), gap}));
  ModelFile file{Format::unroll, Stack<float>(3, {graph})};
  file.model.initialise(1);
  const Tensor xs = random_input(3, 2, 2), gaps = random_input(3, 2, 1);
  const Tensor lengths = Tensor::of(std::vector<std::int64_t>{3, 1}, {2});
  const auto values_of = [](const Tensor& t, Index rows) {
    const auto numbers = t.to<float>();
    return MatrixX<float>(Eigen::Map<const MatrixX<float>>(numbers.data(), rows, t.size() / rows));
  };
  MatrixX<float> both(3, 6);
  both << values_of(xs, 2), values_of(gaps, 1);
  Stack<float>::Tape tape;
  const MatrixX<float> want = file.model.forward(both, Timeline::rectangular(2, 3), tape);
  CHECK(values_of(outputs_of(file, sequences_in({{"gap", gaps}, {"x", xs}}, std::nullopt), false), 2) == want);
  const auto ragged = values_of(outputs_of(file, sequences_in({{"gap", gaps}, {"x", xs}}, lengths), false), 2);
  CHECK(ragged.col(0) == want.col(0));
  CHECK(ragged.col(3).isZero(0));

  const auto refused = [&](const std::map<std::string, Tensor>& arrays, const char* message) {
    CHECK_THROWS_MATCHES(outputs_of(file, sequences_in(arrays, std::nullopt), false), Error, says(message));
  };
  refused({{"x", xs}},
          "--input: the arrays must be x [2 rows], gap [1 row], as in the model, got x [2 rows]; 'gap' is "
          "missing");
  refused({{"x", xs}, {"gap", gaps}, {"m", gaps}}, "there is no 'm'");
  refused({{"x", xs}, {"gap", xs}}, "'gap' must have 1 row, got 2");
  refused({{"x", xs}, {"gap", random_input(4, 2, 1)}},
          "--input: array 'x': steps and batch must be 4 and 2, as in array 'gap', got 3 and 2");
  refused({}, "at least 1, got 0");
  CHECK_THROWS_MATCHES(
      outputs_of(file, sequences_in(random_input(3, 2, 3), std::nullopt), false), ShapeError,
      says("must have one array for each input of the model (.npz), x [2 rows], gap [1 row], got one"));
  const ModelFile plain = simple();
  CHECK_THROWS_MATCHES(outputs_of(plain, sequences_in({{"x", xs}}, std::nullopt), false), ShapeError,
                       says("must be one array (.npy), because the model has one input, got the arrays x [2 rows]"));
}

TEST_CASE("model show: encoder-decoder files and descriptions that are not valid", "[model]") {
  const support::TemporaryFolder folder;
  const auto path = folder.path / "m.safetensors";
  Seq2Seq<Stack<float>, Gru<float>> pairs(
      Stack<float>(1, {Embedding{.size = 5, .dimension = 3}, Recurrent<Gru>{.units = 4}}),
      {.vocabulary = 6, .embedding = 4, .units = 4});
  pairs.initialise(1);
  save(pairs, path);
  const std::string shown = description_of(path, {}, false);
  CHECK(shown.find("decoder 0") != std::string::npos);
  CHECK(shown.find("equations of layer decoder 0 (gru)") != std::string::npos);
  CHECK(shown.find(text("parameters  ", pairs.parameters().size())) != std::string::npos);
  for (const char* model :
       {R"({"encoder":{}})", R"({"layers":[7]})", R"({"layers":[{"name":3}]})", R"({"layers":7})"}) {
    SafeTensors file;
    file.metadata = {{"unroll", "2"}, {"model", model}};
    write_safetensors(path, file);
    INFO(model);
    CHECK_THROWS_MATCHES(description_of(path, {}, false), FileError, says("the description of the model is not valid"));
  }
  CHECK_THROWS_MATCHES(description_of(path, {.architecture = "x"}, false), ValueError,
                       says("--architecture cannot be"));
}

TEST_CASE("model: layers for weights without them come from a description or a file of the library", "[model]") {
  const support::TemporaryFolder folder;
  ModelFile file{Format::unroll, Stack<float>(3, {Recurrent<ElmanWith<Relu>::Cell>{.units = 4}, Dense{.units = 2}})};
  file.model.initialise(1);
  const auto weights = folder.path / "w.safetensors", description = folder.path / "a.json";
  write_model_file(file, weights, Format::pytorch);
  CHECK_THROWS_MATCHES(open_model_file(weights), FileError, says("--architecture"));
  write_model_file(file, folder.path / "m.safetensors", Format::unroll);
  write_text(description, description_of(folder.path / "m.safetensors", {}, true));
  for (const auto& path : {description, folder.path / "m.safetensors"})
    CHECK(open_model_file(weights, {.architecture = path.string()}).model.parameters().values() ==
          file.model.parameters().values());
  write_text(description,
             R"({"model":"chain","features":100000,"layers":[{"layer":"dense","units":100000,"biased":true}]})");
  CHECK_THROWS_MATCHES(open_model_file(weights, {.architecture = description.string()}), FileError,
                       says("the tensors must have at least 10000100000 numbers"));
  CHECK_THROWS_MATCHES(open_model_file(folder.path / "m.safetensors", {.architecture = description.string()}),
                       ValueError, says("--architecture cannot be combined with a file of unroll"));
  CHECK_THROWS_MATCHES(open_model_file(folder.path / "m.safetensors", {.ignore = {"x"}}), ValueError,
                       says("--ignore needs a file of PyTorch, got one of unroll"));
}

}  // namespace test_files
