#pragma once
// Both losses of the study as one type, so that training is compiled once.

#include "unroll/losses/binary_cross_entropy.hpp"
#include "unroll/losses/softmax_cross_entropy.hpp"

namespace har {

/// Cross entropy of class labels, in nats: of the softmax over all outputs, or summed over the sigmoids of the outputs
/// with target 1 for the label's class and 0 for the others.
class ClassLoss {
  using Ref = Eigen::Ref<const unroll::Labels>;
  using Out = unroll::Out<float>;
  using In = unroll::In<float>;

 public:
  struct Options {
    bool sigmoid = false;
    unroll::Index classes = 0;                   // for sigmoid
    unroll::VectorX<double> class_weights = {};  // for softmax
  };
  explicit ClassLoss(const Options& options)
      : options_(options),
        softmax_({.class_weights = options.class_weights, .reduction = unroll::Reduction::weighted}) {}

  unroll::LossCount count(const Ref& labels, const unroll::Columns& columns = {}) const {
    unroll::LossCount whole;
    count(labels, columns, whole);
    return whole;
  }
  void count(const Ref& labels, const unroll::Columns& columns, unroll::LossCount& whole) const {
    if (!options_.sigmoid) return softmax_.count(labels, columns, whole);
    const Targets t(labels, options_.classes);
    binary_.count(t.target(), t.columns(), whole);
  }
  unroll::LossValue operator()(In output, const Ref& labels, Out d_output, const unroll::Columns& columns,
                               const unroll::LossCount& whole) const {
    if (!options_.sigmoid) return softmax_(output, labels, d_output, columns, whole);
    const Targets t(labels, options_.classes);
    return binary_(output, t.target(), d_output, t.columns(), whole);
  }
  unroll::LossValue operator()(In output, const Ref& labels, const unroll::Columns& columns,
                               const unroll::LossCount& whole) const {
    if (!options_.sigmoid) return softmax_(output, labels, columns, whole);
    const Targets t(labels, options_.classes);
    return binary_(output, t.target(), t.columns(), whole);
  }
  unroll::LossValue operator()(In output, const Ref& labels, const unroll::Columns& columns = {}) const {
    return (*this)(output, labels, columns, count(labels, columns));
  }

 private:
  /// One-hot column for each label, NaN for negative labels. BinaryCrossEntropy averages over the classes; the weights
  /// turn this mean into a sum.
  class Targets {
   public:
    Targets(const Ref& labels, unroll::Index classes)
        : target_(unroll::MatrixX<float>::Zero(classes, labels.size())),
          weights_(unroll::VectorX<double>::Constant(labels.size(), double(classes))) {
      for (unroll::Index c = 0; c < labels.size(); ++c)
        if (labels[c] < 0)
          target_.col(c).setConstant(std::numeric_limits<float>::quiet_NaN());
        else
          target_(labels[c], c) = 1;
    }
    Eigen::Ref<const unroll::MatrixX<float>> target() const { return target_; }
    unroll::Columns columns() const { return {.weights = weights_}; }

   private:
    unroll::MatrixX<float> target_;
    unroll::VectorX<double> weights_;
  };

  Options options_;
  unroll::SoftmaxCrossEntropy<float> softmax_;
  unroll::BinaryCrossEntropy<float> binary_;
};

}  // namespace har
