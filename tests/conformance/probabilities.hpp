#pragma once
// Cross entropies of Keras for probabilities, through the library's losses of logits and log-probabilities.

#include <functional>

#include "case.hpp"
#include "unroll/losses/negative_log_likelihood.hpp"

namespace conformance {

/// Argument of a loss, computed from a tensor of the case. `go_back` turns its gradient into that of the tensor.
struct Output {
  MatrixX<double> values;
  std::function<void(MatrixX<double>&)> go_back = [](MatrixX<double>&) {};
};

/// Probabilities clipped as in Keras, and a mask of the entries that are not clipped.
struct Limited {
  explicit Limited(const MatrixX<double>& p)
      : values(p.cwiseMax(epsilon).cwiseMin(1 - epsilon)), inside((values.array() == p.array()).cast<double>()) {}

  static constexpr double epsilon = 1e-7;
  MatrixX<double> values, inside;
};

/// Log-probabilities as in Keras, which first divides probabilities by their sum.
inline Output log_probabilities(const MatrixX<double>& given) {
  const VectorX<double> sums = given.colwise().sum().transpose();
  const MatrixX<double> p = given * sums.cwiseInverse().asDiagonal();
  const Limited limited(p);
  return {limited.values.array().log(), [=](MatrixX<double>& d) {
            d.array() *= limited.inside.array() / limited.values.array();
            const VectorX<double> common = p.cwiseProduct(d).colwise().sum().transpose();
            d.rowwise() -= common.transpose();
            d = (d * sums.cwiseInverse().asDiagonal()).eval();
          }};
}

/// Logits of probabilities, as in Keras.
inline Output logits_of(const MatrixX<double>& given) {
  const Limited limited(given);
  const auto p = limited.values.array();
  return {(p / (1 - p)).log(), [=](MatrixX<double>& d) {
            d.array() *= limited.inside.array() / (limited.values.array() * (1 - limited.values.array()));
          }};
}

/// Loss -sum_k t_k a_k of log-probabilities a with target probabilities t, NaN for no target: the negative log
/// likelihoods of all classes, weighted with t.
class SoftLikelihood {
 public:
  explicit SoftLikelihood(Reduction reduction) : reduction_(reduction) {}

  LossValue operator()(const MatrixX<double>& output, const MatrixX<double>& target, MatrixX<double>& d_output,
                       const Columns& columns) const {
    const VectorX<double> own = columns.weights.size() > 0 ? VectorX<double>(columns.weights)
                                                           : VectorX<double>(VectorX<double>::Ones(output.cols()));
    LossValue value;
    MatrixX<double> d(output.rows(), output.cols());
    d_output.setZero();
    for (Index k = 0; k < output.rows(); ++k) {
      value.sum += likelihood_(output, labels(target, k), d, {.weights = weights(target, own, k)}).sum;
      d_output += d;
    }
    const VectorX<double> there = labels(target, 0).array().cast<double>() + 1;
    value.scored = Index(there.sum()), value.empty = value.scored == 0;
    value.count = reduction_ == Reduction::sum ? 0 : reduction_ == Reduction::weighted ? there.dot(own) : there.sum();
    if (value.count > 0) d_output /= value.count;
    return value;
  }
  void per_column(const MatrixX<double>& output, const MatrixX<double>& target, VectorX<double>& losses) const {
    const VectorX<double> ones = VectorX<double>::Ones(output.cols());
    VectorX<double> some(output.cols());
    losses.setZero();
    for (Index k = 0; k < output.rows(); ++k) {
      likelihood_.per_column(output, labels(target, k), some);
      losses += some.cwiseProduct(weights(target, ones, k));
    }
  }

 private:
  static Labels labels(const MatrixX<double>& target, Index k) {
    return Labels::NullaryExpr(target.cols(), [&](Index c) { return is_nan(target(0, c)) ? -1 : k; });
  }
  static VectorX<double> weights(const MatrixX<double>& target, const VectorX<double>& own, Index k) {
    return VectorX<double>::NullaryExpr(target.cols(),
                                        [&](Index c) { return is_nan(target(k, c)) ? 0 : own[c] * target(k, c); });
  }

  NegativeLogLikelihood<double> likelihood_{{.reduction = Reduction::sum}};
  Reduction reduction_;
};

}  // namespace conformance
