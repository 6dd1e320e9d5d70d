#pragma once

#include <cmath>

#include "unroll/losses/class_weights.hpp"
#include "unroll/losses/column_loss.hpp"

namespace unroll {

struct SoftmaxCrossEntropyOptions {
  double smoothing = 0;  ///< in [0, 1]: this share of a label is spread evenly over all classes, its own included
  Vector<double> class_weights = {};  ///< one per class; empty: all 1. PyTorch's mean with them is Reduction::weighted
  Reduction reduction = Reduction::valid;
};

/// Cross entropy of the softmax of each column of `output` [classes x columns], in nats. With label y, class weights v,
/// smoothing e and K classes (PyTorch's definition; Szegedy et al. 2016, arXiv:1512.00567, section 7, for the
/// smoothing):
///
///     p = softmax(a)      q_k = v_k ((1 - e) [k = y] + e / K)      l = -sum_k q_k log p_k      dl/da = p sum(q) - q
///
/// Targets are `Labels`, one class per column and negative for "none" (the weight in Reduction::weighted is v_y), or a
/// matrix [classes x columns] of class probabilities t in place of [k = y]; a column with a NaN has no target, and its
/// weight is sum_k v_k t_k, so that a one-hot column costs what its label costs (PyTorch counts such columns as in
/// Reduction::valid). Probabilities must not be negative; they need not add up to 1.
template <std::floating_point Scalar>
class SoftmaxCrossEntropy
    : public detail::ColumnLoss<SoftmaxCrossEntropy<Scalar>, Scalar, Eigen::Ref<const Labels>>,
      public detail::ColumnLoss<SoftmaxCrossEntropy<Scalar>, Scalar, Eigen::Ref<const Matrix<Scalar>>> {
  using ByLabel = detail::ColumnLoss<SoftmaxCrossEntropy, Scalar, Eigen::Ref<const Labels>>;
  using ByProbability = detail::ColumnLoss<SoftmaxCrossEntropy, Scalar, Eigen::Ref<const Matrix<Scalar>>>;
  friend ByLabel;
  friend ByProbability;

 public:
  using Options = SoftmaxCrossEntropyOptions;
  using ByLabel::operator(), ByProbability::operator();
  using ByLabel::count, ByProbability::count;
  using ByLabel::per_column, ByProbability::per_column;

  explicit SoftmaxCrossEntropy(const Options& options = {})
      : weights_(options.class_weights), smoothing_(Scalar(options.smoothing)), reduction_(options.reduction) {
    require<ValueError>(options.smoothing >= 0 && options.smoothing <= 1, "softmax cross entropy: smoothing is ",
                        options.smoothing, ", expected 0 to 1");
  }

 private:
  using ConstColumn = Eigen::Map<const Eigen::Array<Scalar, Eigen::Dynamic, 1>>;
  using Column = Eigen::Map<Eigen::Array<Scalar, Eigen::Dynamic, 1>>;

  Reduction reduction() const { return reduction_; }
  Index items(Index) const { return 1; }

  void check(In<Scalar> output, InLabels labels) const {
    detail::check_labels(labels, output.rows(), output.cols());
    weights_.check(output.rows());
  }
  void check(In<Scalar> output, In<Scalar> target) const {
    require<ShapeError>(target.rows() == output.rows() && target.cols() == output.cols(),
                        "softmax cross entropy: expects ", output.rows(), " x ", output.cols(), " probabilities, got ",
                        target.rows(), " x ", target.cols());
    weights_.check(output.rows());
  }

  detail::Scored scored(InLabels labels, Index c) const {
    if (labels[c] < 0) return {0, 0};
    return {1, double(weights_.of(labels[c], c))};
  }
  detail::Scored scored(In<Scalar> target, Index c) const {
    const auto t = target.col(c);
    for (Index k = 0; k < t.size(); ++k) {
      if (is_nan(t[k])) return {0, 0};
    }
    require<ValueError>(t.size() > 0 && t.minCoeff() >= 0, "softmax cross entropy: column ", c,
                        " has a negative probability");
    if (weights_.empty()) return {1, double(t.sum())};
    weights_.check(t.size());
    return {1, double(t.dot(weights_.values()))};
  }

  // With z = a - max(a): l = sum(q) log(sum(exp z)) - q.z. Everything of `output` is read before `gradient` is written.
  double column_loss(In<Scalar> output, InLabels labels, Index c, double factor, Scalar* gradient) const {
    const ConstColumn a(output.col(c).data(), output.rows());
    const Index label = labels[c];
    const Scalar top = a.maxCoeff(), spread = smoothing_ / Scalar(a.size());
    const Scalar hit = (1 - smoothing_) * weights_.of(label, c), mass = hit + smoothing_ * weights_.mean();
    Scalar product = hit == 0 ? 0 : hit * (a[label] - top);
    if (spread > 0)
      product += spread * (weights_.empty() ? (a - top).sum() : (weights_.values().array() * (a - top)).sum());
    if (!gradient) return double(mass * log_sum(a, top) - product);
    Column g(gradient, a.size());
    const Scalar log_sum = softmax(a, top, Scalar(factor) * mass, g);
    g[label] -= Scalar(factor) * hit;
    if (spread > 0 && weights_.empty()) g -= Scalar(factor) * spread;
    if (spread > 0 && !weights_.empty()) g -= Scalar(factor) * spread * weights_.values().array();
    return double(mass * log_sum - product);
  }

  double column_loss(In<Scalar> output, In<Scalar> target, Index c, double factor, Scalar* gradient) const {
    const ConstColumn a(output.col(c).data(), output.rows());
    const auto smoothed = (1 - smoothing_) * target.col(c).array() + smoothing_ / Scalar(a.size());
    if (weights_.empty()) return against(a, smoothed, Scalar(factor), gradient);
    return against(a, weights_.values().array() * smoothed, Scalar(factor), gradient);
  }

  template <class Expression>
  static double against(const ConstColumn& a, const Expression& q, Scalar factor, Scalar* gradient) {
    const Scalar top = a.maxCoeff(), mass = q.sum();
    // An excluded class, with logit -inf, may have probability 0: 0 * inf must not be asked for.
    const Scalar product = (q == Scalar(0)).select(Scalar(0), q * (a - top)).sum();
    if (!gradient) return double(mass * log_sum(a, top) - product);
    Column g(gradient, a.size());
    const Scalar log_sum = softmax(a, top, factor * mass, g);
    g -= factor * q;
    return double(mass * log_sum - product);
  }

  static Scalar log_sum(const ConstColumn& a, Scalar top) { return std::log((a - top).exp().sum()); }

  /// g = scale * softmax(a); returns log(sum(exp(a - top))).
  static Scalar softmax(const ConstColumn& a, Scalar top, Scalar scale, Column& g) {
    g = (a - top).exp();
    const Scalar sum = g.sum();
    g *= scale / sum;
    return std::log(sum);
  }

  detail::ClassWeights<Scalar> weights_;
  Scalar smoothing_;
  Reduction reduction_;
};

}  // namespace unroll
