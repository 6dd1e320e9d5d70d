#include <cmath>
#include <string>
#include <unroll/io/formats/safetensors.hpp>
#include <unroll/losses/binary_cross_entropy.hpp>
#include <unroll/losses/huber.hpp>
#include <unroll/losses/mean_absolute_error.hpp>
#include <unroll/losses/mean_squared_error.hpp>
#include <unroll/losses/negative_log_likelihood.hpp>
#include <unroll/losses/softmax_cross_entropy.hpp>
#include <vector>

#include "support/catch.hpp"

namespace test_golden_losses {

using namespace unroll;

namespace {

SafeTensors golden(const std::string& name) {
  return read_safetensors(std::string(UNROLL_TEST_DATA) + "/golden/" + name + ".safetensors");
}

/// Matrix [last dimension x all others].
MatrixX<double> by_column(const Tensor& tensor) {
  const auto values = tensor.to<double>();
  const Index rows = tensor.shape.back();
  return Eigen::Map<const MatrixX<double>>(values.data(), rows, tensor.size() / rows);
}

VectorX<double> flat(const Tensor& tensor) {
  const auto values = tensor.to<double>();
  return Eigen::Map<const VectorX<double>>(values.data(), Index(values.size()));
}

Labels labels_of(const Tensor& tensor) { return flat(tensor).cast<Index>(); }

double scalar(const Tensor& tensor) { return tensor.to<double>().at(0); }

void check_close(const MatrixX<double>& got, const MatrixX<double>& want, double rtol = 1e-9, double atol = 1e-11) {
  REQUIRE(got.rows() == want.rows());
  REQUIRE(got.cols() == want.cols());
  const auto excess = ((got - want).cwiseAbs() - rtol * want.cwiseAbs()).eval();
  for (Index c = 0; c < got.cols(); ++c) {
    for (Index r = 0; r < got.rows(); ++r) {
      INFO("row " << r << ", column " << c << ": got " << got(r, c) << ", want " << want(r, c));
      CHECK(excess(r, c) <= atol);
    }
  }
}

void check_close(double got, double want) {
  check_close(MatrixX<double>::Constant(1, 1, got), MatrixX<double>::Constant(1, 1, want));
}

/// Checks value and gradient. The gradient is initially NaN, so all entries must be written.
template <class Loss, class Target>
LossValue check_loss(const Loss& loss, const MatrixX<double>& output, const Target& target, double want,
                     const MatrixX<double>& want_gradient, const Columns& columns = {}) {
  MatrixX<double> gradient = MatrixX<double>::Constant(output.rows(), output.cols(), NAN);
  const LossValue value = loss(output, target, gradient, columns);
  check_close(value.value(), want);
  check_close(loss(output, target, columns).value(), want);
  check_close(gradient, want_gradient);
  return value;
}

SoftmaxCrossEntropyOptions options_of(const SafeTensors& file) {
  SoftmaxCrossEntropyOptions options;
  options.smoothing = std::stod(file.metadata.at("label_smoothing"));
  if (file.contains("class_weight")) options.class_weights = flat(file.at("class_weight"));
  options.reduction = file.metadata.at("reduction") == "mean" ? Reduction::weighted : Reduction::sum;
  return options;
}

}  // namespace

TEST_CASE("softmax cross entropy: agrees with PyTorch") {
  const std::string name = GENERATE("ce_mean", "ce_sum", "ce_extreme", "ce_smoothing", "ce_smoothing_weight_ignore",
                                    "ce_weight_ignore", "ce_weight_ignore_sum");
  INFO(name);
  const SafeTensors file = golden("loss/" + name);
  const SoftmaxCrossEntropy<double> loss{options_of(file)};
  check_loss(loss, by_column(file.at("logits")), labels_of(file.at("target")), scalar(file.at("loss")),
             by_column(file.at("d_logits")));
}

TEST_CASE("softmax cross entropy: agrees with PyTorch when targets are probabilities") {
  const SafeTensors file = golden("loss/ce_soft");
  check_loss(SoftmaxCrossEntropy<double>{}, by_column(file.at("logits")), by_column(file.at("target")),
             scalar(file.at("loss")), by_column(file.at("d_logits")));
}

TEST_CASE("softmax cross entropy: per_column agrees with reduction none of PyTorch") {
  const SafeTensors file = golden("loss/ce_none");
  const SoftmaxCrossEntropy<double> loss{{.reduction = Reduction::sum}};
  const MatrixX<double> logits = by_column(file.at("logits"));
  const Labels labels = labels_of(file.at("target"));
  VectorX<double> losses(logits.cols());
  loss.per_column(logits, labels, losses);
  check_close(losses, flat(file.at("loss")));
  // An upstream gradient is a weight per column of the sum; it may be negative.
  const VectorX<double> upstream = flat(file.at("g_loss"));
  check_loss(loss, logits, labels, losses.dot(upstream), by_column(file.at("d_logits")), {.weights = upstream});
}

TEST_CASE("softmax cross entropy: is 0 without labels where PyTorch gives NaN") {
  const SafeTensors file = golden("loss/ce_all_ignored");
  REQUIRE(is_nan(scalar(file.at("loss"))));
  const LossValue value = check_loss(SoftmaxCrossEntropy<double>{}, by_column(file.at("logits")),
                                     labels_of(file.at("target")), 0, by_column(file.at("d_logits")));
  CHECK(value.empty == 1);
  CHECK(value.scored == 0);
  CHECK(value.unscored == 4);
}

TEST_CASE("softmax cross entropy: is the mean over valid steps of sequences") {
  const SafeTensors file = golden("loss/ce_sequence");
  Labels labels = labels_of(file.at("target"));
  const VectorX<double> mask = flat(file.at("mask"));
  for (Index c = 0; c < labels.size(); ++c) labels[c] = mask[c] == 1 ? labels[c] : -1;
  const LossValue value = check_loss(SoftmaxCrossEntropy<double>{}, by_column(file.at("logits")), labels,
                                     scalar(file.at("loss")), by_column(file.at("d_logits")));
  CHECK(value.scored == Index(mask.sum()));
}

TEST_CASE("negative log likelihood: agrees with PyTorch") {
  const std::string name = GENERATE("nll_mean", "nll_weight_sum");
  INFO(name);
  const SafeTensors file = golden("loss/" + name);
  NegativeLogLikelihoodOptions options;
  if (file.contains("class_weight")) options.class_weights = flat(file.at("class_weight"));
  options.reduction = file.metadata.at("reduction") == "mean" ? Reduction::weighted : Reduction::sum;
  check_loss(NegativeLogLikelihood<double>{options}, by_column(file.at("log_probs")), labels_of(file.at("target")),
             scalar(file.at("loss")), by_column(file.at("d_log_probs")));
}

TEST_CASE("binary cross entropy: agrees with PyTorch") {
  const std::string name = GENERATE("bce_mean", "bce_extreme", "bce_nan_labels", "bce_pos_weight", "bce_sum_mask");
  INFO(name);
  const SafeTensors file = golden("loss/" + name);
  BinaryCrossEntropyOptions options;
  if (file.contains("pos_weight")) options.pos_weight = flat(file.at("pos_weight"));
  if (file.metadata.at("reduction").starts_with("sum")) options.reduction = Reduction::sum;
  const MatrixX<double> mask = by_column(file.at("mask"));
  const MatrixX<double> target = (mask.array() == 1).select(by_column(file.at("target")), NAN);
  const LossValue value = check_loss(BinaryCrossEntropy<double>{options}, by_column(file.at("logits")), target,
                                     scalar(file.at("loss")), by_column(file.at("d_logits")));
  CHECK(value.scored == Index(mask.sum()));
  CHECK(value.unscored == mask.size() - Index(mask.sum()));
}

TEST_CASE("regression losses: agree with PyTorch") {
  const std::string name = GENERATE("mse_mean", "mse_sum_mask", "l1", "huber");
  INFO(name);
  const SafeTensors file = golden("loss/" + name);
  const Reduction reduction = file.metadata.at("reduction").starts_with("sum") ? Reduction::sum : Reduction::valid;
  const MatrixX<double> output = by_column(file.at("input")), gradient = by_column(file.at("d_input"));
  const MatrixX<double> target = (by_column(file.at("mask")).array() == 1).select(by_column(file.at("target")), NAN);
  const double want = scalar(file.at("loss"));
  if (name == "l1") {
    check_loss(MeanAbsoluteError<double>{{.reduction = reduction}}, output, target, want, gradient);
  } else if (name == "huber") {
    check_loss(Huber<double>{{.delta = 0.7, .reduction = reduction}}, output, target, want, gradient);
  } else {
    check_loss(MeanSquaredError<double>{{.reduction = reduction}}, output, target, want, gradient);
  }
}

TEST_CASE("losses: agree with Keras under a time mask and sample weights") {
  const std::string name = GENERATE("loss_mse_mask_weight", "loss_sparse_ce_mask", "loss_sparse_ce_mask_sum");
  INFO(name);
  const SafeTensors file = golden("keras/" + name);
  // Masked steps have no columns here: only the columns of valid steps are kept.
  const VectorX<double> mask = flat(file.at("mask"));
  std::vector<Index> kept;
  for (Index c = 0; c < mask.size(); ++c) {
    if (mask[c] == 1) kept.push_back(c);
  }
  const MatrixX<double> logits = by_column(file.at("logits"))(Eigen::all, kept);
  const MatrixX<double> gradient = by_column(file.at("d_logits"))(Eigen::all, kept);
  const Reduction reduction = file.metadata.at("reduction") == "sum" ? Reduction::sum : Reduction::valid;
  const double want = scalar(file.at("loss"));
  if (name == "loss_mse_mask_weight") {
    const MatrixX<double> target = by_column(file.at("target"))(Eigen::all, kept);
    const VectorX<double> weights = flat(file.at("sample_weight"))(kept);
    check_loss(MeanSquaredError<double>{{.reduction = reduction}}, logits, target, want, gradient,
               {.weights = weights});
  } else {
    const Labels labels = labels_of(file.at("target"))(kept);
    check_loss(SoftmaxCrossEntropy<double>{{.reduction = reduction}}, logits, labels, want, gradient);
  }
}

}  // namespace test_golden_losses
