#pragma once

#include "unroll/losses/detail/class_weights.hpp"
#include "unroll/losses/detail/column_loss.hpp"

namespace unroll {

struct NegativeLogLikelihoodOptions {
  VectorX<double> class_weights =
      {};  ///< one per class; empty: all 1. Reduction::weighted is PyTorch's mean with weights
  Reduction reduction = Reduction::valid;
};

/// Negative log likelihood: l = -v_y a_y for log-probabilities `output` [classes x columns], label y per column
/// (negative: none) and class weights v. For models whose output is a log-softmax or a mixture. For logits,
/// SoftmaxCrossEntropy is faster.
template <std::floating_point Scalar = float>
class NegativeLogLikelihood
    : public detail::ColumnLoss<NegativeLogLikelihood<Scalar>, Scalar, Eigen::Ref<const Labels>> {
  friend detail::ColumnLoss<NegativeLogLikelihood, Scalar, Eigen::Ref<const Labels>>;

 public:
  using Options = NegativeLogLikelihoodOptions;

  explicit NegativeLogLikelihood(const Options& options = {})
      : weights_(options.class_weights), reduction_(options.reduction) {}

 private:
  Reduction reduction() const { return reduction_; }
  Index items(Index) const { return 1; }

  void check_target(Index rows, Index columns, InLabels labels) const {
    detail::check_labels(labels, rows, columns);
    weights_.check(rows);
  }
  detail::Scored scored(InLabels labels, Index c) const {
    if (labels[c] < 0) return {0, 0};
    return {1, double(weights_.of(labels[c], c))};
  }
  double column_loss(In<Scalar> output, InLabels labels, Index c, double factor, Scalar* gradient) const {
    const Scalar weight = weights_.of(labels[c], c);
    const double loss = -double(weight * output(labels[c], c));
    if (gradient) {
      Eigen::Map<VectorX<Scalar>>(gradient, output.rows()).setZero();
      gradient[labels[c]] = -Scalar(factor) * weight;
    }
    return loss;
  }

  detail::ClassWeights<Scalar> weights_;
  Reduction reduction_;
};

}  // namespace unroll
