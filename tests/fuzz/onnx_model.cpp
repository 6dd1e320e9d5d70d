// Fuzz target: models of ONNX.

#include "unroll/io/onnx/open_onnx.hpp"
#include "unroll/io/onnx/write_onnx.hpp"

#include "fuzz.hpp"

using namespace unroll;

namespace {

MatrixX<float> outputs(const Stack<float>& model) {
  Stack<float>::Tape tape;
  const Index steps = 5;
  const MatrixX<float> x = MatrixX<float>::Zero(model.features(), steps);  // also tokens
  return model.forward(x, Timeline::rectangular(1, steps), tape);
}

/// Whether a pass takes little memory; files may have large strides and paddings.
bool is_small(const Stack<float>& model) {
  bool small = model.features() <= 1000 && model.outputs() <= 1000;
  Index steps = 5;
  model.each_layer([&](const auto& layer, std::size_t) {
    small = small && layer.name() != "graph" && layer.steps_after(steps) <= 1000;
    if (small) steps = layer.steps_after(steps);
  });
  return small;
}

}  // namespace

std::vector<fuzz::Bytes> fuzz::seeds() {
  std::vector<Bytes> all;
  for (const char* name : {"c_0", "conv", "deconv", "emb", "learned", "tcn"})
    all.push_back(project_file(std::string("tests/io/data/onnx/") + name + ".onnx"));
  Stack<float> model(2, {Bidirectional<Gru>{.units = 2}, Dense{.units = 2}});
  model.initialise(1);
  all.push_back(onnx_bytes(model));
  return all;
}

void fuzz::read(const Bytes& input) {
  const OnnxModel<float> model = open_onnx<float>(parse_onnx(input));
  Bytes written;
  if (!accepted([&] { written = onnx_bytes(model.model, model.first); })) return;  // e.g. a tensor with NaN
  const auto again = read_again([&] { return open_onnx<float>(parse_onnx(written)); });
  MatrixX<float> before;
  if (!is_small(model.model) || !accepted([&] { before = outputs(model.model); })) return;
  const MatrixX<float> after = outputs(again.model);
  expect(before.rows() == after.rows() && before.cols() == after.cols(),
         "the outputs have another shape when the model is read again");
}
