#pragma once
// Inputs W, R, B and P of ONNX's operators RNN, GRU and LSTM (opset 14 and later), with one slice per direction: W [D,
// G units, inputs], R [D, G units, units], B [D, 2 G units] = [bias of W, bias of R], P [D, 3 units]. Gates are ordered
// i,o,f,c and z,r,h, peepholes i,o,f.
//
// The caller sets the attributes: linear_before_reset = 1 for Gru, 0 for GruResetBefore, input_forget = 1 for
// CoupledLstm and CoupledPeepholeLstm.

#include "unroll/io/import/gate_orders.hpp"
#include "unroll/io/tensor_reader.hpp"

namespace unroll {

namespace detail {

/// Slice d, below D, of a tensor with D slices as a matrix. The remaining dimensions must have rows x cols elements.
template <class Scalar>
MatrixX<Scalar> slice(const Tensor& tensor, Index d, Index rows, Index cols) {
  using RowMajor = Eigen::Matrix<Scalar, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
  const auto values = tensor.to<Scalar>();
  return Eigen::Map<const RowMajor>(values.data() + d * rows * cols, rows, cols);
}

/// Appends a matrix as the next slice of a tensor.
template <class Scalar>
void append_slice(SafeTensors& file, const std::string& name, const MatrixX<Scalar>& m,
                  const std::vector<Index>& shape) {
  Tensor slice = Tensor::of(m);
  auto [at, is_new] = file.tensors.try_emplace(name, Tensor{slice.dtype, {}, {}});
  Tensor& all = at->second;
  const Index slices = is_new ? 1 : all.shape.front() + 1;
  all.shape = shape;
  all.shape.insert(all.shape.begin(), slices);
  all.bytes.insert(all.bytes.end(), slice.bytes.begin(), slice.bytes.end());
}

}  // namespace detail

/// Reads slice `direction` of `directions` into the parameters whose names begin with `ours`. If the file lacks B or P,
/// they are 0, as in ONNX. Throws FileError for a missing tensor, ShapeError for a tensor of another shape, ValueError
/// unless 0 <= direction < directions.
template <class Scalar>
void read_onnx(TensorReader& file, Index direction, Index directions, Parameters<Scalar>& to, std::string_view ours) {
  require<ValueError>(directions >= 1 && 0 <= direction && direction < directions,
                      "read_onnx: direction must be at least 0 and below directions, got ", direction, " of ",
                      directions);
  const GateLayout layout(to.table(), ours, System::onnx);
  require<ValueError>(!layout.has_projection(), "parameters '", ours, "*': ONNX's LSTM has no projection");
  const Index rows = layout.gates() * layout.units();
  StackedWeights<Scalar> w;
  w.input =
      detail::slice<Scalar>(file.tensor("W", {directions, rows, layout.inputs()}), direction, rows, layout.inputs());
  w.recurrent =
      detail::slice<Scalar>(file.tensor("R", {directions, rows, layout.outputs()}), direction, rows, layout.outputs());
  VectorX<Scalar> both = VectorX<Scalar>::Zero(2 * rows);
  if (layout.has_biases() && file.file().contains("B"))
    both = detail::slice<Scalar>(file.tensor("B", {directions, 2 * rows}), direction, 2 * rows, 1);
  w.bias = both.head(rows);
  w.recurrent_bias = both.tail(rows);
  w.peepholes.setZero(3 * layout.units());
  if (layout.has_peepholes() && file.file().contains("P"))
    w.peepholes =
        detail::slice<Scalar>(file.tensor("P", {directions, 3 * layout.units()}), direction, 3 * layout.units(), 1);
  layout.unstack(w, to);
}

/// Appends a slice to W, R, B and P, which the first call creates.
template <class Scalar>
void write_onnx(const Parameters<Scalar>& from, std::string_view ours, SafeTensors& file,
                SecondBias second = SecondBias::zero, const std::string& prefix = {}) {
  const GateLayout layout(from.table(), ours, System::onnx);
  require<ValueError>(!layout.has_projection(), "parameters '", ours, "*': ONNX's LSTM has no projection");
  const auto w = layout.stack(from, second);
  detail::append_slice<Scalar>(file, prefix + "W", w.input, {w.input.rows(), w.input.cols()});
  detail::append_slice<Scalar>(file, prefix + "R", w.recurrent, {w.recurrent.rows(), w.recurrent.cols()});
  MatrixX<Scalar> both(2 * w.bias.size(), 1);
  both << w.bias, w.recurrent_bias;
  if (layout.has_biases()) detail::append_slice<Scalar>(file, prefix + "B", both, {both.rows()});
  if (layout.has_peepholes()) detail::append_slice<Scalar>(file, prefix + "P", w.peepholes, {w.peepholes.size()});
}

}  // namespace unroll
