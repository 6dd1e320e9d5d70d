// PyTorch's Linear, LayerNorm and BatchNorm1d, and Keras's BatchNormalization with masks.

#include "case.hpp"
#include "unroll/layers/batch_norm.hpp"
#include "unroll/layers/dense.hpp"
#include "unroll/layers/layer_norm.hpp"
#include "unroll/layers/stack.hpp"

namespace conformance {
namespace {

using Model = Stack<double>;

/// Sets what the case has of the only layer's parameters; `names` are theirs and ours.
void read_parameters(const Case& given, Model& model, const std::vector<std::pair<std::string, std::string>>& names) {
  for (const auto& [theirs, ours] : names)
    if (given.has(theirs)) model.parameters()["0." + ours] = given.columns<double>(theirs);
}

/// (N, C) and, with steps last, (B, C, T) as columns of C.
Matrix<double> channels(const Case& given, const std::string& name) {
  const Tensor& tensor = given.input(name);
  if (tensor.shape.size() == 2) return given.columns<double>(name);
  const Matrix<double> in = given.columns<double>(name);  // [T x B C]
  const Index batch = tensor.shape[0], features = tensor.shape[1];
  Matrix<double> out(features, batch * in.rows());
  for (Index b = 0; b < batch; ++b)
    out.middleCols(b * in.rows(), in.rows()) = in.middleCols(b * features, features).transpose();
  return out;
}

/// The other way.
Tensor channels(const Matrix<double>& m, const std::vector<Index>& shape) {
  if (shape.size() == 2) return tensor(m, shape);
  Matrix<double> out(shape[2], shape[0] * shape[1]);
  for (Index b = 0; b < shape[0]; ++b)
    out.middleCols(b * shape[1], shape[1]) = m.middleCols(b * shape[2], shape[2]).transpose();
  return tensor(out, shape);
}

/// One layer with one batch.
template <class L>
SafeTensors run(const Case& given, const L& layer) {
  const Matrix<double> x = given.columns<double>("x"), d_y = given.columns<double>("g_y");
  Model model(x.rows(), {layer});
  const auto weight = given.columns_if_any<double>("weight");
  if (layer.name() == "dense") model.parameters()["0.weight"] = weight.transpose();
  if (layer.name() != "dense") model.parameters()["0.weight"] = weight;
  if (given.has("bias")) model.parameters()["0.bias"] = given.columns<double>("bias");
  Model::Tape tape;
  auto gradient = model.parameters().zeros_like();
  Matrix<double> d_x;
  std::vector<Index> shape = given.input("x").shape;
  SafeTensors out;
  const auto timeline = Timeline::rectangular(1, x.cols());
  const Matrix<double> y = model.forward(x, timeline, tape);
  model.backward(tape, d_y, gradient, &d_x);
  out.tensors["d_x"] = tensor(d_x, shape);
  shape.back() = y.rows();
  out.tensors["y"] = tensor(y, shape);
  for (const ParameterBlock& block : model.parameters().table().blocks()) {
    const Matrix<double> d = gradient.block(block).transpose();  // row by row
    out.tensors["d_" + block.name.substr(2)] =
        tensor(d, d.rows() == 1 ? std::vector<Index>{d.cols()} : std::vector<Index>{d.cols(), d.rows()});
  }
  return out;
}

/// What a training step does behind its update.
void follow(Model& model, const Model::Tape& tape) {
  Vector<double> statistics = Vector<double>::Zero(model.statistics());
  model.add_statistics(tape, statistics.data());
  model.update_statistics(statistics.data());
}

SafeTensors pytorch_batch_norm(const Case& given) {
  const bool affine = given.flag("affine");
  Model model(given.extent("x0", 1), {BatchNorm<double>{.epsilon = std::stod(given.word("eps")),
                                                        .momentum = std::stod(given.word("momentum")),
                                                        .scaled = affine,
                                                        .shifted = affine}});
  read_parameters(given, model,
                  {{"weight", "weight"},
                   {"bias", "bias"},
                   {"running_mean_init", "running_mean"},
                   {"running_var_init", "running_var"}});
  auto gradient = model.parameters().zeros_like();
  SafeTensors out;
  for (const std::string k : {"0", "1", "2", "3"}) {
    const bool training = k != "3";
    const Matrix<double> x = channels(given, "x" + k), d_y = channels(given, training ? "g_y" + k : "g_y_eval");
    const std::vector<Index>& shape = given.input("x" + k).shape;
    Model::Tape tape;
    Matrix<double> d_x;
    const auto timeline = Timeline::rectangular(1, x.cols());
    out.tensors[training ? "y" + k : "y_eval"] =
        channels(Matrix<double>(model.forward(x, timeline, tape, {.training = training})), shape);
    model.backward(tape, d_y, gradient, &d_x);
    out.tensors["d_x" + k] = channels(d_x, shape);
    if (!training) continue;
    follow(model, tape);
    for (const std::string name : {"running_mean", "running_var"})
      out.tensors[name + k] = tensor(Matrix<double>(model.parameters()["0." + name]), {x.rows()});
  }
  for (const std::string name : {"weight", "bias"})
    if (affine)
      out.tensors["d_" + name] = tensor(Matrix<double>(gradient["0." + name]), {gradient["0." + name].rows()});
  return out;
}

/// Keras normalises masked steps too, by statistics in which they have no part.
Matrix<double> with_masked_steps(const BatchNorm<double>& norm, const Model& model, const Matrix<double>& x,
                                 const Matrix<double>& valid) {
  BatchNorm<double> of_batch = norm;
  of_batch.momentum = 1;
  Model other(x.rows(), {of_batch});
  other.parameters().values() = model.parameters().values();
  Model::Tape tape;
  other.forward(valid, Timeline::rectangular(1, valid.cols()), tape, {.training = true});
  follow(other, tape);
  return other.forward(x, Timeline::rectangular(1, x.cols()), tape);
}

SafeTensors keras_batch_norm(const Case& given) {
  auto norm = BatchNorm<double>::like_keras();
  norm.epsilon = std::stod(given.word("epsilon"));
  norm.momentum = 1 - std::stod(given.word("momentum"));
  Model model(given.columns<double>("x0").rows(), {norm});
  read_parameters(given, model,
                  {{"gamma", "weight"},
                   {"beta", "bias"},
                   {"moving_mean_init", "running_mean"},
                   {"moving_variance_init", "running_var"}});
  SafeTensors out;
  Model::Tape tape;
  for (const std::string k : {"0", "1", "2"}) {
    const Matrix<double> x = given.columns<double>("x" + k);
    Timeline timeline = Timeline::rectangular(x.cols(), 1);
    if (given.has("mask" + k))
      timeline = Timeline::from_mask(given.columns<double>("mask" + k).reshaped().cast<bool>());
    const Matrix<double> valid = timeline.pack(x);
    const Matrix<double> packed = model.forward(valid, timeline, tape, {.training = true});
    Matrix<double> y = with_masked_steps(norm, model, x, valid);
    for (Index c = 0; c < packed.cols(); ++c) y.col(timeline.padded_column(c)) = packed.col(c);
    out.tensors["y" + k] = tensor(y, given.input("x" + k).shape);
    follow(model, tape);
    out.tensors["moving_mean" + k] = tensor(Matrix<double>(model.parameters()["0.running_mean"]), {x.rows()});
    out.tensors["moving_variance" + k] = tensor(Matrix<double>(model.parameters()["0.running_var"]), {x.rows()});
  }
  const Matrix<double> x = given.columns<double>("x_eval");
  out.tensors["y_eval"] =
      tensor(Matrix<double>(model.forward(x, Timeline::rectangular(1, x.cols()), tape)), given.input("x_eval").shape);
  return out;
}

}  // namespace

SafeTensors compute_normalisation(const Case& given) {
  const std::string op = given.word("op");
  if (op == "linear")
    return run(given, Dense<double>{.units = given.extent("weight", 0), .biased = given.flag("bias")});
  if (op == "layer_norm")
    return run(given, LayerNorm<double>{.epsilon = std::stod(given.word("eps")), .shifted = given.has("bias")});
  return op == "batch_norm1d" ? pytorch_batch_norm(given) : keras_batch_norm(given);
}

}  // namespace conformance
