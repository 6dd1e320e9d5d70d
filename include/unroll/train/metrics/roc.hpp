#pragma once
// How well a score tells one class from all others, whatever the threshold.

#include <algorithm>
#include <utility>
#include <vector>

#include "unroll/core/error.hpp"
#include "unroll/core/finite.hpp"
#include "unroll/core/types.hpp"

namespace unroll {

/// A threshold between two scores: which shares of the other classes and of the class lie at or above it.
struct RocPoint {
  double false_alarms = 0, found = 0;
};

/// The receiver operating characteristic. Its area is the probability that something of the class has a larger score
/// than something else, equal scores counted half (Hanley & McNeil 1982): 1/2 for a score that says nothing, however
/// rare the class is.
class Roc {
 public:
  /// A score per column (any number that grows with the belief), and whether the column is of the class: 1 or 0,
  /// negative for a column that is not scored. Throws ShapeError, NonFiniteError for a score that is NaN or infinite,
  /// ValueError for another label.
  template <class Scalar>
  void add(const Eigen::Ref<const VectorX<Scalar>>& scores, const Eigen::Ref<const Labels>& labels) {
    require<ShapeError>(scores.size() == labels.size(), "ROC: ", scores.size(), " scores, but ", labels.size(),
                        " labels");
    for (Index c = 0; c < labels.size(); ++c) {
      if (labels[c] < 0) continue;
      require<ValueError>(labels[c] <= 1, "ROC: the label of column ", c, " is ", labels[c], ", expected 0 or 1");
      require<NonFiniteError>(is_finite(scores[c]), "ROC: the score of column ", c, " is ", scores[c]);
      scored_.emplace_back(double(scores[c]), labels[c] == 1);
    }
  }

  /// From (0, 0) to (1, 1), a point behind each group of equal scores. Throws ValueError unless there is something of
  /// the class and something else.
  std::vector<RocPoint> curve() const {
    auto sorted = scored_;
    std::sort(sorted.begin(), sorted.end(), [](const auto& a, const auto& b) { return a.first > b.first; });
    const auto all = double(std::count_if(sorted.begin(), sorted.end(), [](const auto& each) { return each.second; }));
    const double others = double(sorted.size()) - all;
    require<ValueError>(all > 0 && others > 0, "ROC: ", all, " columns of the class and ", others,
                        " others, expected at least one of both");
    std::vector<RocPoint> points{{}};
    double found = 0;
    for (std::size_t k = 0; k < sorted.size(); ++k) {
      found += sorted[k].second;
      if (k + 1 < sorted.size() && sorted[k + 1].first == sorted[k].first) continue;
      points.push_back({(double(k + 1) - found) / others, found / all});
    }
    return points;
  }

  /// Throws as `curve`.
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
