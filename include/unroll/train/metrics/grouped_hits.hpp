#pragma once
// A share of right answers with confidence limits. Steps of a recording, and recordings of one person, resemble each
// other: only groups that share nothing count as independent.

#include <algorithm>
#include <cmath>
#include <numbers>

#include "unroll/core/checked.hpp"
#include "unroll/core/random.hpp"
#include "unroll/train/metrics/hits.hpp"

namespace unroll {

/// A share with confidence limits, all in [0, 1].
struct Interval {
  double value = 0, low = 0, high = 1;
};

/// How many standard errors a mean of `degrees + 1` normal values may lie off with this probability: the two-sided
/// quantile of Student's t, Hill 1970, Algorithm 396; relative error below 1e-4. Throws ValueError unless the
/// confidence lies between 0 and 1 and there is a degree of freedom.
inline double student_quantile(double confidence, Index degrees) {
  require<ValueError>(confidence > 0 && confidence < 1 && degrees >= 1, "Student's t: a confidence of ", confidence,
                      " with ", degrees, " degrees of freedom; expected between 0 and 1, and at least 1");
  const double p = 1 - confidence, n = double(degrees);
  if (degrees == 1) return 1 / std::tan(p * std::numbers::pi / 2);
  if (degrees == 2) return std::sqrt(2 / (p * (2 - p)) - 2);
  const double a = 1 / (n - 0.5), b = 48 / (a * a);
  double c = ((20700 * a / b - 98) * a - 16) * a + 96.36;
  const double d = ((94.5 / (b + c) - 3) / b + 1) * std::sqrt(a * std::numbers::pi / 2) * n;
  double x = d * p, y = std::pow(x, 2 / n);
  if (y > 0.05 + a) {
    x = detail::normal_quantile(p / 2);
    y = x * x;
    if (degrees < 5) c += 0.3 * (n - 4.5) * (x + 0.6);
    c = (((0.05 * d * x - 5) * x - 7) * x - 2) * x + b + c;
    y = (((((0.4 * y + 6.3) * y + 36) * y + 94.5) / c - y - 3) / b + 1) * x;
    y = std::expm1(a * y * y);
  } else {
    y = ((1 / (((n + 6) / (n * y) - 0.089 * d - 0.822) * (n + 2) * 3) + 0.5 / (n + 4)) * y - 1) * (n + 1) / (n + 2) +
        1 / y;
  }
  return std::sqrt(n * y);
}

/// Right answers by class and group (a person). Limits come from how much groups differ: their deviations from the
/// common share, linearised (a cluster-robust variance), with Student's t for one degree of freedom less than there are
/// groups. Of fewer than two groups nothing is known: their limits are 0 and 1.
class GroupedHits {
 public:
  GroupedHits(Index groups, Index classes) {
    require<ValueError>(groups >= 1 && classes >= 1, "grouped hits: expects at least 1 group and 1 class, got ", groups,
                        " and ", classes);
    constexpr std::string_view what = "grouped hits";
    take_memory(checked_multiply(classes, groups, what), what, [&] {
      hits_.setZero(classes, groups);
      scored_.setZero(classes, groups);
    });
  }

  /// Scores [classes x columns] of a sequence of `group`, and a label per column, negative for none. Throws ShapeError,
  /// and ValueError for a group or label that is none.
  template <class Derived>
  void add(Index group, const Eigen::MatrixBase<Derived>& scores, InLabels labels) {
    check_group(group);
    require<ShapeError>(scores.rows() == classes(), "grouped hits: expects ", classes(), " classes, the scores have ",
                        scores.rows());
    detail::for_each_rank(scores, labels, [&](Index, Index label, Index rank) {
      if (label < 0) return;
      ++scored_(label, group);
      hits_(label, group) += rank == 0;
    });
  }

  /// Those of other runs on the same groups.
  GroupedHits& operator+=(const GroupedHits& other) {
    hits_ += other.hits_;
    scored_ += other.scored_;
    return *this;
  }

  Index groups() const { return hits_.cols(); }
  Index classes() const { return hits_.rows(); }
  double scored() const { return scored_.sum(); }
  /// Of one group alone; 0 where nothing was scored. Throws ValueError for a group that is none.
  double accuracy_of(Index group) const {
    check_group(group);
    return share(hits_.col(group).sum(), scored_.col(group).sum());
  }

  Interval accuracy(double confidence = 0.95) const {
    const double value = share(hits_.sum(), scored());
    return interval(value, VectorX<double>::Constant(classes(), value),
                    VectorX<double>::Constant(classes(), share(1, scored())), confidence);
  }

  /// Mean recall of the classes that occur.
  Interval balanced_accuracy(double confidence = 0.95) const {
    VectorX<double> recall(classes()), weight(classes());
    const double present = double((scored_.rowwise().sum().array() > 0).count());
    for (Index k = 0; k < classes(); ++k) {
      recall[k] = share(hits_.row(k).sum(), scored_.row(k).sum());
      weight[k] = share(1, scored_.row(k).sum() * present);
    }
    return interval(share(recall.sum(), present), recall, weight, confidence);
  }

 private:
  void check_group(Index group) const {
    require<ValueError>(group >= 0 && group < groups(), "grouped hits: group ", group, " of ", groups());
  }
  static double share(double part, double whole) { return whole > 0 ? part / whole : 0; }

  /// `expected`: the share of each class if groups did not differ.
  Interval interval(double value, const VectorX<double>& expected, const VectorX<double>& weight,
                    double confidence) const {
    double squares = 0;
    Index present = 0;
    for (Index g = 0; g < groups(); ++g) {
      if (scored_.col(g).sum() == 0) continue;
      const double off = weight.dot(hits_.col(g) - expected.cwiseProduct(scored_.col(g)));
      squares += off * off;
      ++present;
    }
    if (present < 2) return {value, 0, 1};
    const double error = std::sqrt(squares * double(present) / double(present - 1));
    const double reach = error * student_quantile(confidence, present - 1);
    return {value, std::max(0.0, value - reach), std::min(1.0, value + reach)};
  }

  MatrixX<double> hits_, scored_;  // [classes x groups]
};

}  // namespace unroll
