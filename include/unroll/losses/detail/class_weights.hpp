#pragma once
// Class labels and class weights: checks shared by the classification losses.

#include "unroll/core/option_checks.hpp"
#include "unroll/losses/reduction.hpp"

namespace unroll::detail {

/// Throws unless there is one label per column, each below `classes`; a negative label means "none".
inline void check_labels(InLabels labels, Index classes, Index columns) {
  check_as_many("loss", "labels", "entries as columns", labels.size(), columns);
  for (Index c = 0; c < columns; ++c) {
    require<ValueError>(labels[c] < classes, "loss: label of column ", c, " must be below ", classes,
                        ", the number of classes, got ", labels[c]);
  }
}

/// Class weights, one per class; empty: all 1.
template <class Scalar>
class ClassWeights {
 public:
  explicit ClassWeights(const VectorX<double>& weights)
      : values_(weights.cast<Scalar>()), mean_(weights.size() == 0 ? Scalar(1) : values_.mean()) {
    for (Index k = 0; k < weights.size(); ++k) {
      require<ValueError>(weights[k] >= 0 && is_finite(values_[k]), "loss: weight of class ", k,
                          " must be finite and at least 0 in ", name_of_scalar<Scalar>, ", got ", weights[k]);
    }
  }

  bool empty() const { return values_.size() == 0; }
  const VectorX<Scalar>& values() const { return values_; }

  void check(Index classes) const {
    require<ShapeError>(empty() || values_.size() == classes,
                        "loss: class weights must have as many entries as classes, ", classes, ", got ",
                        values_.size());
  }
  Scalar of(Index label, Index column) const {
    if (empty()) return 1;
    require<ValueError>(label < values_.size(), "loss: label of column ", column, " must be below ", values_.size(),
                        ", the number of class weights, got ", label);
    return values_[label];
  }
  Scalar mean() const { return mean_; }

 private:
  VectorX<Scalar> values_;
  Scalar mean_;
};

}  // namespace unroll::detail
