#pragma once

#include <algorithm>
#include <cmath>
#include <numbers>

#include "unroll/core/checked.hpp"
#include "unroll/core/option_checks.hpp"
#include "unroll/core/random.hpp"
#include "unroll/train/metrics/hits.hpp"

namespace unroll {

/// Share with confidence limits, all in [0, 1].
struct Interval {
  double value = 0, low = 0, high = 1;
};

/// Two-sided quantile of Student's t: `confidence` is the probability that the mean of `degrees` + 1 normal values
/// deviates by at most this number of standard errors. Hill 1970, Algorithm 396; relative error below 1e-4. Throws
/// ValueError unless the confidence is between 0 and 1 and `degrees` >= 1.
inline double student_quantile(double confidence, Index degrees) {
  detail::check_option(confidence > 0 && confidence < 1, "Student's t", "confidence", "in (0, 1)", confidence);
  require<ValueError>(degrees >= 1, "Student's t: degrees must be at least 1, got ", degrees);
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

/// Accuracy with confidence limits over independent groups. Steps of a recording and recordings of one person are
/// correlated, so groups (for example persons) are the independent units. The limits use a cluster-robust variance,
/// that is, linearised deviations of the groups from the common share, with Student's t for groups - 1 degrees of
/// freedom. With fewer than two groups they are 0 and 1.
class GroupedHits {
 public:
  GroupedHits(Index groups, Index classes) {
    require<ValueError>(groups >= 1, "grouped hits: groups must be at least 1, got ", groups);
    require<ValueError>(classes >= 1, "grouped hits: classes must be at least 1, got ", classes);
    constexpr std::string_view what = "grouped hits";
    take_memory(checked_multiply(classes, groups, what), what, [&] {
      hits_.setZero(classes, groups);
      scored_.setZero(classes, groups);
    });
  }

  /// Adds scores [classes x columns] of a sequence of `group`, with one label per column; negative labels are not
  /// scored. Throws ShapeError, and ValueError for a group or label out of range.
  template <class Derived>
  void add(Index group, const Eigen::MatrixBase<Derived>& scores, InLabels labels) {
    check_group(group);
    require<ShapeError>(scores.rows() == classes(), "grouped hits: the scores must have ", classes(),
                        " rows, one for each class, got ", scores.rows());
    detail::for_each_rank(scores, labels, [&](Index, Index label, Index rank) {
      if (label < 0) return;
      ++scored_(label, group);
      hits_(label, group) += rank == 0;
    });
  }

  /// Adds the counts of another run on the same groups.
  GroupedHits& operator+=(const GroupedHits& other) {
    hits_ += other.hits_;
    scored_ += other.scored_;
    return *this;
  }

  Index groups() const { return hits_.cols(); }
  Index classes() const { return hits_.rows(); }
  double scored() const { return scored_.sum(); }
  /// Accuracy of one group; 0 if nothing was scored. Throws ValueError for a group out of range.
  double accuracy_of(Index group) const {
    check_group(group);
    return share(hits_.col(group).sum(), scored_.col(group).sum());
  }

  Interval accuracy(double confidence = 0.95) const {
    const double value = share(hits_.sum(), scored());
    return interval(value, VectorX<double>::Constant(classes(), value),
                    VectorX<double>::Constant(classes(), share(1, scored())), confidence);
  }

  /// Balanced accuracy: mean recall of the classes that occur.
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
    require<ValueError>(group >= 0 && group < groups(), "grouped hits: group must be 0 to ", groups() - 1, ", got ",
                        group);
  }
  static double share(double part, double whole) { return whole > 0 ? part / whole : 0; }

  /// `expected`: share of each class under the assumption that groups do not differ.
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
