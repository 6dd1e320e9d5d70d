// Fuzz target: weights of Keras's LSTM and GRU.

#include "unroll/io/import/keras.hpp"
#include "imports.hpp"

using namespace unroll;

namespace {

template <class C>
void check(const SafeTensors& content) {
  fuzz::there_and_back(
      content, fuzz::parameters_of<C>(),
      [](const SafeTensors& file, Parameters<float>& to) {
        TensorReader reader(file);
        read_keras(reader, "a/", to, "");
        reader.require_all_used();
      },
      [](const Parameters<float>& from, SafeTensors& file) { write_keras(from, "", file, "a/"); });
}

}  // namespace

std::vector<fuzz::Bytes> fuzz::seeds() {
  SafeTensors lstm, gru;
  write_keras(parameters_of<Lstm<float>>(), "", lstm, "a/");
  write_keras(parameters_of<Gru<float>>(), "", gru, "a/");
  return {saved(lstm), saved(gru)};
}

void fuzz::read(const Bytes& input) {
  const SafeTensors content = parse_safetensors(bytes_of(input));
  accepted([&] { check<Lstm<float>>(content); });
  check<Gru<float>>(content);
}
