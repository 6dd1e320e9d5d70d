#pragma once

#include <algorithm>

#include "unroll/core/checked.hpp"
#include "unroll/train/metrics/hits.hpp"

namespace unroll {

/// Scores of one class, or averages over classes.
struct ClassScores {
  double precision = 0;  ///< share of the columns predicted as this class that have its label
  double recall = 0;     ///< share of the columns with this label that are predicted as it
  double f1 = 0;         ///< harmonic mean of precision and recall
  Index support = 0;     ///< columns with this label
  Index predicted = 0;   ///< columns predicted as this class
};

/// Confusion matrix: counts of labelled columns by true class (row) and predicted class (column). A column whose scores
/// contain a NaN is undecided: it lowers the recall of its class but counts for no predicted class (precision). Ratios
/// with denominator 0 are 0, as in scikit-learn.
class ConfusionMatrix {
 public:
  using Counts = Eigen::Matrix<Index, Eigen::Dynamic, Eigen::Dynamic>;

  explicit ConfusionMatrix(Index classes) {
    require<ValueError>(classes >= 1, "confusion matrix: classes must be at least 1, got ", classes);
    constexpr std::string_view what = "confusion matrix";
    take_memory(checked_multiply(classes, classes, what), what, [&] { counts_.setZero(classes, classes); });
    undecided_.setZero(classes);
  }

  /// Adds scores [classes x columns] with one label per column; negative labels are not scored. Of equal scores the
  /// smaller class is predicted. Throws ShapeError, and ValueError for a label out of range.
  template <class Derived>
  void add(const Eigen::MatrixBase<Derived>& scores, InLabels labels) {
    const Eigen::Ref<const MatrixX<typename Derived::Scalar>> view(scores.derived());
    require<ShapeError>(view.rows() == classes(), "confusion matrix: the scores must have ", classes(),
                        " rows, one for each class, got ", view.rows());
    detail::check_labels(labels, classes(), view.cols());
    for (Index c = 0; c < view.cols(); ++c) {
      count(labels[c], labels[c] < 0 ? -1 : detail::predicted_class(view.col(c)));
    }
  }

  /// Adds predictions made elsewhere; negative predictions are undecided.
  void add_predicted(InLabels predicted, InLabels labels) {
    detail::check_labels(labels, classes(), predicted.size());
    detail::check_labels(predicted, classes(), labels.size());
    for (Index c = 0; c < labels.size(); ++c) count(labels[c], predicted[c]);
  }

  Index classes() const { return counts_.rows(); }
  const Counts& counts() const { return counts_; }        ///< rows: true, columns: predicted
  const Labels& undecided() const { return undecided_; }  ///< by true class
  Index scored() const { return counts_.sum() + undecided_.sum(); }
  Index unscored() const { return unscored_; }

  double accuracy() const { return share(counts_.trace(), scored()); }

  /// Scores of one class. Throws ValueError if there is no such class.
  ClassScores of(Index label) const {
    require<ValueError>(label >= 0 && label < classes(), "confusion matrix: class must be 0 to ", classes() - 1,
                        ", got ", label);
    return scores(counts_(label, label), counts_.col(label).sum(), counts_.row(label).sum() + undecided_[label]);
  }

  /// Macro average: mean of each score over the classes that occur as a label or a prediction. The F1 is the mean of
  /// the F1s.
  ClassScores macro() const {
    ClassScores mean;
    Index present = 0;
    for (Index k = 0; k < classes(); ++k) {
      const ClassScores one = of(k);
      if (one.support + one.predicted == 0) continue;
      mean.precision += one.precision, mean.recall += one.recall, mean.f1 += one.f1;
      mean.support += one.support, mean.predicted += one.predicted;
      ++present;
    }
    const double by = double(std::max<Index>(present, 1));
    mean.precision /= by, mean.recall /= by, mean.f1 /= by;
    return mean;
  }

  /// Micro average over all columns. Each column has one label and one prediction, so all three scores equal the
  /// accuracy, unless columns are undecided.
  ClassScores micro() const { return scores(counts_.trace(), counts_.sum(), scored()); }

  /// Balanced accuracy: mean recall of the classes that occur as labels. A constant prediction gives 1 / (number of
  /// classes).
  double balanced_accuracy() const {
    double sum = 0;
    Index present = 0;
    for (Index k = 0; k < classes(); ++k) {
      const ClassScores one = of(k);
      sum += one.recall;
      present += one.support > 0;
    }
    return present > 0 ? sum / double(present) : 0;
  }

 private:
  static double share(Index part, Index whole) { return whole > 0 ? double(part) / double(whole) : 0; }

  static ClassScores scores(Index found, Index predicted, Index support) {
    return {share(found, predicted), share(found, support), share(2 * found, predicted + support), support, predicted};
  }

  void count(Index label, Index predicted) {
    if (label < 0) {
      ++unscored_;
    } else if (predicted < 0) {
      ++undecided_[label];
    } else {
      ++counts_(label, predicted);
    }
  }

  Counts counts_;
  Labels undecided_;
  Index unscored_ = 0;
};

}  // namespace unroll
