// Files of PyTorch: torch.save and safetensors, with the outputs that PyTorch computed, and damaged files.

#include <unroll/cells/elman.hpp>
#include <unroll/cells/gru.hpp>
#include <unroll/cells/lstm.hpp>
#include <unroll/io/import/pytorch.hpp>
#include <unroll/layers/activation.hpp>
#include <unroll/layers/bidirectional.hpp>
#include <unroll/layers/convolution/conv1d.hpp>
#include <unroll/layers/dense.hpp>
#include <unroll/layers/embedding.hpp>
#include <unroll/layers/normalisation/batch_norm.hpp>
#include <unroll/layers/tied_dense.hpp>
#include <unroll/models/stack.hpp>

#include "io/pytorch_pickles.hpp"
#include "support/catch.hpp"

namespace pytorch_files {

using namespace unroll;

namespace {

using Model = Stack<float>;
using Bytes = std::vector<std::pair<std::string, std::string>>;

const std::filesystem::path folder = std::filesystem::path(UNROLL_TEST_DATA) / "io/data/pytorch";

Model model_of(char name) {
  const Recurrent<Lstm> lstm{.units = 6};
  std::vector<AnyLayer<float>> layers;
  if (name == 'a')
    layers = {Bidirectional<Lstm>{.units = 8}, Bidirectional<Lstm>{.units = 8}, Dense{.units = 3}};
  else if (name == 'c')
    layers = {Recurrent<ElmanWith<Relu>::Cell>{.units = 8}, Dense{.units = 3}};
  else if (name == 'e')
    layers = {Embedding{.size = 20, .dimension = 6}, lstm, TiedDense{.embedding = 0}};
  else if (name == '2')
    layers = {Embedding{.size = 20, .dimension = 6}, Recurrent<Lstm>{.units = 7}, Dense{.units = 20}};
  else
    layers = {Conv1d{.units = 6, .kernel = 3, .padding = same()}, BatchNorm{}, Activate<Relu>{},
              Recurrent<Gru>{.units = 8}, Dense{.units = 3}};
  return Model(name == 'e' || name == '2' ? 1 : 5, std::move(layers));
}

/// Largest difference between outputs of the model and of PyTorch, for whole sequences and, if `masked`, at the valid
/// steps of shorter ones.
float difference(const Model& model, const std::string& name, bool masked) {
  const SafeTensors file = read_safetensors(folder / (name + ".io.safetensors"));
  const auto columns = [&](const std::string& tensor) {
    const auto values = file.at(tensor).to<float>();
    const Index features = file.at(tensor).shape[2];
    return MatrixX<float>(Eigen::Map<const MatrixX<float>>(values.data(), features, Index(values.size()) / features));
  };
  float largest = 0;
  for (const bool all : {true, false}) {
    if (!all && !masked) continue;
    const Timeline timeline = all ? Timeline::rectangular(4, 9) : Timeline::from_lengths({9, 4, 7, 2});
    Model::Tape tape;
    const MatrixX<float> x = timeline.pack(columns("x")), expected = timeline.pack(columns(all ? "full" : "y"));
    largest = std::max(largest, (model.forward(x, timeline, tape) - expected).cwiseAbs().maxCoeff());
  }
  return largest;
}

SafeTensors parsed(const std::string& bytes, const PyTorchFileOptions& options = {}) {
  return parse_pytorch_file(std::as_bytes(std::span(bytes)), "x.pt", options);
}
void refuses(const std::string& bytes, const std::string& why, const PyTorchFileOptions& options = {}) {
  CHECK_THROWS_MATCHES(parsed(bytes, options), FileError, says(why));
}

std::string floats(const std::vector<float>& values) {
  return {reinterpret_cast<const char*>(values.data()), values.size() * sizeof(float)};
}
std::string float_tensor(std::int64_t elements, std::int64_t offset, const std::vector<std::int64_t>& sizes,
                         const std::vector<std::int64_t>& strides) {
  return pickles::tensor(pickles::storage("FloatStorage", "0", elements), offset, sizes, strides);
}
const std::string one = float_tensor(6, 0, {1}, {1});
const std::string six = floats({0, 1, 2, 3, 4, 5});

/// Whether `read` succeeds or throws an Error of at most 1000 letters; every other exception fails the test.
template <class Read>
bool accepted(Read&& read) try {
  read();
  return true;
} catch (const Error& error) {
  if (std::string_view(error.what()).size() > 1000) FAIL("a message of more than 1000 letters: " << error.what());
  return false;
}

SafeTensors state_dict(const std::vector<std::pair<std::string, std::vector<Index>>>& tensors) {
  SafeTensors file;
  for (const auto& [name, shape] : tensors) {
    Tensor tensor{DType::F32, shape, {}};
    tensor.bytes.resize(std::size_t(tensor.size()) * 4, std::byte(file.tensors.size()));
    file.tensors[name] = std::move(tensor);
  }
  return file;
}

}  // namespace

TEST_CASE("pytorch files: models give the outputs of PyTorch", "[pytorch]") {
  const auto check = [](char name, const std::string& file, float tolerance,
                        const std::vector<std::string>& prefixes = {}, const PyTorchImport& options = {}) {
    CAPTURE(file);
    Model model = model_of(name);
    import_pytorch(model, folder / file, prefixes, options);
    CHECK(difference(model, name == '2' ? "e2" : std::string(1, name), name != 'f') < tolerance);
  };
  for (const std::string file : {"a.pt", "a_ckpt.pt", "a.safetensors", "a_prefix.safetensors", "a_module.safetensors"})
    check('a', file, 2e-5f);
  check('a', "a.pt", 2e-5f, {"rnn.", "rnn.", "out."});
  check('a', "a_ckpt.pt", 2e-5f, {}, {.key = "state_dict"});
  check('a', "a_bf16.safetensors", 1e-2f);
  check('a', "a_extra.safetensors", 2e-5f, {}, {.ignore = {"pos_weight"}});
  check('a', "a_extra.safetensors", 2e-5f, {"rnn.", "rnn.", "out."}, {.ignore = {"pos_*"}});
  check('c', "c.pt", 2e-5f);
  check('c', "c.safetensors", 2e-5f);
  check('e', "e_save_model.safetensors", 2e-5f);
  check('2', "e2.safetensors", 2e-5f);
  check('f', "f.safetensors", 2e-5f);
}

TEST_CASE("pytorch files: refuses modules, the older format and superfluous tensors without a change",
          "[pytorch][hostile]") {
  Model model = model_of('a');
  model.initialise(1);
  const VectorX<float> before = model.parameters().values();
  const auto refuse = [&](const std::string& file, const std::string& why,
                          const std::vector<std::string>& prefixes = {}, const PyTorchImport& options = {}) {
    CHECK_THROWS_MATCHES(import_pytorch(model, folder / file, prefixes, options), FileError, says(why));
    CHECK(model.parameters().values() == before);
  };
  refuse("a_whole.pt", "holds an object of class '__main__.Seq'; save its state_dict() instead");
  refuse("a_legacy.pth", "has the format of torch.save before PyTorch 1.6");
  refuse("a_extra.safetensors", "tensors have no place in the model: '' with 'pos_weight' [3]");
  refuse("a_extra.safetensors", "1 tensors have no place in the model: 'pos_weight'", {"rnn.", "rnn.", "out."});
  refuse("c.pt", "no tensors fit layer 0 (bidirectional lstm), which needs 'bias_hh_l0' [32]");
  refuse("a_ckpt.pt", "has no dictionary of tensors 'model'; there are 'state_dict'", {}, {.key = "model"});
  refuse("missing.pt", "no such file");
  CHECK_THROWS_MATCHES(import_pytorch(model, folder / "a.pt", {}, {.ignore = {""}}), ValueError,
                       says("a pattern in ignore must have at least 1 letter, got ''"));
}

TEST_CASE("pytorch files: names of nn.LSTMCell are those of a layer of nn.LSTM", "[pytorch]") {
  const SafeTensors cell = read_pytorch_file(folder / "h_cell.safetensors");
  SafeTensors layer;
  for (const auto& [name, tensor] : cell.tensors) layer.tensors["rnn." + name + "_l0"] = tensor;
  Model of_cell(5, {Recurrent<Lstm>{.units = 8}}), of_layer = of_cell;
  import_pytorch(of_cell, cell);
  import_pytorch(of_layer, layer, {"rnn."});
  CHECK(!of_layer.parameters().values().isZero(0));
  CHECK(of_cell.parameters().values() == of_layer.parameters().values());
}

TEST_CASE("pytorch files: GRUCell, RNNCell, PReLU and modules without biases have the outputs of PyTorch",
          "[pytorch]") {
  const SafeTensors all = read_pytorch_file(folder / "cells.safetensors");
  const auto difference = [&](const AnyLayer<float>& layer, const std::string& name, bool search) {
    SafeTensors file;
    for (const auto& [key, tensor] : all.tensors)
      if (key.starts_with(name + ".")) file.tensors[key] = tensor;
    Model model(3, {layer});
    model.parameters().values().setConstant(7);
    import_pytorch(model, file, search ? std::vector<std::string>{} : std::vector{name + "."});
    const auto columns = [&](const std::string& tensor) {
      const auto values = all.at(tensor).to<float>();
      return MatrixX<float>(Eigen::Map<const MatrixX<float>>(values.data(), Index(values.size()) / 10, 10));
    };
    Model::Tape tape;
    const auto y = model.forward(columns("x"), Timeline::rectangular(2, 5), tape);
    return (y - columns("y." + name)).cwiseAbs().maxCoeff();
  };
  for (const bool search : {false, true}) {
    CHECK(difference(Recurrent<Gru>{.units = 4}, "gru", search) < 1e-6f);
    CHECK(difference(Recurrent<ElmanWith<Relu>::Cell>{.units = 4}, "rnn", search) < 1e-6f);
    CHECK(difference(PRelu{.per_feature = true}, "prelu", search) == 0);
    CHECK(difference(Bidirectional<Lstm>{.units = 4}, "lstm", search) < 1e-6f);
    CHECK(difference(Recurrent<Gru>{.units = 4}, "gru_without", search) < 1e-6f);
    CHECK(difference(Bidirectional<Lstm>{.units = 4, .biased = false}, "lstm", search) < 1e-6f);
    CHECK(difference(Recurrent<Gru>{.units = 4, .biased = false}, "gru_without", search) < 1e-6f);
  }
}

TEST_CASE("pytorch files: a layer without biases has no tensors for them and refuses those of a file", "[pytorch]") {
  Model model(3, {Recurrent<Lstm>{.units = 2, .biased = false}, Bidirectional<Gru>{.units = 2, .biased = false}});
  model.initialise(1);
  std::string names;
  for (const auto& [name, tensor] : export_pytorch(model, {"a.", "b."}).tensors) names += name + " ";
  CHECK(names ==
        "a.weight_hh_l0 a.weight_ih_l0 b.weight_hh_l0 b.weight_hh_l0_reverse b.weight_ih_l0 b.weight_ih_l0_reverse ");
  const Model biased(3, {Recurrent<Lstm>{.units = 2}, Bidirectional<Gru>{.units = 2}});
  const VectorX<float> before = model.parameters().values();
  const SafeTensors file = export_pytorch(biased, {"a.", "b."});
  CHECK_THROWS_MATCHES(import_pytorch(model, file, {"a.", "b."}), FileError,
                       says("6 tensors have no place in the model: 'a.bias_hh_l0', 'a.bias_ih_l0'"));
  CHECK_THROWS_MATCHES(import_pytorch(model, file), FileError, says("no tensors fit layer 0 (lstm)"));
  CHECK(model.parameters().values() == before);
  const Model mixed(3, {Recurrent<Lstm>{.units = 3, .biased = false}, Recurrent<Lstm>{.units = 3}});
  CHECK_THROWS_MATCHES(export_pytorch(mixed, {"a.", "a."}), ValueError,
                       says("layers of one prefix must have the same cell, sizes, directions and biases"));
}

TEST_CASE("pytorch files: a module with one of its two biases is refused", "[pytorch]") {
  SafeTensors file = read_pytorch_file(folder / "h_cell.safetensors");
  Model model(5, {Recurrent<Lstm>{.units = 8}});
  file.tensors.erase("bias_hh");
  CHECK_THROWS_MATCHES(import_pytorch(model, file, {""}), FileError, says("no tensor 'bias_hh'"));
  CHECK_THROWS_MATCHES(import_pytorch(model, file), FileError, says("no tensors fit layer 0 (lstm)"));
}

TEST_CASE("pytorch files: a TiedDense has a copy of the table or none", "[pytorch]") {
  Model model = model_of('e'), other = model;
  model.initialise(1);
  SafeTensors file = export_pytorch(model, {"emb.", "rnn.", "out."});
  CHECK(file.at("out.weight").bytes == file.at("emb.weight").bytes);
  import_pytorch(other, file);
  CHECK(other.parameters().values() == model.parameters().values());
  file.tensors["out.weight"].bytes.back() = std::byte{1};
  CHECK_THROWS_MATCHES(
      import_pytorch(other, file), FileError,
      says("tensor 'out.weight' must be equal to the weights that this TiedDense shares ('0.weight')"));

  const auto unbiased = [] {
    return Model(1, {Embedding{.size = 4, .dimension = 2}, TiedDense{.embedding = 0, .biased = false}});
  };
  Model from = unbiased(), to = unbiased();
  from.initialise(1);
  SafeTensors both = export_pytorch(from, {"emb.", "out."});
  CHECK(both.tensors.size() == 2);
  import_pytorch(to, both, {"emb.", "out."});
  CHECK(to.parameters().values() == from.parameters().values());
  both.tensors.erase("out.weight");
  to.parameters().values().setZero();
  import_pytorch(to, both);
  CHECK(to.parameters().values() == from.parameters().values());
}

TEST_CASE("pytorch files: strides, offsets and element types", "[pytorch]") {
  const auto read = [](const std::string& value) {
    return parsed(pickles::file(pickles::dictionary({{"a", value}}), six)).at("a");
  };
  CHECK(read(float_tensor(6, 0, {2, 3}, {3, 1})).to<int>() == std::vector<int>{0, 1, 2, 3, 4, 5});
  CHECK(read(float_tensor(6, 0, {3, 2}, {1, 3})).to<int>() == std::vector<int>{0, 3, 1, 4, 2, 5});
  CHECK(read(float_tensor(6, 1, {2, 2}, {3, 1})).to<int>() == std::vector<int>{1, 2, 4, 5});
  CHECK(read(float_tensor(6, 2, {2, 1, 2}, {2, 1000, 1})).to<int>() == std::vector<int>{2, 3, 4, 5});
  CHECK(read(float_tensor(6, 5, {2, 2}, {0, 0})).to<int>() == std::vector<int>{5, 5, 5, 5});
  CHECK(read(float_tensor(6, 4, {}, {})).to<int>() == std::vector<int>{4});
  CHECK(read(float_tensor(6, 6, {3, 0}, {1, 1})).shape == std::vector<Index>{3, 0});
  CHECK(read(pickles::global("torch._utils", "_rebuild_parameter") + "(" + one + "\x88)tR").to<int>() ==
        std::vector<int>{0});
  const auto of_type = [](const std::string& type, std::int64_t elements) {
    const auto value = pickles::tensor(pickles::storage(type, "0", elements), 0, {elements}, {1});
    return parsed(pickles::file(pickles::dictionary({{"a", value}}), std::string("\0\1\0\1\0\1\0\1", 8))).at("a");
  };
  for (const auto& [type, dtype] : {std::pair("DoubleStorage", DType::F64), {"LongStorage", DType::I64}})
    CHECK(of_type(type, 1).dtype == dtype);
  CHECK(of_type("IntStorage", 2).to<Index>() == std::vector<Index>{16777472, 16777472});
  for (const auto& [type, dtype] :
       {std::pair("HalfStorage", DType::F16), {"BFloat16Storage", DType::BF16}, {"ShortStorage", DType::I16}})
    CHECK(of_type(type, 4).dtype == dtype);
  CHECK(of_type("ShortStorage", 4).to<int>() == std::vector<int>{256, 256, 256, 256});
  for (const auto& [type, dtype] :
       {std::pair("CharStorage", DType::I8), {"ByteStorage", DType::U8}, {"BoolStorage", DType::BOOL}})
    CHECK(of_type(type, 8).dtype == dtype);
}

TEST_CASE("pytorch files: finds the dictionary of tensors or asks for its key", "[pytorch]") {
  const auto dictionary = pickles::dictionary({{"t", one}});
  const auto file = [](const Bytes& entries) { return pickles::file(pickles::dictionary(entries), six); };
  const std::string number = pickles::integer(3);
  CHECK(parsed(file({{"t", one}, {"epoch", number}})).contains("t"));
  CHECK(parsed(file({{"weights", dictionary}, {"epoch", number}})).contains("t"));
  CHECK(parsed(file({{"ema", dictionary}, {"model", pickles::dictionary({{"u", one}})}})).contains("u"));
  CHECK(parsed(file({{"loss", one}, {"state_dict", dictionary}})).contains("t"));
  CHECK(parsed(file({{"loss", one}, {"state_dict", dictionary}}), {.key = ""}).contains("loss"));
  refuses(file({{"ema", dictionary}, {"best", dictionary}}),
          "x.pt: holds 2 dictionaries with tensors; set `key` to one of 'best', 'ema'");
  refuses(file({{"model", dictionary}, {"module", dictionary}}), "set `key` to one of 'model', 'module'");
  refuses(file({{"a", dictionary}}), "has no dictionary of tensors 'b'; there are 'a'", {.key = "b"});
  refuses(file({{"epoch", number}}), "holds no dictionary with tensors");
  refuses(pickles::file(one, six), "must hold a dictionary of tensors, it holds another value");
  refuses(file({{"t", one}, {"t", one}}), "has two tensors 't'");
}

TEST_CASE("pytorch files: nothing is executed, and sizes are checked before memory is allocated",
          "[pytorch][hostile]") {
  const auto file = [](const std::string& value) { return pickles::file(pickles::dictionary({{"a", value}}), six); };
  const std::string call = pickles::global("os", "system") + "(" + pickles::text("true") + "tR";
  refuses(file(call), "holds an object of class 'os.system'; save its state_dict() instead");
  refuses(file(pickles::global("torch", "FloatStorage") + ")R"), "it calls a class of storages");
  refuses(file(pickles::global("collections", "OrderedDict") + ")\x81"), "its pickle has the operation 129");
  constexpr std::int64_t huge = std::numeric_limits<std::int64_t>::max();
  const std::string outside = "tensor 'a': its offset, shape and strides do not fit into the 6 elements";
  refuses(file(float_tensor(6, 0, {7}, {1})), outside);
  refuses(file(float_tensor(6, -1, {1}, {1})), outside);
  refuses(file(float_tensor(6, huge, {2}, {huge})), outside);
  refuses(file(float_tensor(6, 6, {1}, {1})), outside);
  refuses(file(float_tensor(6, 0, {huge, huge}, {0, 0})), outside);
  refuses(file(float_tensor(6, 0, {2, 2}, {huge, huge})), outside);
  refuses(file(float_tensor(6, 0, {huge}, {0})),
          "its tensors must have at most 16000000 bytes (16 MB, or 3 times the bytes of the file), got");
  refuses(file(float_tensor(6, 0, {1}, {-1})), "its sizes and strides must be integers of at least 0");
  refuses(file(float_tensor(6, 0, {1, 1}, {1})), "it must have 2 strides, got 1");
  refuses(file(float_tensor(6, 0, std::vector<std::int64_t>(9, 1), std::vector<std::int64_t>(9, 1))),
          "it must have at most 8 dimensions, got 9");
  refuses(file(float_tensor(huge, 0, {1}, {1})),
          "its storage must have 9223372036854775807 elements of 4 bytes, it has 24 bytes");
  refuses(file(float_tensor(-1, 0, {1}, {1})), "a storage must have at least 0 elements, got -1");
  refuses(file(pickles::tensor(pickles::storage("FloatStorage", "7", 6), 0, {1}, {1})), "has no member 'x/data/7'");
  refuses(file(one + "h\x09"), "it refers to a value that it does not have");
  refuses(pickles::archive({{"x/data.pkl", "\x80\x04."}}), "the protocol of its pickle must be 2");
  refuses(pickles::archive({{"x/data.pkl", pickles::pickle("}")}, {"x/byteorder", "big"}}),
          "its byte order must be 'little', got 'big'");
  refuses(pickles::archive({{"a.npy", ""}}), "without the member 'NAME/data.pkl' of torch.save");
  refuses("", "not a valid zip archive");

  // 50000 keys of one dictionary of 50000 numbers, which must be searched once.
  std::string keys, numbers;
  for (int k = 0; k < 50000; ++k) keys += pickles::text(std::to_string(k)) + "h\x01", numbers += "K\x01K\x01";
  refuses(pickles::file("}(" + pickles::text("a") + "}q\x01(" + numbers + "u" + keys + "u"),
          "holds no dictionary with tensors");

  const std::string of_itself =
      "]q\x01h\x01"
      "a";  // a list that contains itself
  CHECK(parsed(pickles::file(pickles::dictionary({{"list", of_itself}, {"a", one}}), six)).tensors.size() == 1);
}

TEST_CASE("pytorch files: damaged files are read or refused with an error of the library", "[pytorch][hostile]") {
  const std::string whole = detail::read_text(folder / "c.pt");
  for (std::size_t size = 0; size < whole.size(); ++size)
    if (accepted([&] { (void)parsed(whole.substr(0, size)); })) FAIL("a file of " << size << " bytes was read");
  for (std::size_t at = 0; at < whole.size(); ++at) {
    std::string changed = whole;
    changed[at] = char(changed[at] ^ char(1 + at % 255));
    accepted([&] { (void)parsed(changed); });
  }

  // The checksums of a zip archive are right here, so that changed pickles are interpreted.
  const std::string name = "c/data.pkl";
  const detail::ZipReader zip(std::as_bytes(std::span(whole)), "c.pt");
  Bytes members;
  for (const auto& member : zip.members()) {
    const auto content = zip.content(member);
    members.emplace_back(member.name, std::string(reinterpret_cast<const char*>(content.data()), content.size()));
  }
  REQUIRE(members.front().first == name);
  const std::string pickle = members.front().second;
  for (std::size_t size = 0; size < pickle.size(); ++size) {
    members.front().second = pickle.substr(0, size);
    if (accepted([&] { (void)parsed(pickles::archive(members)); })) FAIL("a pickle of " << size << " bytes was read");
  }
  for (std::size_t at = 0; at < pickle.size(); ++at)
    for (const int change : {1, 2, 16, 64, 128, 255}) {
      members.front().second = pickle;
      members.front().second[at] = char(pickle[at] ^ char(change));
      accepted([&] {
        for (const auto& item : parsed(pickles::archive(members)).tensors) item.second.check_bytes();
      });
    }
}

TEST_CASE("pytorch prefixes: the only assignment by names, shapes and numbers is found", "[pytorch]") {
  const auto dense = [](std::string prefix, Index out, Index in) {
    return std::vector<std::pair<std::string, std::vector<Index>>>{{prefix + "bias", {out}},
                                                                   {prefix + "weight", {out, in}}};
  };
  const auto of = [&](const std::vector<std::string>& prefixes, Index units) {
    SafeTensors file;
    for (const std::string& prefix : prefixes) file.tensors.merge(state_dict(dense(prefix, units, units)).tensors);
    return file;
  };
  const auto prefixes = [](const SafeTensors& file, Index units, std::size_t layers,
                           const std::vector<std::string>& ignore = {}) {
    const Model model(units, std::vector<AnyLayer<float>>(layers, Dense{.units = units}));
    return detail::pytorch_prefixes(model, file, ignore);
  };
  using Names = std::vector<std::string>;
  CHECK(prefixes(of({"fc10.", "fc2.", "fc1."}, 2), 2, 3) == Names{"fc1.", "fc2.", "fc10."});
  CHECK(prefixes(of({"head.1.", "net.09.", "net.10."}, 2), 2, 2, {"head."}) == Names{"net.09.", "net.10."});

  const Model two(2, {Dense{.units = 3}, Dense{.units = 4}});
  SafeTensors file;
  for (const auto& tensors : {dense("2.", 3, 2), dense("1.", 4, 3)}) file.tensors.merge(state_dict(tensors).tensors);
  CHECK(detail::pytorch_prefixes(two, file, {}) == Names{"2.", "1."});
}

TEST_CASE("pytorch prefixes: an unclear or impossible assignment is refused with the names", "[pytorch][hostile]") {
  Model model(2, {Dense{.units = 2}, Dense{.units = 2}});
  const VectorX<float> before = model.parameters().values();
  const auto refuse = [&](const SafeTensors& file, const std::string& why) {
    CHECK_THROWS_MATCHES(import_pytorch(model, file), FileError, says(why));
    CHECK(model.parameters().values() == before);
    CHECK(!accepted([&] { import_pytorch(model, file); }));
  };
  const std::vector<Index> vector{2}, matrix{2, 2};
  refuse(state_dict({{"a.weight", matrix}, {"a.bias", vector}, {"b.weight", matrix}, {"b.bias", vector}}),
         "several assignments of its name groups to the layers fit: {'a.', 'b.'} and {'b.', 'a.'}; give the prefixes");
  refuse(
      state_dict({{"a.weight", matrix}, {"a.bias", vector}, {"b.weight", matrix}}),
      "no tensors fit layer 1 (dense), which needs 'bias' [2], 'weight' [2, 2]; unused are 'b.' with 'weight' [2, 2]");
  refuse({}, "no tensors fit layer 0 (dense), which needs 'bias' [2], 'weight' [2, 2]; unused are none");
  std::vector<std::pair<std::string, std::vector<Index>>> long_names;
  for (int k = 0; k < 50; ++k) long_names.emplace_back(std::string(300, 'n') + std::to_string(k) + ".x", matrix);
  refuse(state_dict(long_names), "no tensors fit layer 0 (dense)");
}

TEST_CASE("pytorch prefixes: a search of very many assignments is cut", "[pytorch][hostile]") {
  constexpr std::size_t layers = 12;
  SafeTensors file = state_dict({{"z.weight", {1, 1}}});
  for (std::size_t k = 1; k <= layers; ++k)
    file.tensors.merge(
        state_dict({{std::string(k, 'a') + ".weight", {1, 1}}, {std::string(k, 'a') + ".bias", {1}}}).tensors);
  Model model(1, std::vector<AnyLayer<float>>(layers, Dense{.units = 1}));
  CHECK_THROWS_MATCHES(import_pytorch(model, file), FileError,
                       says("no place in the model: 'z.' with 'weight' [1, 1]; ignore them or add their layers; the "
                            "search was not completed: give the prefixes"));
}

TEST_CASE("pytorch names: patterns", "[pytorch]") {
  using detail::matches_glob, detail::is_ignored;
  CHECK(matches_glob("*", ""));
  CHECK(matches_glob("a*c", "abbc"));
  CHECK(matches_glob("a?c*", "abc"));
  CHECK(matches_glob("*.w*t", "a.b.weight"));
  CHECK(!matches_glob("a*c", "abcd"));
  CHECK(!matches_glob("a?", "a"));
  CHECK(!matches_glob("", "a"));
  CHECK(is_ignored("head.weight", {"head."}));
  CHECK(!is_ignored("my.head.weight", {"head."}));
  CHECK(is_ignored("my.head.weight", {"*head.*"}));
  CHECK(is_ignored("bn.num_batches_tracked", {}));
  CHECK(!is_ignored("bn.xnum_batches_tracked", {}));
}

}  // namespace pytorch_files
