// Training that continues from checkpoints of PyTorch, and checkpoints for PyTorch.

#include <unroll/cells/elman.hpp>
#include <unroll/cells/gru.hpp>
#include <unroll/cells/lstm.hpp>
#include <unroll/io/import/pytorch_optimizer.hpp>
#include <unroll/layers/activation.hpp>
#include <unroll/layers/bidirectional.hpp>
#include <unroll/layers/dense.hpp>
#include <unroll/layers/embedding.hpp>
#include <unroll/layers/normalisation/batch_norm.hpp>
#include <unroll/layers/tied_dense.hpp>
#include <unroll/models/stack.hpp>

#include "io/pytorch_pickles.hpp"
#include "support/catch.hpp"
#include "support/temporary.hpp"

namespace pytorch_training {

using namespace unroll;

// clang-format off: equations keep their lines
namespace written {
using namespace unroll::symbols;
/// LSTM with two biases per gate, as in PyTorch.
inline constexpr auto lstm = cell(state(h, c), i = sigmoid(linear(x) + linear(h)), f = sigmoid(linear(x) + linear(h)),
                                  g = tanh(linear(x) + linear(h)), o = sigmoid(linear(x) + linear(h)),
                                  next(c) = f * c + i * g, next(h) = o * tanh(next(c)));
}  // namespace written
// clang-format on

namespace {

using Model = Stack<float>;

const std::filesystem::path& folder() {
  static const std::filesystem::path path = std::filesystem::path(UNROLL_TEST_DATA) / "io/data/pytorch";
  return path;
}
const std::vector<std::string>& prefixes() {
  static const std::vector<std::string> names{"rnn.", "out."};
  return names;
}

Model lstm() { return Model(3, {Recurrent<EquationsOf<written::lstm>::Cell>{.units = 4}, Dense{.units = 2}}); }
Model merged_lstm() { return Model(3, {Recurrent<Lstm>{.units = 4}, Dense{.units = 2}}); }
Model gru() { return Model(3, {Bidirectional<Gru>{.units = 2, .biased = false}, PRelu{}, Dense{.units = 2}}); }
Model rnn() { return Model(3, {Recurrent<Elman>{.units = 4, .biased = false}, Dense{.units = 2}}); }

const AdamWOptions adamw{.learning_rate = 0.01, .beta1 = 0.8, .beta2 = 0.99, .amsgrad = true, .weight_decay = 0.05};
const SGDOptions sgd{.learning_rate = 0.05, .momentum = 0.9, .nesterov = true, .weight_decay = 1e-3};

/// Values (steps, 3, features) of a file as columns, one per step and sample.
MatrixX<float> columns(const SafeTensors& file, const std::string& name) {
  const auto values = file.at(name).to<float>();
  return Eigen::Map<const MatrixX<float>>(values.data(), file.at(name).shape[2], 18);
}

/// Steps of the mean squared error on x and y of a file.
template <class O>
void train(Model& model, O& optimizer, const SafeTensors& file, int steps) {
  const MatrixX<float> x = columns(file, "x"), y = columns(file, "y");
  const Timeline timeline = Timeline::rectangular(3, 6);
  Model::Tape tape;
  for (int k = 0; k < steps; ++k) {
    auto gradient = model.parameters().zeros_like();
    const MatrixX<float> d_y = 2 * (model.forward(x, timeline, tape) - y) / float(y.size());
    model.backward(tape, d_y, gradient);
    optimizer.step(model.parameters(), gradient);
  }
}

/// Largest difference from PyTorch after 20 steps from its checkpoint; the optimizer has another learning rate before.
template <class O>
float difference(Model model, O optimizer, const std::string& name, const std::vector<std::string>& used) {
  optimizer.learning_rate() = 1;
  import_pytorch(model, optimizer, folder() / (name + "_run.pt"), used);
  const SafeTensors after = read_safetensors(folder() / (name + "_after.safetensors"));
  train(model, optimizer, after, 20);
  Model expected = model;
  import_pytorch(expected, after, used, {.ignore = {"x", "y"}});
  return (model.parameters().values() - expected.parameters().values()).cwiseAbs().maxCoeff();
}

template <class O>
std::map<std::string, VectorX<float>> states(O optimizer) {
  std::map<std::string, VectorX<float>> all;
  optimizer.visit_state([&]<class Value>(std::string_view name, Value& value) {
    if constexpr (std::is_same_v<Value, VectorX<float>>) all[std::string(name)] = value;
  });
  return all;
}

PyTorchCheckpoint adam_run() { return read_pytorch_checkpoint(folder() / "adam_run.pt"); }

/// Checks that a checkpoint is refused with this message, and that nothing changes.
template <class O = Adam<float>>
void refuses(const PyTorchCheckpoint& checkpoint, const std::string& message, O optimizer = O(), Model model = lstm(),
             const PyTorchTrainingImport& options = {}) {
  model.parameters().values().setConstant(3);
  optimizer.learning_rate() = 0.5;
  CHECK_THROWS_MATCHES(import_pytorch(model, optimizer, checkpoint, prefixes(), options), Error, says(message));
  CHECK((model.parameters().values().array() == 3).all());
  CHECK(optimizer.learning_rate() == 0.5);
  CHECK(optimizer.updates() == 0);
}

}  // namespace

TEST_CASE("pytorch training: 20 steps from a checkpoint of Adam, AdamW and SGD are those of PyTorch") {
  CHECK(difference(lstm(), Adam<float>(), "adam", {}) < 1e-6f);
  CHECK(difference(lstm(), Adam<float>(), "adam", prefixes()) < 1e-6f);
  CHECK(difference(gru(), AdamW<float>(adamw), "adamw", {"rnn.", "between.", "out."}) < 1e-6f);
  CHECK(difference(gru(),
                   Adam<float>(
                       {.beta1 = 0.8, .beta2 = 0.99, .amsgrad = true, .weight_decay = 0.05, .decay = Decay::decoupled}),
                   "adamw", {}) < 1e-6f);
  CHECK(difference(rnn(), SGD<float>(sgd), "sgd", {}) < 1e-6f);
}

TEST_CASE("pytorch training: the keys of the dictionaries of a file may be given") {
  Model model = lstm();
  Adam<float> adam;
  const auto path = folder() / "adam_run.pt";
  import_pytorch(model, adam, path, {}, {.key = "state_dict", .optimizer_key = "optimizer_state_dict"});
  CHECK(adam.updates() == 10);
  CHECK_THROWS_MATCHES(import_pytorch(model, adam, path, {}, {.optimizer_key = "state_dict"}), FileError,
                       says("has no dictionary 'state_dict' with 'state' and 'param_groups'"));
  CHECK_THROWS_MATCHES(import_pytorch(model, adam, path, {}, {.key = "optimizer_state_dict"}), FileError,
                       says("has no dictionary of tensors 'optimizer_state_dict'"));
  CHECK_THROWS_MATCHES(import_pytorch(model, adam, folder() / "a.pt"), FileError,
                       says("has no dictionary with 'state'"));
}

TEST_CASE("pytorch training: a written checkpoint is read with the same bits") {
  const support::TemporaryFolder temporary;
  const auto path = temporary.path / "run.pt";
  const auto check = [&](Model model, auto optimizer, const std::string& name, const std::vector<std::string>& used) {
    const auto fresh = optimizer;
    import_pytorch(model, optimizer, folder() / (name + "_run.pt"), used);
    train(model, optimizer, read_safetensors(folder() / (name + "_after.safetensors")), 3);
    write_pytorch_checkpoint(path, export_pytorch(model, optimizer, used));
    Model again = model;
    again.parameters().values().setZero();
    auto restored = fresh;
    import_pytorch(again, restored, path);
    CHECK(again.parameters().values() == model.parameters().values());
    CHECK(states(restored) == states(optimizer));
    CHECK(restored.updates() == (name == "sgd" ? 1 : 13));
    again.parameters().values().setZero();
    import_pytorch(again, path);
    CHECK(again.parameters().values() == model.parameters().values());
  };
  check(lstm(), Adam<float>(), "adam", prefixes());
  check(merged_lstm(), Adam<float>(), "adam", prefixes());
  check(gru(), AdamW<float>(adamw), "adamw", {"rnn.", "between.", "out."});
  check(rnn(), SGD<float>(sgd), "sgd", prefixes());

  Model model = rnn(), again = rnn();
  SGD<float> plain, with_state(sgd);
  write_pytorch_checkpoint(path, export_pytorch(model, plain, prefixes()));
  import_pytorch(again, plain, path);
  CHECK(plain.updates() == 0);
  write_pytorch_checkpoint(path, export_pytorch(model, SGD<float>(sgd), prefixes()));
  import_pytorch(again, with_state, folder() / "sgd_run.pt");
  CHECK(states(with_state).at("momentum").size() > 0);
  import_pytorch(again, with_state, path);  // of an optimizer before its first step
  CHECK(states(with_state).at("momentum").size() == 0);
  CHECK(with_state.updates() == 0);
}

TEST_CASE("pytorch training: a cell with one bias takes the state of two equal ones") {
  Model two = lstm(), one = merged_lstm();
  Adam<float> of_two, of_one;
  import_pytorch(two, of_two, adam_run());
  import_pytorch(one, of_one, adam_run());
  const auto values = [](const Model& model, const Adam<float>& optimizer, const std::string& name) {
    auto state = model.parameters();
    state.values() = states(optimizer).at("m");
    return MatrixX<float>(state[name]);
  };
  for (const std::string gate : {"i", "f", "g", "o"}) {
    CHECK(values(one, of_one, "0." + gate + ".x") == values(two, of_two, "0." + gate + ".x"));
    CHECK(values(one, of_one, "0." + gate + ".b") == values(two, of_two, "0." + gate + ".b"));
    CHECK(!values(one, of_one, "0." + gate + ".b").isZero(0));
  }
  auto other = adam_run();
  other.state.tensors["3.exp_avg"] = Tensor::of(VectorX<float>(VectorX<float>::Ones(16)));
  refuses(other, "tensors 'rnn.bias_ih_l0' and 'rnn.bias_hh_l0' must be equal for a cell with one bias", Adam<float>(),
          merged_lstm());
  CHECK_NOTHROW(import_pytorch(two, of_two, other));
}

TEST_CASE("pytorch training: a different option is named, and nothing changes") {
  const auto with = [&](auto set) {
    AdamOptions options;
    set(options);
    return Adam<float>(options);
  };
  const auto run = adam_run();
  refuses(run, "adam_run.pt: param_groups[0].betas[0] must be 0.8, as in this optimizer, got 0.9",
          with([](auto& o) { o.beta1 = 0.8; }));
  refuses(run, "param_groups[0].betas[1] must be 0.99, as", with([](auto& o) { o.beta2 = 0.99; }));
  refuses(run, "param_groups[0].eps must be 1e-07, as", with([](auto& o) { o.epsilon = 1e-7; }));
  refuses(run, "param_groups[0].weight_decay must be 0.5, as", with([](auto& o) { o.weight_decay = 0.5; }));
  refuses(run, "param_groups[0].amsgrad must be true, as", with([](auto& o) { o.amsgrad = true; }));
  refuses(run, "epsilon_at must be Epsilon::corrected", with([](auto& o) { o.epsilon_at = Epsilon::raw; }));
  refuses(run, "param_groups[0].dampening must be given, got nothing", SGD<float>());
  refuses(run, "velocity must be Velocity::gradient", SGD<float>({.velocity = Velocity::step}));
  refuses(run, "decay must be Decay::l2", SGD<float>({.weight_decay = 1, .decay = Decay::decoupled}));

  auto changed = run;
  changed.groups[0]["maximize"] = true;
  refuses(changed, "param_groups[0].maximize must be false, as in this optimizer, got true");
}

TEST_CASE("pytorch training: parameter groups have equal options and all parameters of the model") {
  const auto run = read_pytorch_checkpoint(folder() / "adamw_run.pt");
  const AdamW<float> optimizer(adamw);
  const std::vector<std::string> used{"rnn.", "between.", "out."};
  const auto check = [&](auto change, const std::string& message, const PyTorchTrainingImport& options = {}) {
    PyTorchCheckpoint changed = run;
    change(changed.groups);
    Model model = gru();
    AdamW<float> to = optimizer;
    CHECK_THROWS_MATCHES(import_pytorch(model, to, changed, used, options), FileError, says(message));
    CHECK(to.updates() == 0);
  };
  check([](auto& g) { g[1]["eps"] = 1e-6; }, "param_groups[1].eps must be 1e-08, as in this optimizer, got 1e-06");
  check([](auto& g) { g[1]["lr"] = 0.5; }, "param_groups[1].lr must be 0.01, as in the first group, got 0.5");
  check([](auto& g) { g[1]["decoupled_weight_decay"] = false; }, "param_groups[1].decoupled_weight_decay must be true");
  check([](auto& g) { g[1]["params"][0] = 2; }, "param_groups[1].params[0] must be 3, got 2");
  check([](auto& g) { g[1].erase("param_names"); }, "all parameter groups must have param_names, got some");
  check([](auto& g) { g[0]["param_names"][0] = "other"; }, "must have the parameter 'between.weight' of the model");
  check([](auto& g) { g[0]["param_names"][0] = "out.bias"; }, "param_names must be different, got equal ones");
  check([](auto& g) { g[0]["param_names"].push_back("x"); }, "param_groups[0].param_names must be an array of 3 to 3");
  check(
      [](auto& g) {
        g[1]["params"].push_back(7);
        g[1]["param_names"].push_back("loss.scale");
      },
      "the model has no parameter 'loss.scale' of the optimizer");
  check([](auto& g) { g = nlohmann::json::array(); }, "param_groups must be an array of at least 1, got an array of 0");
  check([](auto& g) { g = 3; }, "param_groups must be an array");

  PyTorchCheckpoint more = run;
  more.groups[1]["params"].push_back(7);
  more.groups[1]["param_names"].push_back("loss.scale");
  Model model = gru();
  AdamW<float> to = optimizer;
  CHECK_NOTHROW(import_pytorch(model, to, more, used, {.ignore = {"loss."}}));
  CHECK(to.learning_rate() == 0.01);

  auto fewer = adam_run();
  fewer.groups[0]["params"].erase(5);
  refuses(fewer, "the optimizer must have the 6 trained parameters of the model, got 5");
}

TEST_CASE("pytorch training: states must be complete, of the shapes of their parameters and of one step") {
  auto run = adam_run();
  const auto number = [](float value) { return Tensor::of(std::vector<float>{value}, {}); };
  run.state.tensors["4.step"] = number(11);
  refuses(run, "the step of 'out.weight' must be 10, as of the parameters before, got 11");
  for (const float bad : {-1.0f, 0.5f, NAN, 1e30f}) {
    run.state.tensors["0.step"] = number(bad);
    refuses(run, "the step of 'rnn.weight_ih_l0' must be an integer of at least 0, got ");
  }
  run = adam_run();
  run.state.tensors.erase("5.step");
  refuses(run, "the optimizer has no 'step' of parameter 5, 'out.bias'");
  run = adam_run();
  run.state.tensors.erase("1.exp_avg_sq");
  refuses(run, "the optimizer has no 'exp_avg_sq' of parameter 1, 'rnn.weight_hh_l0'");
  run = adam_run();
  run.state.tensors.at("0.exp_avg").shape = {3, 16};
  refuses(run, "tensor 'rnn.weight_ih_l0' must have the shape [16, 3], got [3, 16]");
  run = adam_run();
  run.model.tensors.erase("out.bias");
  refuses(run, "no tensor 'out.bias'");
}

TEST_CASE("pytorch training: frozen embeddings and running statistics have no state") {
  const std::vector<std::string> used{"emb.", "norm.", "fc."};
  const auto make = [] {
    return Model(1, {Embedding{.size = 4, .dimension = 2, .frozen = true}, BatchNorm{}, Dense{.units = 1}});
  };
  Model model = make(), again = make();
  model.initialise(1);
  Adam<float> adam, restored;
  auto gradient = model.parameters().zeros_like();
  gradient["2.weight"].setConstant(0.5f);
  adam.step(model.parameters(), gradient);
  const PyTorchCheckpoint run = export_pytorch(model, adam, used);
  CHECK(run.names == std::vector<std::string>{"emb.weight", "norm.weight", "norm.bias", "norm.running_mean",
                                              "norm.running_var", "norm.num_batches_tracked", "fc.weight", "fc.bias"});
  CHECK(run.groups[0]["param_names"] ==
        nlohmann::json{"emb.weight", "norm.weight", "norm.bias", "fc.weight", "fc.bias"});
  import_pytorch(again, restored, run);
  CHECK(states(restored) == states(adam));

  PyTorchCheckpoint without = run;  // the optimizer got the parameters that require a gradient
  without.groups[0].erase("param_names");
  without.groups[0]["params"].erase(4);
  without.state.tensors.clear();
  for (int k = 1; k < 5; ++k)
    for (const char* name : {".step", ".exp_avg", ".exp_avg_sq"})
      without.state.tensors[text(k - 1, name)] = run.state.at(text(k, name));
  Adam<float> third;
  import_pytorch(again, third, without);
  CHECK(states(third) == states(adam));
}

TEST_CASE("pytorch training: shared weights have one state, absent biases none") {
  const auto make = [] {
    return Model(1, {Embedding{.size = 4, .dimension = 2, .sparse = false}, TiedDense{.embedding = 0}});
  };
  Model model = make(), again = make();
  model.initialise(1);
  Adam<float> adam, restored;
  auto gradient = model.parameters().zeros_like();
  gradient.values().setLinSpaced(-1, 1);
  adam.step(model.parameters(), gradient);
  const PyTorchCheckpoint run = export_pytorch(model, adam, {"emb.", "out."});
  CHECK(run.groups[0]["param_names"] == nlohmann::json{"emb.weight", "out.bias"});
  CHECK(run.names.size() == 3);
  import_pytorch(again, restored, run);
  CHECK(again.parameters().values() == model.parameters().values());
  CHECK(states(restored) == states(adam));

  Model biased(3, {Recurrent<Elman>{.units = 4}, Dense{.units = 2}});
  SGD<float> optimizer(sgd);
  import_pytorch(biased, folder() / "sgd_run.pt");
  CHECK_THROWS_MATCHES(import_pytorch(biased, optimizer, folder() / "sgd_run.pt"), FileError,
                       says("no tensor 'rnn.bias_ih_l0'"));
}

TEST_CASE("pytorch file: a written dictionary of tensors is read with the same bits and in its order") {
  const support::TemporaryFolder temporary;
  const auto path = temporary.path / "a.pt";
  SafeTensors content;
  for (const DType type : {DType::F16, DType::BF16, DType::F32, DType::F64, DType::I8, DType::U8, DType::I16,
                           DType::I32, DType::I64, DType::BOOL})
    content.tensors[std::string(name(type))] = {
        type, {2, 1}, std::vector<std::byte>(2 * std::size_t(detail::traits_of(type).bytes))};
  content.tensors["empty"] = {DType::F32, {0, 3}, {}};
  content.tensors["scalar"] = {DType::F32, {}, std::vector<std::byte>(4, std::byte{1})};
  write_pytorch_file(path, content);
  const SafeTensors again = read_pytorch_file(path);
  REQUIRE(again.tensors.size() == content.tensors.size());
  for (const auto& [name, tensor] : content.tensors) {
    CHECK(again.at(name).dtype == tensor.dtype);
    CHECK(again.at(name).shape == tensor.shape);
    CHECK(again.at(name).bytes == tensor.bytes);
  }
  content.tensors["\xff"] = content.at("scalar");
  CHECK_THROWS_MATCHES(write_pytorch_file(path, content), ValueError, says("must be UTF-8"));
  content.tensors.erase("\xff");
  content.tensors["scalar"].shape = {2};
  CHECK_THROWS_MATCHES(write_pytorch_file(path, content), Error, says("F32 [2] must have 2 elements of 4 bytes"));

  PyTorchCheckpoint run = adam_run();
  write_pytorch_checkpoint(path, run);
  const PyTorchCheckpoint copy = read_pytorch_checkpoint(path);
  CHECK(copy.names == run.names);
  CHECK(copy.groups == run.groups);
  CHECK(copy.state.tensors.size() == run.state.tensors.size());
  run.names.pop_back();
  CHECK_THROWS_MATCHES(write_pytorch_checkpoint(path, run), ValueError, says("names must have the 6 names"));
  run = adam_run();
  run.state.tensors["x.step"] = run.state.at("0.step");
  CHECK_THROWS_MATCHES(write_pytorch_checkpoint(path, run), ValueError, says("must be NUMBER.NAME, got 'x.step'"));
}

TEST_CASE("pytorch checkpoint: files without an optimizer, with several and with damaged ones are refused") {
  using namespace pickles;
  const std::string w = tensor(storage("FloatStorage", "0", 1), 0, {1}, {1}), numbers(4, '\0');
  const std::string weights = dictionary({{"w", w}});
  const auto optimizer = [](const std::string& state, const std::string& groups) {
    return dictionary({{"state", state}, {"param_groups", groups}});
  };
  const auto parsed = [&](const std::string& value, const PyTorchCheckpointOptions& options = {}) {
    const std::string bytes = file(value, numbers);
    return parse_pytorch_checkpoint(std::as_bytes(std::span(bytes)), "x.pt", options);
  };
  const auto refused = [&](const std::string& value, const std::string& message,
                           const PyTorchCheckpointOptions& options = {}) {
    CHECK_THROWS_MATCHES(parsed(value, options), FileError, says(message));
  };
  const std::string good = optimizer("}(" + integer(0) + dictionary({{"step", integer(3)}, {"v", w}}) + "u", "]");
  const PyTorchCheckpoint read = parsed(dictionary({{"model", weights}, {"optim", good}}));
  CHECK(read.names == std::vector<std::string>{"w"});
  CHECK(read.state.at("0.step").to<int>() == std::vector<int>{3});
  CHECK(read.state.at("0.v").shape == std::vector<Index>{1});

  refused(dictionary({{"model", weights}}), "x.pt: has no dictionary with 'state' and 'param_groups'");
  const std::string two = dictionary({{"model", weights}, {"a", good}, {"b", optimizer("}", "](Ne")}});
  refused(two, "x.pt: holds 2 optimizers; set `optimizer_key` to one of 'a', 'b'");
  CHECK(parsed(two, {.key = {}, .optimizer_key = "b"}).groups.size() == 1);
  refused(two, "has no dictionary 'c' with 'state'", {.key = {}, .optimizer_key = "c"});
  const auto with = [&](const std::string& state, const std::string& groups) {
    return dictionary({{"model", weights}, {"optim", optimizer(state, groups)}});
  };
  refused(with("}", "}"), "param_groups must be a list");
  refused(with("]", "]"), "the optimizer: its state must be dictionaries");
  refused(with(dictionary({{"a", "}"}}), "]"), "the key of a state must be an integer");
  refused(with("}(" + integer(-1) + "}u", "]"), "the key of a state must be an integer");
  refused(with("}(" + integer(0) + "]u", "]"), "its state must be dictionaries");
  refused(with("}(" + integer(0) + "}(" + integer(0) + integer(0) + "uu", "]"), "the name of a state must be a text");
  refused(with("}(" + integer(0) + dictionary({{"v", w}, {"v", w}}) + "u", "]"), "has two tensors '0.v'");
  refused(with("}(" + integer(0) + dictionary({{"v", w}, {"v", integer(0)}}) + "u", "]"), "must be different");
  // A list that contains a list twice, and so on, has few values in the file.
  std::string lists = "](NNNNNNNNNNNNNNNNe";
  for (int level = 0; level < 6; ++level) {
    std::string outer = "](" + lists + "q\x01";
    for (int k = 0; k < 40; ++k) outer += "h\x01";
    lists = outer + "e";
  }
  CHECK(parsed(with("}", "](" + lists + "e")).groups.size() == 1);
  const std::string letters = "](" + pickles::text(std::string(1000, 'a')) + "q\x01";
  std::string many = letters;
  for (int k = 0; k < 1000; ++k) many += "h\x01";
  refused(with("}", many + "e"), "it must have at most 1000000 values and letters, it has more");
}

}  // namespace pytorch_training
