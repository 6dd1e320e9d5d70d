#pragma once
// Accuracy, top-k accuracy and accuracy per step.

#include <utility>
#include <vector>

#include "unroll/core/checked.hpp"
#include "unroll/core/finite.hpp"
#include "unroll/losses/detail/class_weights.hpp"

namespace unroll {

/// Share of right answers, with its counts.
struct Hits {
  Index correct = 0;
  Index scored = 0;     ///< labelled columns
  Index unscored = 0;   ///< columns without a label
  Index undecided = 0;  ///< labelled columns whose scores contain a NaN: scored, never correct

  /// Share in [0, 1]; 0 if nothing was scored, see `scored`.
  double value() const { return scored > 0 ? double(correct) / double(scored) : 0; }

  Hits& operator+=(const Hits& other) {
    correct += other.correct, scored += other.scored;
    unscored += other.unscored, undecided += other.undecided;
    return *this;
  }
};

namespace detail {

/// Rank of `label`: number of classes with a larger score, or with the same score and a smaller index; -1 if a score is
/// NaN. Ties have a fixed order, so the class of rank 0 is the prediction and the label is among the k best exactly if
/// its rank is below k.
template <class Scores>
Index rank_of(const Scores& scores, Index label) {
  Index rank = 0;
  for (Index k = 0; k < scores.size(); ++k) {
    if (is_nan(scores[k])) return -1;
    rank += scores[k] > scores[label] || (scores[k] == scores[label] && k < label);
  }
  return rank;
}

/// Class with the largest score, the smallest index of equal ones; -1 if a score is NaN.
template <class Scores>
Index predicted_class(const Scores& scores) {
  Index best = 0;
  for (Index k = 0; k < scores.size(); ++k) {
    if (is_nan(scores[k])) return -1;
    if (scores[k] > scores[best]) best = k;
  }
  return best;
}

/// Calls f(column, label, rank of the label) for every column. For a column without a label, label and rank are -1.
template <class Derived, class F>
void for_each_rank(const Eigen::MatrixBase<Derived>& scores, InLabels labels, const F& f) {
  const Eigen::Ref<const MatrixX<typename Derived::Scalar>> view(scores.derived());
  check_labels(labels, view.rows(), view.cols());
  for (Index c = 0; c < view.cols(); ++c) {
    if (labels[c] < 0) {
      f(c, Index(-1), Index(-1));
    } else {
      f(c, labels[c], rank_of(view.col(c), labels[c]));
    }
  }
}

inline Hits hit(Index label, Index rank, Index k) {
  if (label < 0) return {.unscored = 1};
  return {.correct = rank >= 0 && rank < k, .scored = 1, .undecided = rank < 0};
}

}  // namespace detail

/// Accuracy: share of labelled columns whose largest score is at the label. Of equal scores, the class with the smaller
/// index is predicted.
class Accuracy {
 public:
  /// Adds scores (logits or probabilities) [classes x columns] with one label per column; negative labels are not
  /// scored. Throws ShapeError, and ValueError for a label out of range.
  template <class Derived>
  void add(const Eigen::MatrixBase<Derived>& scores, InLabels labels) {
    Hits batch;
    detail::for_each_rank(scores, labels,
                          [&](Index, Index label, Index rank) { batch += detail::hit(label, rank, 1); });
    hits_ += batch;
  }

  /// Adds predictions made elsewhere (by a decoder); negative predictions are undecided.
  void add_predicted(InLabels predicted, InLabels labels) {
    require<ShapeError>(predicted.size() == labels.size(),
                        "accuracy: labels must have as many entries as predictions, ", predicted.size(), ", got ",
                        labels.size());
    for (Index c = 0; c < labels.size(); ++c) {
      const Index rank = predicted[c] < 0 ? -1 : Index(predicted[c] != labels[c]);
      hits_ += detail::hit(labels[c], rank, 1);
    }
  }

  const Hits& hits() const { return hits_; }
  double value() const { return hits_.value(); }

 private:
  Hits hits_;
};

/// Top-k accuracy: share of labelled columns whose label is among the k largest scores, for several k at once. Of equal
/// scores, the class with the smaller index ranks first, so k = 1 equals Accuracy and a constant output does not count
/// as always right.
class TopK {
 public:
  /// Throws ValueError unless every k is at least 1.
  explicit TopK(std::vector<Index> k) : k_(std::move(k)), hits_(k_.size()) {
    for (const Index each : k_) require<ValueError>(each >= 1, "top k: k must be at least 1, got ", each);
  }

  /// Adds scores as Accuracy::add. Throws ValueError if a k exceeds the number of classes, because then every answer
  /// would be right.
  template <class Derived>
  void add(const Eigen::MatrixBase<Derived>& scores, InLabels labels) {
    for (const Index each : k_)
      require<ValueError>(each <= scores.rows(), "top k: k must be at most ", scores.rows(),
                          ", the number of classes, got ", each);
    detail::for_each_rank(scores, labels, [&](Index, Index label, Index rank) {
      for (std::size_t i = 0; i < k_.size(); ++i) hits_[i] += detail::hit(label, rank, k_[i]);
    });
  }

  const std::vector<Index>& k() const { return k_; }
  const std::vector<Hits>& hits() const { return hits_; }  ///< in the order of k()

 private:
  std::vector<Index> k_;
  std::vector<Hits> hits_;
};

/// Accuracy at each step, over the sequences with a label there. Few sequences reach late steps, so check `scored`.
class StepAccuracy {
 public:
  /// Adds scores as Accuracy::add, with the step (from 0) of each column.
  template <class Derived>
  void add(const Eigen::MatrixBase<Derived>& scores, InLabels labels, InLabels step_of_column) {
    require<ShapeError>(step_of_column.size() == scores.cols(), "accuracy per step: step_of_column must have ",
                        scores.cols(), " entries, one for each column, got ", step_of_column.size());
    require<ValueError>(step_of_column.size() == 0 || step_of_column.minCoeff() >= 0,
                        "accuracy per step: every step must be at least 0, got ",
                        [&] { return step_of_column.minCoeff(); });
    detail::check_labels(labels, scores.rows(), scores.cols());
    const Index steps = step_of_column.size() == 0 ? 0 : checked_add(step_of_column.maxCoeff(), 1, "steps");
    if (steps > Index(hits_.size()))
      take_memory(steps, "accuracy per step: steps", [&] { hits_.resize(std::size_t(steps)); });
    detail::for_each_rank(scores, labels, [&](Index c, Index label, Index rank) {
      hits_[std::size_t(step_of_column[c])] += detail::hit(label, rank, 1);
    });
  }

  const std::vector<Hits>& hits() const { return hits_; }  ///< by step

 private:
  std::vector<Hits> hits_;
};

}  // namespace unroll
