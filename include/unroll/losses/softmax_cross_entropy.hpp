#pragma once

#include "unroll/core/option_checks.hpp"
#include "unroll/losses/detail/class_weights.hpp"
#include "unroll/losses/detail/column_loss.hpp"
#include "unroll/simd/elementary.hpp"
#include "unroll/simd/runs.hpp"

namespace unroll {

struct SoftmaxCrossEntropyOptions {
  double smoothing = 0;  ///< in [0, 1]: share of a label distributed evenly over all classes, including its own
  VectorX<double> class_weights =
      {};  ///< one per class; empty: all 1. Reduction::weighted is PyTorch's mean with weights
  Reduction reduction = Reduction::valid;
};

/// Softmax cross entropy of each column of `output` [classes x columns], in nats. With label y, class weights v,
/// smoothing e and K classes (PyTorch's definition; smoothing: Szegedy et al. 2016, arXiv:1512.00567, section 7):
///
///     p = softmax(a)      q_k = v_k ((1 - e) [k = y] + e / K)      l = -sum_k q_k log p_k      dl/da = p sum(q) - q
///
/// Targets are `Labels`, one class per column and negative for "none" (weight in Reduction::weighted: v_y), or a matrix
/// [classes x columns] of class probabilities t, which replace [k = y]. A column with a NaN has no target. Its weight
/// is sum_k v_k t_k, so that one-hot columns and labels give the same loss (PyTorch counts such columns as in
/// Reduction::valid). Probabilities must not be negative; their sum need not be 1.
template <std::floating_point Scalar = float>
class SoftmaxCrossEntropy
    : public detail::ColumnLoss<SoftmaxCrossEntropy<Scalar>, Scalar, Eigen::Ref<const Labels>>,
      public detail::ColumnLoss<SoftmaxCrossEntropy<Scalar>, Scalar, Eigen::Ref<const MatrixX<Scalar>>> {
  using ByLabel = detail::ColumnLoss<SoftmaxCrossEntropy, Scalar, Eigen::Ref<const Labels>>;
  using ByProbability = detail::ColumnLoss<SoftmaxCrossEntropy, Scalar, Eigen::Ref<const MatrixX<Scalar>>>;
  friend ByLabel;
  friend ByProbability;

 public:
  using Options = SoftmaxCrossEntropyOptions;
  using ByLabel::operator(), ByProbability::operator();
  using ByLabel::check, ByProbability::check;
  using ByLabel::count, ByProbability::count;
  using ByLabel::per_column, ByProbability::per_column;

  explicit SoftmaxCrossEntropy(const Options& options = {})
      : weights_(options.class_weights), smoothing_(Scalar(options.smoothing)), reduction_(options.reduction) {
    detail::check_fraction("softmax cross entropy", "smoothing", options.smoothing);
  }

 private:
  Reduction reduction() const { return reduction_; }
  Index items(Index) const { return 1; }

  void check_target(Index rows, Index columns, InLabels labels) const {
    detail::check_labels(labels, rows, columns);
    weights_.check(rows);
  }
  void check_target(Index rows, Index columns, In<Scalar> target) const {
    detail::check_shape("softmax cross entropy", "probabilities", target.rows(), target.cols(), rows, columns);
    weights_.check(rows);
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
    require<ValueError>(t.size() > 0 && t.minCoeff() >= 0, "softmax cross entropy: probabilities of column ", c,
                        " must be at least 0, got ", [&] { return t.size() > 0 ? t.minCoeff() : Scalar(0); });
    const auto share = [](auto entry) { return entry; };
    if (weights_.empty()) return {1, double(detail::sum_run(t.size(), share, t.data()))};
    weights_.check(t.size());
    const auto weighted = [](auto entry, auto weight) { return entry * weight; };
    return {1, double(detail::sum_run(t.size(), weighted, t.data(), weights_.values().data()))};
  }

  // With z = a - max(a): l = sum(q) log(sum(exp z)) - q.z. `output` is read completely before `gradient` is written.
  double column_loss(In<Scalar> output, InLabels labels, Index c, double factor, Scalar* gradient) const {
    const Index classes = output.rows(), label = labels[c];
    const Scalar* const a = output.col(c).data();
    const Scalar top = greatest(a, classes), spread = smoothing_ / Scalar(classes);
    const Scalar hit = (1 - smoothing_) * weights_.of(label, c), mass = hit + smoothing_ * weights_.mean();
    Scalar product = hit == 0 ? 0 : hit * (a[label] - top);
    if (spread > 0) {
      const auto apart = [top](auto x) { return x - x.constant(top); };
      const auto weighted = [&](auto x, auto weight) { return weight * apart(x); };
      product += spread * (weights_.empty() ? detail::sum_run(classes, apart, a)
                                            : detail::sum_run(classes, weighted, a, weights_.values().data()));
    }
    if (!gradient) return double(mass * log_sum(a, classes, top) - product);
    const Scalar log_sum = softmax(a, classes, top, Scalar(factor) * mass, gradient);
    gradient[label] -= Scalar(factor) * hit;
    const auto one = [](auto g) { return g.constant(1); };
    if (spread > 0 && weights_.empty()) subtract(classes, Scalar(factor) * spread, one, gradient, gradient);
    const auto itself = [](auto weight) { return weight; };
    if (spread > 0 && !weights_.empty())
      subtract(classes, Scalar(factor) * spread, itself, gradient, weights_.values().data());
    return double(mass * log_sum - product);
  }

  double column_loss(In<Scalar> output, In<Scalar> target, Index c, double factor, Scalar* gradient) const {
    const Scalar kept = 1 - smoothing_, spread = smoothing_ / Scalar(output.rows());
    const auto smoothed = [=](auto t) { return fma(t.constant(kept), t, t.constant(spread)); };
    const Scalar *const a = output.col(c).data(), *const t = target.col(c).data();
    if (weights_.empty()) return against(a, output.rows(), smoothed, Scalar(factor), gradient, t);
    const auto weighted = [=](auto entry, auto weight) { return weight * smoothed(entry); };
    return against(a, output.rows(), weighted, Scalar(factor), gradient, t, weights_.values().data());
  }

  /// `q` maps registers of `from` to a register of weights of -log p.
  template <class Q, class... From>
  static double against(const Scalar* a, Index classes, const Q& q, Scalar factor, Scalar* gradient,
                        const From*... from) {
    const Scalar top = greatest(a, classes), mass = detail::sum_run(classes, q, from...);
    const auto term = [&](auto x, auto... entries) {
      const auto weight = q(entries...), none = x.constant(0);
      // An excluded class, with logit -inf, may have probability 0, and 0 * inf is NaN.
      return select_greater(weight, none, weight * (x - x.constant(top)), none);
    };
    const Scalar product = detail::sum_run(classes, term, a, from...);
    if (!gradient) return double(mass * log_sum(a, classes, top) - product);
    const Scalar log_sum = softmax(a, classes, top, factor * mass, gradient);
    subtract(classes, factor, q, gradient, from...);
    return double(mass * log_sum - product);
  }

  static Scalar greatest(const Scalar* a, Index classes) {
    return Eigen::Map<const VectorX<Scalar>>(a, classes).maxCoeff();
  }

  static Scalar log_sum(const Scalar* a, Index classes, Scalar top) {
    return log_of(detail::sum_run(
        classes, [top](auto x) { return exp(x - x.constant(top)); }, a));
  }

  /// gradient = scale * softmax(a); returns log(sum(exp(a - top))).
  static Scalar softmax(const Scalar* a, Index classes, Scalar top, Scalar scale, Scalar* gradient) {
    detail::map_run(
        classes, [top](auto x) { return exp(x - x.constant(top)); }, gradient, a);
    const Scalar sum = detail::sum_run(
        classes, [](auto power) { return power; }, gradient);
    const Scalar share = scale / sum;
    detail::map_run(
        classes, [share](auto power) { return power * power.constant(share); }, gradient, gradient);
    return log_of(sum);
  }

  /// gradient -= factor * q(from...)
  template <class Q, class... From>
  static void subtract(Index classes, Scalar factor, const Q& q, Scalar* gradient, const From*... from) {
    const auto rest = [&](auto g, auto... entries) { return fma(g.constant(-factor), q(entries...), g); };
    detail::map_run(classes, rest, gradient, gradient, from...);
  }

  static Scalar log_of(Scalar x) { return log(Lanes<Scalar>{x}).v; }

  detail::ClassWeights<Scalar> weights_;
  Scalar smoothing_;
  Reduction reduction_;
};

}  // namespace unroll
