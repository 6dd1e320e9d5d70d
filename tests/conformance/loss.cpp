// Losses of PyTorch and Keras with their masks, weights and reductions; activations and softmax at extremes.

#include "case.hpp"
#include "unroll/core/activations.hpp"
#include "unroll/losses/binary_cross_entropy.hpp"
#include "unroll/losses/huber.hpp"
#include "unroll/losses/mean_absolute_error.hpp"
#include "unroll/losses/mean_squared_error.hpp"
#include "unroll/losses/negative_log_likelihood.hpp"
#include "unroll/losses/softmax_cross_entropy.hpp"

namespace conformance {
namespace {

constexpr double nan = std::numeric_limits<double>::quiet_NaN();

/// How a case divides its sum.
struct How {
  explicit How(const Case& given, bool class_weights = false)
      : sum(given.word("reduction").starts_with("sum") && given.word("reduction") != "sum_over_batch_size"),
        each(given.word("reduction") == "none"),
        reduction(sum || each     ? Reduction::sum
                  : class_weights ? Reduction::weighted
                                  : Reduction::valid) {}
  bool sum, each;
  Reduction reduction;
};

/// The loss and its gradient with respect to the tensor `name`, times the gradient that arrives at the loss.
template <class Loss, class Target>
SafeTensors run(const Case& given, const std::string& name, const How& how, const Loss& loss, const Target& target,
                const Vector<double>& weights = {}, double factor = 1) {
  const Matrix<double> output = given.columns<double>(name);
  const Vector<double> g_loss = given.columns<double>("g_loss").reshaped();
  Matrix<double> d_output(output.rows(), output.cols());
  SafeTensors out;
  if (how.each) {
    Vector<double> losses(output.cols());
    loss.per_column(output, target, losses);
    loss(output, target, d_output, {.weights = g_loss});
    out.tensors["loss"] = tensor(Matrix<double>(losses), given.file().at("loss").shape);
  } else {
    const LossValue value = loss(output, target, d_output, {.weights = weights});
    // Frameworks divide by the count even where it is 0; here an empty loss is 0.
    out.tensors["loss"] = number(value.empty > 0 && !how.sum ? nan : factor * value.value());
    d_output *= factor * g_loss[0];
  }
  out.tensors["d_" + name] = tensor(d_output, given.input(name).shape);
  return out;
}

Labels labels_of(const Case& given, const std::vector<double>& mask = {}) {
  const auto target = given.integers("target");
  const Index ignored = std::stol(given.word("ignore_index", "-100"));
  Labels labels(Index(target.size()));
  for (std::size_t k = 0; k < target.size(); ++k)
    labels[Index(k)] = target[k] == ignored || (!mask.empty() && mask[k] == 0) ? -1 : target[k];
  return labels;
}

std::vector<double> mask_of(const Case& given) {
  return given.has("mask") ? given.input("mask").to<double>() : std::vector<double>();
}

Vector<double> vector_if_any(const Case& given, const std::string& name) {
  return given.has(name) ? Vector<double>(given.columns<double>(name).reshaped()) : Vector<double>();
}

/// Targets of which the mask hides entries, or with one entry per column whole columns.
Matrix<double> masked_target(const Case& given) {
  Matrix<double> target = given.columns<double>("target");
  const auto mask = mask_of(given);
  const Index per_mask = mask.empty() ? 1 : target.size() / Index(mask.size());
  for (Index k = 0; k < target.size() && !mask.empty(); ++k)
    if (mask[std::size_t(k / per_mask)] == 0) target.data()[k] = nan;
  return target;
}

/// log softmax of each column: minus the cross entropy of every class in turn. The gradient of a class's loss is
/// softmax but for that class itself, so two classes give all of it.
struct Softmaxed {
  explicit Softmaxed(const Matrix<double>& logits)
      : logarithms(logits.rows(), logits.cols()), values(logits.rows(), logits.cols()) {
    const SoftmaxCrossEntropy<double> loss({.reduction = Reduction::sum});
    Matrix<double> gradient(logits.rows(), logits.cols());
    Vector<double> losses(logits.cols());
    for (Index k = logits.rows() - 1; k >= 0; --k) {
      const Labels all = Labels::Constant(logits.cols(), k);
      loss.per_column(logits, all, losses);
      logarithms.row(k) = -losses.transpose();
      loss(logits, all, gradient);
      if (k == 1) values.row(0) = gradient.row(0);
      if (k == 0) values.bottomRows(logits.rows() - 1) = gradient.bottomRows(logits.rows() - 1);
    }
  }
  Matrix<double> logarithms, values;
};

SafeTensors run_cross_entropy(const Case& given) {
  const Vector<double> class_weights = vector_if_any(given, "class_weight");
  const How how(given, class_weights.size() > 0);
  const SoftmaxCrossEntropy<double> loss({.smoothing = std::stod(given.word("label_smoothing", "0")),
                                          .class_weights = class_weights,
                                          .reduction = how.reduction});
  if (given.flag("soft_targets")) return run(given, "logits", how, loss, given.columns<double>("target"));
  SafeTensors out = run(given, "logits", how, loss, labels_of(given, mask_of(given)));
  if (!given.has("softmax")) return out;
  if (given.has("lengths")) given.mark_read("lengths");  // the mask says the same
  const Softmaxed softmaxed(given.columns<double>("logits"));
  out.tensors["softmax"] = tensor(softmaxed.values, given.input("logits").shape);
  out.tensors["log_softmax"] = tensor(softmaxed.logarithms, given.input("logits").shape);
  return out;
}

/// Value and derivative of an activation at every x.
template <class F>
void put_activation(const Case& given, const std::string& name, F f, SafeTensors& out) {
  using V = NativeLanes<double>;
  const Matrix<double> x = given.columns<double>("x");
  Matrix<double> y = x, slope = x;
  apply(f, y);
  for (Index k = 0; k < x.size(); ++k)
    f.slope(V::load_partial((F::by_output ? y : x).data() + k, 1)).store_partial(slope.data() + k, 1);
  out.tensors[name] = tensor(y, given.input("x").shape);
  out.tensors["d_" + name] = tensor(slope, given.input("x").shape);
}

/// log sigmoid(x) = -softplus(-x), with derivative sigmoid(-x).
void put_log_sigmoid(const Case& given, SafeTensors& out) {
  Matrix<double> y = -given.columns<double>("x"), slope = y;
  apply(Softplus{}, y);
  apply(Sigmoid{}, slope);
  out.tensors["logsigmoid"] = out.tensors["scipy_log_expit"] = tensor(Matrix<double>(-y), given.input("x").shape);
  out.tensors["d_logsigmoid"] = tensor(slope, given.input("x").shape);
}

template <class F>
void put_float(const Case& given, const std::string& name, F f, SafeTensors& out) {
  Matrix<float> y = given.columns<float>("x_f32");
  apply(f, y);
  out.tensors[name] = tensor(y, given.input("x_f32").shape);
}

SafeTensors run_functions(const Case& given) {
  SafeTensors out;
  put_activation(given, "sigmoid", Sigmoid{}, out);
  put_activation(given, "tanh", Tanh{}, out);
  put_activation(given, "relu", Relu{}, out);
  put_activation(given, "leaky_relu", LeakyRelu{}, out);
  put_activation(given, "elu", Elu{}, out);
  put_activation(given, "hardsigmoid_onnx", HardSigmoid{}, out);
  put_activation(given, "hardtanh", HardTanh{}, out);
  put_activation(given, "softplus", Softplus{}, out);
  put_activation(given, "softsign", Softsign{}, out);
  put_activation(given, "exp", Exp{}, out);
  put_log_sigmoid(given, out);
  put_float(given, "sigmoid_f32", Sigmoid{}, out);
  put_float(given, "tanh_f32", Tanh{}, out);
  out.tensors["scipy_expit"] = out.tensors["sigmoid"];
  out.tensors["scipy_tanh"] = out.tensors["tanh"];
  return out;
}

SafeTensors run_softmax(const Case& given) {
  const Matrix<double> x = given.columns<double>("x"), g = given.columns<double>("g_softmax"),
                       g_log = given.columns<double>("g_log_softmax");
  const Softmaxed softmaxed(x);
  const Matrix<double>& p = softmaxed.values;
  Vector<double> total(x.cols());
  Matrix<double> dx = p, dx_log = g_log;
  for (Index c = 0; c < x.cols(); ++c) {
    Index largest = 0;
    x.col(c).maxCoeff(&largest);
    total[c] = x(largest, c) - softmaxed.logarithms(largest, c);
    dx.col(c).array() *= g.col(c).array() - p.col(c).dot(g.col(c));
    dx_log.col(c) -= p.col(c) * g_log.col(c).sum();
  }
  const auto& shape = given.input("x").shape;
  SafeTensors out;
  out.tensors["softmax"] = out.tensors["scipy_softmax"] = tensor(p, shape);
  out.tensors["log_softmax"] = out.tensors["scipy_log_softmax"] = tensor(softmaxed.logarithms, shape);
  out.tensors["logsumexp"] = out.tensors["scipy_logsumexp"] = tensor(Matrix<double>(total), {x.cols()});
  out.tensors["dx_from_softmax"] = tensor(dx, shape);
  out.tensors["dx_from_log_softmax"] = tensor(dx_log, shape);
  return out;
}

}  // namespace

SafeTensors compute_loss(const Case& given) {
  const std::string op = given.word("op");
  const How how(given);
  if (op == "cross_entropy" || op == "masked_sequence_cross_entropy" || op == "keras_SparseCategoricalCrossentropy")
    return run_cross_entropy(given);
  if (op == "nll_loss") {
    const Vector<double> class_weights = vector_if_any(given, "class_weight");
    const How divided(given, class_weights.size() > 0);
    return run(given, "log_probs", divided, NegativeLogLikelihood<double>({class_weights, divided.reduction}),
               labels_of(given));
  }
  if (op == "bce_with_logits")
    return run(given, "logits", how, BinaryCrossEntropy<double>({vector_if_any(given, "pos_weight"), how.reduction}),
               masked_target(given));
  if (op == "mse_loss")
    return run(given, "input", how, MeanSquaredError<double>({how.reduction}), masked_target(given));
  if (op == "l1_loss")
    return run(given, "input", how, MeanAbsoluteError<double>({how.reduction}), masked_target(given));
  if (op == "huber_loss")
    return run(given, "input", how, Huber<double>({given.json("arguments").at("delta"), how.reduction}),
               masked_target(given));
  if (op == "keras_MeanSquaredError") {
    // Keras takes the mean over features first, so that its sum is ours divided by them.
    const double factor = how.sum ? 1 / double(given.input("logits").shape.back()) : 1;
    return run(given, "logits", how, MeanSquaredError<double>({how.reduction}), masked_target(given),
               vector_if_any(given, "sample_weight"), factor);
  }
  throw Unsupported(text("the operation '", op, "'"));
}

SafeTensors compute_scalar(const Case& given) {
  return given.word("op") == "softmax" ? run_softmax(given) : run_functions(given);
}

}  // namespace conformance
