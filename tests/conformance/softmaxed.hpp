#pragma once
// Softmax of the library, computed through its cross entropy.

#include "case.hpp"
#include "unroll/losses/softmax_cross_entropy.hpp"

namespace conformance {

/// Softmax and log softmax of each column. log softmax is minus the cross entropy of every class in turn. The gradient
/// of a class's loss equals softmax except at that class, so two classes give all of it.
struct Softmaxed {
  explicit Softmaxed(const MatrixX<double>& logits)
      : logarithms(logits.rows(), logits.cols()), values(logits.rows(), logits.cols()) {
    const SoftmaxCrossEntropy<double> loss({.reduction = Reduction::sum});
    MatrixX<double> gradient(logits.rows(), logits.cols());
    VectorX<double> losses(logits.cols());
    for (Index k = logits.rows() - 1; k >= 0; --k) {
      const Labels all = Labels::Constant(logits.cols(), k);
      loss.per_column(logits, all, losses);
      logarithms.row(k) = -losses.transpose();
      loss(logits, all, gradient);
      if (k == 1) values.row(0) = gradient.row(0);
      if (k == 0) values.bottomRows(logits.rows() - 1) = gradient.bottomRows(logits.rows() - 1);
    }
    if (logits.rows() == 1) values.setOnes();
  }
  MatrixX<double> logarithms, values;
};

/// Shape of a tensor with one number per column of the tensor `name`.
inline std::vector<Index> shape_of_columns(const Case& given, const std::string& name) {
  std::vector<Index> shape = given.input(name).shape;
  require<ShapeError>(shape.size() >= 2 && given.input(name).size() > 0, "tensor '", name, "' has the shape ",
                      unroll::detail::shape_text(shape), ", expected 2 dimensions or more, none of them 0");
  shape.pop_back();
  return shape;
}

}  // namespace conformance
