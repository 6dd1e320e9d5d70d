// Fuzz target: state_dict of PyTorch, for layers of several kinds.

#include "unroll/io/import/pytorch.hpp"

#include "imports.hpp"
#include "unroll/layers/bidirectional.hpp"
#include "unroll/layers/convolution/conv1d.hpp"
#include "unroll/layers/dense.hpp"
#include "unroll/layers/normalisation/batch_norm.hpp"

using namespace unroll;

namespace {

const std::vector<std::string> prefixes{"conv.", "norm.", "rnn.", "out."};

auto model() {
  Sequential made(2, Conv1d{.units = 2, .kernel = 2}, BatchNorm{}, Bidirectional<Gru>{.units = 1}, Dense{.units = 2});
  made.initialise(1);
  return made;
}

}  // namespace

std::vector<fuzz::Bytes> fuzz::seeds() { return {saved(export_pytorch(model(), prefixes))}; }

void fuzz::read(const Bytes& input) {
  auto loaded = model(), again = loaded, searched = loaded;
  accepted([&] { import_pytorch(searched, parse_safetensors(bytes_of(input))); });
  import_pytorch(loaded, parse_safetensors(bytes_of(input)), prefixes);
  SafeTensors given;
  if (!accepted([&] { given = export_pytorch(loaded, prefixes); })) return;
  read_again([&] { return import_pytorch(again, given, prefixes), 0; });
  expect(same_numbers(loaded.parameters().values(), again.parameters().values()), "other weights came back");
}
