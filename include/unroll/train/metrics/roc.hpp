#pragma once

#include <algorithm>
#include <utility>
#include <vector>

#include "unroll/core/error.hpp"
#include "unroll/core/finite.hpp"
#include "unroll/core/types.hpp"

namespace unroll {

/// Point of a ROC curve: shares of the negative and of the positive columns with a score at or above a threshold.
struct RocPoint {
  double false_alarms = 0, found = 0;
};

/// Receiver operating characteristic (ROC) of a score for one class. The area under the curve is the probability that a
/// positive column has a larger score than a negative one, ties counted half (Hanley & McNeil 1982): 1/2 for an
/// uninformative score, however rare the class is.
class Roc {
 public:
  /// Adds one score per column, larger for stronger belief, with labels 1 (positive), 0 (negative) or below 0 (not
  /// scored). Throws ShapeError, NonFiniteError for a score that is not finite, ValueError for other labels.
  template <class Scalar>
  void add(const Eigen::Ref<const VectorX<Scalar>>& scores, const Eigen::Ref<const Labels>& labels) {
    require<ShapeError>(scores.size() == labels.size(), "ROC: labels must have as many entries as scores, ",
                        scores.size(), ", got ", labels.size());
    for (Index c = 0; c < labels.size(); ++c) {
      if (labels[c] < 0) continue;
      require<ValueError>(labels[c] <= 1, "ROC: the label of column ", c, " must be at most 1, got ", labels[c]);
      require<NonFiniteError>(is_finite(scores[c]), "ROC: the score of column ", c, " must be finite, got ", scores[c]);
      scored_.emplace_back(double(scores[c]), labels[c] == 1);
    }
  }

  /// ROC curve from (0, 0) to (1, 1), with one point per distinct score. Throws ValueError unless there are positive
  /// and negative columns.
  std::vector<RocPoint> curve() const {
    auto sorted = scored_;
    std::sort(sorted.begin(), sorted.end(), [](const auto& a, const auto& b) { return a.first > b.first; });
    const auto all = double(std::count_if(sorted.begin(), sorted.end(), [](const auto& each) { return each.second; }));
    const double others = double(sorted.size()) - all;
    require<ValueError>(all > 0 && others > 0, "ROC: at least 1 column must be of the class and 1 of others, got ", all,
                        " and ", others);
    std::vector<RocPoint> points{{}};
    double found = 0;
    for (std::size_t k = 0; k < sorted.size(); ++k) {
      found += sorted[k].second;
      if (k + 1 < sorted.size() && sorted[k + 1].first == sorted[k].first) continue;
      points.push_back({(double(k + 1) - found) / others, found / all});
    }
    return points;
  }

  /// Area under the curve. Throws as `curve`.
  double area() const {
    double area = 0;
    const auto points = curve();
    for (std::size_t k = 1; k < points.size(); ++k)
      area += (points[k].false_alarms - points[k - 1].false_alarms) * (points[k].found + points[k - 1].found) / 2;
    return area;
  }

 private:
  std::vector<std::pair<double, bool>> scored_;
};

}  // namespace unroll
