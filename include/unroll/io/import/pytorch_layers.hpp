#pragma once
// Tensors of PyTorch's modules (torch.nn.RNN, LSTM, GRU, Embedding, Linear, Conv1d, ConvTranspose1d and norms; PyTorch
// 2) for the layers of a model: names, gate orders, two biases and taps.

#include "unroll/io/import/gate_orders.hpp"
#include "unroll/io/tensor_reader.hpp"
#include "unroll/models/sequential.hpp"

namespace unroll {

/// Reads one direction of one layer of torch.nn.RNN, LSTM or GRU into the parameters whose names begin with `ours`. The
/// tensor names end in `suffix`, for example "_l0" or "_l1_reverse". Throws FileError for a missing tensor, ShapeError
/// for a tensor of another shape, ValueError for a cell that PyTorch does not have. With SecondBias::same the two
/// biases of a gate for which the cell has one must be equal, else FileError is thrown, and are not added.
template <class Scalar>
void read_pytorch(TensorReader& file, const std::string& prefix, const std::string& suffix, Parameters<Scalar>& to,
                  std::string_view ours, SecondBias second = SecondBias::zero) {
  const GateLayout layout(to.table(), ours, System::pytorch);
  const Index rows = layout.gates() * layout.units();
  StackedWeights<Scalar> w;
  w.input = file.matrix<Scalar>(prefix + "weight_ih" + suffix, {rows, layout.inputs()});
  w.recurrent = file.matrix<Scalar>(prefix + "weight_hh" + suffix, {rows, layout.outputs()});
  const std::string bias = prefix + "bias_ih" + suffix, recurrent_bias = prefix + "bias_hh" + suffix;
  w.bias.setZero(rows), w.recurrent_bias.setZero(rows);
  if (layout.has_biases() &&
      (second == SecondBias::same || file.file().contains(bias) || file.file().contains(recurrent_bias))) {
    w.bias = file.matrix<Scalar>(bias, {rows});
    w.recurrent_bias = file.matrix<Scalar>(recurrent_bias, {rows});
  }
  if (layout.has_projection())
    w.projection = file.matrix<Scalar>(prefix + "weight_hr" + suffix, {layout.outputs(), layout.units()});
  if (second == SecondBias::same)
    require<FileError>(
        layout.has_equal_biases(w), file.file().file, ": tensors ", [&] { return detail::in_quotes(bias); }, " and ",
        [&] { return detail::in_quotes(recurrent_bias); },
        " must be equal for a cell with one bias, got others; use a cell of equations with two linear terms per gate");
  layout.unstack(w, to, second);
}

/// Writes the tensors that read_pytorch reads. For a cell with one bias, bias_ih is that bias and bias_hh is zero;
/// gradients (SecondBias::same) are stored in both.
template <class Scalar>
void write_pytorch(const Parameters<Scalar>& from, std::string_view ours, SafeTensors& file, const std::string& prefix,
                   const std::string& suffix, SecondBias second = SecondBias::zero) {
  const GateLayout layout(from.table(), ours, System::pytorch);
  const auto w = layout.stack(from, second);
  file.tensors[prefix + "weight_ih" + suffix] = Tensor::of(w.input);
  file.tensors[prefix + "weight_hh" + suffix] = Tensor::of(w.recurrent);
  if (layout.has_biases()) file.tensors[prefix + "bias_ih" + suffix] = Tensor::of(w.bias);
  if (layout.has_biases()) file.tensors[prefix + "bias_hh" + suffix] = Tensor::of(w.recurrent_bias);
  if (layout.has_projection()) file.tensors[prefix + "weight_hr" + suffix] = Tensor::of(w.projection);
}

namespace detail {

/// Whether a layer has tensors in a state_dict: parameters, or a copy of those that it shares.
template <class Layer>
bool has_tensors(const Layer& layer) {
  return layer.parameters().size() > 0 || layer.tied_to().has_value();
}

/// Throws ValueError unless there is one prefix per layer with parameters and the layers of a module are consecutive.
template <class Model>
void check_prefixes(const Model& model, const std::vector<std::string>& prefixes) {
  std::size_t layers = 0;
  model.each_layer([&](const auto& layer, std::size_t) { layers += has_tensors(layer); });
  require<ValueError>(layers == prefixes.size(), "PyTorch: prefixes must have ", layers,
                      " entries, one for each layer with parameters, got ", prefixes.size());
  for (std::size_t k = 2; k < layers; ++k)
    for (std::size_t j = 0; j + 1 < k; ++j)
      require<ValueError>(prefixes[j] != prefixes[k] || prefixes[k - 1] == prefixes[k],
                          "PyTorch: equal prefixes must be consecutive, got '", prefixes[k], "' after another");
}

/// Kind of PyTorch module that corresponds to a layer.
enum class PyTorchModule { none, recurrent, plain };

/// Kind of PyTorch module for a layer. Throws ValueError for a layer that PyTorch does not have, or has with another
/// meaning.
template <class Layer>
PyTorchModule pytorch_module(const Layer& layer, std::size_t k) {
  const LayerOptions options = layer.options();
  const std::string kind = word_of(options, "layer");
  const auto expect = [&](bool good, std::string_view why) {
    require<ValueError>(good, "PyTorch: layer ", k, " (", layer.name(), "): ", why);
  };
  if (!has_tensors(layer)) return PyTorchModule::none;
  require<ValueError>(kind != "graph", "PyTorch: layer ", k, " (", layer.name(),
                      "): the nodes of a graph have no place in a state_dict");
  if (kind == "recurrent" || kind == "bidirectional") {
    expect(word_of(options, "direction") != "backward", "runs backward only; PyTorch has no such module");
    expect(kind == "recurrent" || word_of(options, "merge") == "concat",
           "merge must be Merge::concat for PyTorch, got another");
    return PyTorchModule::recurrent;
  }
  const bool scaled = flag_of(options, "scaled"), shifted = flag_of(options, "shifted");
  if (kind == "batch norm")
    expect(scaled == shifted, "PyTorch's BatchNorm1d must have gain and shift or neither, got one of them");
  if (kind == "layer norm" && !flag_of(options, "centred")) expect(!shifted, "PyTorch's RMSNorm has no shift");
  if (kind == "layer norm") expect(scaled, "PyTorch's LayerNorm has no shift without a gain");
  constexpr std::string_view plain[] = {"dense",          "layer norm", "batch norm", "conv1d",
                                        "conv transpose", "embedding",  "tied dense", "prelu"};
  expect(std::ranges::find(plain, kind) != std::end(plain), "PyTorch has no such module");
  return PyTorchModule::plain;
}

/// Properties that all layers of one module share.
struct PyTorchCell {
  std::string_view cell;
  Index units = 0, outputs = 0;
  bool biased = false, both = false;
  bool operator==(const PyTorchCell&) const = default;
};

/// Calls `recurrent(prefix, suffix, ours)` for each direction of a layer.
template <class Layer, class Recurrent>
PyTorchCell each_direction(const Layer& layer, const ParameterTable& table, const std::string& prefix,
                           const std::string& suffix, const std::string& ours, Recurrent&& recurrent) {
  const bool both = word_of(layer.options(), "layer") == "bidirectional";
  const GateLayout layout(table, both ? ours + "forward." : ours, System::pytorch);
  recurrent(prefix, suffix, both ? ours + "forward." : ours);
  if (both) recurrent(prefix, suffix + "_reverse", ours + "backward.");
  return {layout.cell(), layout.units(), layout.outputs(), layout.has_biases(), both};
}

/// PyTorch's BatchNorm1d always stores a count of batches; `block` is null if the layer has none, which needs none.
template <class Scalar>
void read_batches(TensorReader& file, const std::string& name, Parameters<Scalar>& to, const ParameterBlock* block) {
  if (block != nullptr) to.block(*block).setConstant(Scalar(file.tensor(name, {}).to<double>().front()));
}
template <class Scalar>
Tensor write_batches(const Parameters<Scalar>& from, const ParameterBlock* block) {
  const std::int64_t count = block == nullptr ? 0 : std::int64_t(from.block(*block)(0, 0));
  return Tensor::of(std::span(&count, 1), {});
}

/// Columns in order (a, b) rearranged to order (b, a).
template <class Scalar>
MatrixX<Scalar> regrouped(const MatrixX<Scalar>& m, Index b) {
  const Index a = m.cols() / b;
  MatrixX<Scalar> to(m.rows(), m.cols());
  for (Index i = 0; i < a; ++i)
    for (Index j = 0; j < b; ++j) to.col(j * a + i) = m.col(i * b + j);
  return to;
}

/// Reads a parameter of a layer that is not recurrent. PyTorch stores the taps after the features, this library before
/// them; PyTorch's embeddings have one row per token, this library's one column.
template <class Scalar>
MatrixX<Scalar> read_plain(TensorReader& file, const std::string& name, const ParameterBlock& block, bool transposed) {
  if (transposed) return file.matrix<Scalar>(name, {block.cols, block.rows}).transpose();
  if (block.taps == 0) return file.matrix<Scalar>(name, shape_of(block));
  Tensor flat = file.tensor(name, {block.rows, block.cols / block.taps, block.taps});
  flat.shape = shape_of(block);
  return regrouped<Scalar>(matrix<Scalar>(flat), block.taps);
}
template <class Scalar>
Tensor write_plain(const Parameters<Scalar>& parameters, const ParameterBlock& block, bool transposed) {
  if (transposed) return Tensor::of(MatrixX<Scalar>(parameters.block(block).transpose()));
  if (block.taps == 0) return tensor_of(parameters, block);
  Tensor tensor = Tensor::of(regrouped<Scalar>(parameters.block(block), block.cols / block.taps));
  tensor.shape = {block.rows, block.cols / block.taps, block.taps};
  return tensor;
}

/// Checks the weights of a TiedDense. Some files have no second copy of the table; PyTorch's state_dict has one.
template <class Scalar>
void check_tied(TensorReader& file, const std::string& name, const Parameters<Scalar>& read,
                const ParameterBlock& block) {
  if (!file.file().contains(name)) return;
  const MatrixX<Scalar> copy = read_plain<Scalar>(file, name, block, true);
  const auto table = read.block(block);
  const bool same = ((copy.array() == table.array()) || (copy.array().isNaN() && table.array().isNaN())).all();
  require<FileError>(
      same, file.file().file, ": tensor ", [&] { return in_quotes(name); },
      " must be equal to the weights that this TiedDense shares ('", block.name, "'), got others; use Dense");
}

/// Calls `recurrent(prefix, suffix, ours)` for each direction of each recurrent layer, `plain(block, name, transposed)`
/// for each parameter of other layers, `batches(block, name)` for the count of a batch norm, with nullptr if it has
/// none, and `tied(block, name)` for the shared weights of a TiedDense.
template <class Model, class Recurrent, class Plain, class Batches, class Tied>
void each_pytorch_tensor(const Model& model, const std::vector<std::string>& prefixes, Recurrent&& recurrent,
                         Plain&& plain, Batches&& batches, Tied&& tied) {
  const ParameterTable& table = model.parameters().table();
  std::size_t next = 0, of_module = 0;
  std::optional<PyTorchCell> before;  // previous layer of the module, if it is recurrent
  bool between = false;               // whether a layer other than dropout follows it
  model.each_layer([&](const auto& layer, std::size_t k) { pytorch_module(layer, k); });
  check_prefixes(model, prefixes);
  model.each_layer([&](const auto& layer, std::size_t k) {
    const PyTorchModule module = pytorch_module(layer, k);
    const std::string kind = word_of(layer.options(), "layer"), ours = text(k, ".");
    if (module == PyTorchModule::none) {
      between = between || kind != "dropout";
      return;
    }
    const std::string& prefix = prefixes[next];
    of_module = next > 0 && prefix == prefixes[next - 1] ? of_module + 1 : 0;
    ++next;
    if (module == PyTorchModule::recurrent) {
      const PyTorchCell cell = each_direction(layer, table, prefix, text("_l", of_module), ours, recurrent);
      require<ValueError>(
          of_module == 0 || (before == cell && !between), "PyTorch: layer ", k, " (", layer.name(),
          "): layers of one prefix must have the same cell, sizes, directions and biases, with only dropout "
          "between them; give the layer another prefix");
      before = cell, between = false;
      return;
    }
    require<ValueError>(of_module == 0, "PyTorch: layer ", k, " (", layer.name(),
                        "): the prefix must differ from that of the layer before, got the same");
    before.reset();
    for (const ParameterBlock& block : layer.parameters().blocks())
      if (block.name != "batches") plain(table.at(ours + block.name), prefix + block.name, kind == "embedding");
    if (const std::optional<Index> owner = layer.tied_to()) tied(table.at(text(*owner, ".weight")), prefix + "weight");
    if (kind == "batch norm") batches(table.find(ours + "batches"), prefix + "num_batches_tracked");
  });
}

}  // namespace detail
}  // namespace unroll
