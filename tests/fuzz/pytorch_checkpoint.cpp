// Fuzz target: checkpoints of PyTorch with an optimizer, as a whole and as a pickle alone, and their import.

#include "unroll/io/import/pytorch_optimizer.hpp"

#include "fuzz.hpp"
#include "io/pytorch_pickles.hpp"
#include "unroll/layers/dense.hpp"

using namespace unroll;

namespace {

const std::string numbers(4, '\1');
const std::vector<std::string> prefixes{"fc."};

auto model() {
  Sequential made(1, Dense{.units = 1});
  made.initialise(1);
  return made;
}

/// File with a pickle and storages of one number of the keys that the seeds have.
std::string file_of(const std::string& pickle) {
  return pickles::archive({{"x/data.pkl", pickle}, {"x/data/0", numbers}, {"x/data/1", numbers}});
}

std::string state_of(const std::vector<std::string>& names) {
  std::vector<std::pair<std::string, std::string>> all;
  for (const std::string& name : names)
    all.emplace_back(name, pickles::tensor(pickles::storage("FloatStorage", "1", 1), 0, {1}, {1}));
  return pickles::dictionary(all);
}

/// Pickle of a checkpoint of a dense layer.
std::string pickle_of(const std::vector<std::string>& states, const std::string& group) {
  using namespace pickles;
  const std::string one = storage("FloatStorage", "0", 1);
  const std::string weights =
      dictionary({{"fc.weight", tensor(one, 0, {1, 1}, {1, 1})}, {"fc.bias", tensor(one, 0, {1}, {1})}});
  const std::string state = "}(" + integer(0) + state_of(states) + integer(1) + state_of(states) + "u";
  return pickle(dictionary(
      {{"state_dict", weights}, {"optimizer", dictionary({{"state", state}, {"param_groups", "](" + group + "e"}})}}));
}

template <class O>
void check(const PyTorchCheckpoint& content, O optimizer) {
  auto loaded = model(), again = model();
  import_pytorch(loaded, optimizer, content, prefixes);
  O restored = optimizer;
  fuzz::read_again([&] { return import_pytorch(again, restored, export_pytorch(loaded, optimizer, prefixes)), 0; });
  fuzz::expect(fuzz::same_numbers(loaded.parameters().values(), again.parameters().values()),
               "other weights came back");
}

}  // namespace

std::vector<fuzz::Bytes> fuzz::seeds() {
  using namespace pickles;
  const std::string real = "G" + std::string(8, '\0'), params = "](" + integer(0) + integer(1) + "e";
  const std::string rates = "G\x3f\xec\xcc\xcc\xcc\xcc\xcc\xcdG\x3f\xef\xf7\xce\xd9\x16\x87\x2b\x86";
  return {"a" + project_file("tests/io/data/pytorch/sgd_run.pt"),
          "b" + pickle_of({"momentum_buffer"}, dictionary({{"lr", real},
                                                           {"momentum", "G\x3f\xec\xcc\xcc\xcc\xcc\xcc\xcd"},
                                                           {"dampening", integer(0)},
                                                           {"weight_decay", integer(0)},
                                                           {"nesterov", "\x89"},
                                                           {"params", params}})),
          "b" + pickle_of({"step", "exp_avg", "exp_avg_sq"}, dictionary({{"lr", real},
                                                                         {"betas", rates + "\x86"},
                                                                         {"eps", "G\x3e\x45\x79\x8e\xe2\x30\x8c\x3a"},
                                                                         {"weight_decay", integer(0)},
                                                                         {"amsgrad", "\x89"},
                                                                         {"params", params}}))};
}

void fuzz::read(const Bytes& input) {
  Bytes rest = input;
  if (take_choice(rest, 2) == 1) rest = file_of(rest);
  const PyTorchCheckpoint content = parse_pytorch_checkpoint(bytes_of(rest));
  const auto out = path("x.pt");
  if (accepted([&] { write_pytorch_checkpoint(out, content); })) {
    const PyTorchCheckpoint again = read_again([&] { return read_pytorch_checkpoint(out); });
    expect(again.names == content.names && again.model.tensors.size() == content.model.tensors.size() &&
               again.state.tensors.size() == content.state.tensors.size(),
           "another checkpoint came back");
  }
  if (accepted([&] { check(content, Adam<float>()); })) return;
  check(content, SGD<float>({.momentum = 0.9}));
}
