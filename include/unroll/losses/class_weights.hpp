#pragma once
// Class labels and class weights: checks shared by the classification losses.

#include "unroll/losses/reduction.hpp"

namespace unroll::detail {

/// Throws unless there is one label per column, each below `classes`; a negative label means "none".
inline void check_labels(InLabels labels, Index classes, Index columns) {
  require<ShapeError>(labels.size() == columns, "expects one label for each of ", columns, " columns, got ",
                      labels.size());
  for (Index c = 0; c < columns; ++c) {
    require<ValueError>(labels[c] < classes, "column ", c, ": label ", labels[c], ", but there are ", classes,
                        " classes, counted from 0");
  }
}

/// Class weights, one per class; empty: all 1.
template <class Scalar>
class ClassWeights {
 public:
  explicit ClassWeights(const VectorX<double>& weights)
      : values_(weights.cast<Scalar>()), mean_(weights.size() == 0 ? Scalar(1) : values_.mean()) {
    for (Index k = 0; k < weights.size(); ++k) {
      require<ValueError>(weights[k] >= 0 && is_finite(values_[k]), "loss: the weight of class ", k, " is ", weights[k],
                          ", expected a number >= 0 that is finite in ", name_of_scalar<Scalar>);
    }
  }

  bool empty() const { return values_.size() == 0; }
  const VectorX<Scalar>& values() const { return values_; }

  void check(Index classes) const {
    require<ShapeError>(empty() || values_.size() == classes, "loss: expects ", classes, " class weights, got ",
                        values_.size());
  }
  Scalar of(Index label, Index column) const {
    if (empty()) return 1;
    require<ValueError>(label < values_.size(), "column ", column, ": label ", label, ", but there are weights for ",
                        values_.size(), " classes");
    return values_[label];
  }
  Scalar mean() const { return mean_; }

 private:
  VectorX<Scalar> values_;
  Scalar mean_;
};

}  // namespace unroll::detail
