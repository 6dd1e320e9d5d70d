#pragma once
// Weights of Keras's recurrent layers (keras.layers.SimpleRNN, LSTM, GRU; Keras 3): kernels are transposed, gates are
// ordered i,f,c,o and z,r,h, and there is one bias, or [input, recurrent] in two rows for a GRU with reset_after. A
// Bidirectional layer has one set per direction, for any merge mode. Only weights are converted; set `activation`,
// `recurrent_activation`, `reset_after`, `go_backwards`, `merge_mode`, `epsilon` and `padding` of the other model
// accordingly. Cells that Keras does not have throw, see cell_forms.hpp.

#include "unroll/io/import/gate_orders.hpp"
#include "unroll/io/tensor_reader.hpp"

namespace unroll {

/// Reads prefix + "kernel", "recurrent_kernel" and "bias" into the parameters whose names begin with `ours`. Throws
/// FileError for a missing tensor, ShapeError for a tensor of another shape, ValueError for a cell that Keras does not
/// have.
template <class Scalar>
void read_keras(TensorReader& file, const std::string& prefix, Parameters<Scalar>& to, std::string_view ours) {
  const GateLayout layout(to.table(), ours, System::keras);
  const Index rows = layout.gates() * layout.units();
  StackedWeights<Scalar> w;
  w.input = file.matrix<Scalar>(prefix + "kernel", {layout.inputs(), rows}).transpose();
  w.recurrent = file.matrix<Scalar>(prefix + "recurrent_kernel", {layout.outputs(), rows}).transpose();
  w.recurrent_bias.setZero(rows);
  if (layout.has_biases() && layout.resets_after()) {
    const MatrixX<Scalar> both = file.matrix<Scalar>(prefix + "bias", {2, rows});
    w.bias = both.row(0);
    w.recurrent_bias = both.row(1);
  } else if (layout.has_biases()) {
    w.bias = file.matrix<Scalar>(prefix + "bias", {rows});
  }
  layout.unstack(w, to);
}

/// Writes the tensors that read_keras reads. Throws ValueError for a cell that Keras does not have.
template <class Scalar>
void write_keras(const Parameters<Scalar>& from, std::string_view ours, SafeTensors& file, const std::string& prefix,
                 SecondBias second = SecondBias::zero) {
  const GateLayout layout(from.table(), ours, System::keras);
  const auto w = layout.stack(from, second);
  file.tensors[prefix + "kernel"] = Tensor::of(w.input.transpose());
  file.tensors[prefix + "recurrent_kernel"] = Tensor::of(w.recurrent.transpose());
  if (layout.has_biases() && layout.resets_after()) {
    MatrixX<Scalar> both(2, w.bias.size());
    both << w.bias.transpose(), w.recurrent_bias.transpose();
    file.tensors[prefix + "bias"] = Tensor::of(both);
  } else if (layout.has_biases()) {
    const bool sum =
        second == SecondBias::zero;  // Keras has one bias; the gradient of each of two biases is that of the sum
    file.tensors[prefix + "bias"] = Tensor::of(sum ? VectorX<Scalar>(w.bias + w.recurrent_bias) : w.bias);
  }
}

namespace detail {

/// Calls f(Keras's name, block) for all parameters of a normalisation layer.
template <class F>
void each_keras_norm(const ParameterTable& table, std::string_view ours, F&& f) {
  constexpr std::pair<std::string_view, std::string_view> names[] = {
      {"gamma", "weight"}, {"beta", "bias"}, {"moving_mean", "running_mean"}, {"moving_variance", "running_var"}};
  std::size_t found = 0;
  for (const auto& [theirs, name] : names)
    if (const ParameterBlock* block = table.find(text(ours, name))) {
      require<ValueError>(name != "weight" || block->role == Role::gain, "Keras: '", block->name,
                          "' must be a parameter of a normalisation, got another");
      f(std::string(theirs), *block), ++found;
    }
  require<ValueError>(found > 0, "Keras: no parameters '", ours, "*' of a normalisation; there are ",
                      [&] { return table.names(); });
}

}  // namespace detail

/// Reads keras.layers.LayerNormalization or BatchNormalization: prefix + "gamma", "beta", "moving_mean" and
/// "moving_variance", as far as the layer whose parameter names begin with `ours` has them. Throws as read_keras.
template <class Scalar>
void read_keras_norm(TensorReader& file, const std::string& prefix, Parameters<Scalar>& to, std::string_view ours) {
  detail::each_keras_norm(to.table(), ours, [&](const std::string& name, const ParameterBlock& block) {
    to.block(block) = file.matrix<Scalar>(prefix + name, detail::shape_of(block));
  });
}

/// Writes the tensors that read_keras_norm reads.
template <class Scalar>
void write_keras_norm(const Parameters<Scalar>& from, std::string_view ours, SafeTensors& file,
                      const std::string& prefix) {
  detail::each_keras_norm(from.table(), ours, [&](const std::string& name, const ParameterBlock& block) {
    file.tensors[prefix + name] = detail::tensor_of(from, block);
  });
}

namespace detail {

inline const ParameterBlock& keras_kernel(const ParameterTable& table, std::string_view ours) {
  const ParameterBlock& weight = table.at(text(ours, "weight"));
  require<ValueError>(weight.taps > 0, "Keras: '", weight.name, "' must be a parameter of a convolution, got another");
  return weight;
}
inline std::vector<Index> keras_shape(const ParameterBlock& kernel) {
  return {kernel.taps, kernel.cols / kernel.taps, kernel.rows};
}

}  // namespace detail

/// Reads keras.layers.Conv1D or Conv1DTranspose into the layer whose parameter names begin with `ours`: prefix +
/// "kernel" (taps, features / groups, units), transposed convolution (taps, units, features), and "bias" if the layer
/// has one. Throws as read_keras.
template <class Scalar>
void read_keras_convolution(TensorReader& file, const std::string& prefix, Parameters<Scalar>& to,
                            std::string_view ours) {
  const ParameterBlock& weight = detail::keras_kernel(to.table(), ours);
  const Tensor& kernel = file.tensor(prefix + "kernel", detail::keras_shape(weight));
  const auto values = kernel.to<Scalar>();  // column-major in the order of block `weight`
  to.block(weight) = Eigen::Map<const MatrixX<Scalar>>(values.data(), weight.rows, weight.cols);
  if (const ParameterBlock* bias = to.table().find(text(ours, "bias")))
    to.block(*bias) = file.matrix<Scalar>(prefix + "bias", detail::shape_of(*bias));
}

/// Writes the tensors that read_keras_convolution reads.
template <class Scalar>
void write_keras_convolution(const Parameters<Scalar>& from, std::string_view ours, SafeTensors& file,
                             const std::string& prefix) {
  const ParameterBlock& weight = detail::keras_kernel(from.table(), ours);
  const MatrixX<Scalar> kernel = from.block(weight);
  file.tensors[prefix + "kernel"] =
      Tensor::of(std::span<const Scalar>(kernel.data(), std::size_t(kernel.size())), detail::keras_shape(weight));
  if (const ParameterBlock* bias = from.table().find(text(ours, "bias")))
    file.tensors[prefix + "bias"] = detail::tensor_of(from, *bias);
}

}  // namespace unroll
