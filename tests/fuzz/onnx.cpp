// Fuzz target: weight inputs of ONNX's LSTM and GRU.

#include "imports.hpp"
#include "unroll/io/import/onnx_weights.hpp"

using namespace unroll;

namespace {

template <class C>
void check(const SafeTensors& content) {
  fuzz::there_and_back(
      content, fuzz::parameters_of<C>(),
      [](const SafeTensors& file, Parameters<float>& to) {
        TensorReader reader(file);
        read_onnx(reader, 0, 1, to, "");
        reader.require_all_used();
      },
      [](const Parameters<float>& from, SafeTensors& file) { write_onnx(from, "", file); });
}

}  // namespace

std::vector<fuzz::Bytes> fuzz::seeds() {
  SafeTensors lstm, gru;
  write_onnx(parameters_of<Lstm<float>>(), "", lstm);
  write_onnx(parameters_of<Gru<float>>(), "", gru);
  return {saved(lstm), saved(gru)};
}

void fuzz::read(const Bytes& input) {
  const SafeTensors content = parse_safetensors(bytes_of(input));
  accepted([&] { check<Lstm<float>>(content); });
  check<Gru<float>>(content);
}
