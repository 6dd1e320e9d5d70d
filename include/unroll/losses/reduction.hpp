#pragma once
// What a sum of losses is divided by. Every framework has its own habit here, so each has a name, and a loss is kept as
// its two parts (sum, count) until somebody asks for the quotient.

#include "unroll/core/error.hpp"
#include "unroll/core/finite.hpp"
#include "unroll/core/option_checks.hpp"
#include "unroll/core/types.hpp"

namespace unroll {

/// With the loss l of an item, its mask m (1 where it has a label) and its weight w, over all items of a batch of B
/// sequences. An item is a column for class labels and an entry (row, column) for real-valued targets.
enum class Reduction {
  sum,       ///< sum m w l
  valid,     ///< sum m w l / sum m: the mean over what is labelled; Keras 3, and PyTorch's mean without class weights
  weighted,  ///< sum m w l / sum m w: PyTorch's mean with class weights; no weight may be negative
  per_sequence,  ///< mean over sequences of (sum m w l / sum m), those without a label left out: short sequences weigh
                 ///< as much
  batch          ///< sum m w l / B: summed over time, averaged over the batch, as is usual for sequence to sequence
};

/// Labels as an argument: a whole vector or a segment of one.
using InLabels = const Eigen::Ref<const Labels>&;

/// What a loss may know about its columns besides their labels. Vectors are read in place: they must outlive the call.
struct Columns {
  Eigen::Ref<const VectorX<double>> weights =
      VectorX<double>();  ///< one per column: sample weight times step weight; empty: all 1
  Eigen::Ref<const Labels> sequence =
      Labels();         ///< which sequence a column belongs to, from 0; for Reduction::per_sequence
  Index sequences = 0;  ///< B, those without a label included; for per_sequence and batch
};

/// A loss as numerator and denominator. Values of batches, windows or processes are joined by `+=`, so that the value
/// of an epoch is the sum of all numerators over the sum of all denominators and never a mean of means.
struct LossValue {
  double sum = 0;
  double count = 0;    ///< what divides the sum; 0 where nothing does: Reduction::sum, or nothing was scored
  Index scored = 0;    ///< labelled items
  Index unscored = 0;  ///< items without a label
  Index empty = 0;     ///< calls in which nothing was labelled: their loss is 0 and not 0/0

  double value() const { return count > 0 ? sum / count : sum; }

  LossValue& operator+=(const LossValue& other) {
    sum += other.sum, count += other.count;
    scored += other.scored, unscored += other.unscored, empty += other.empty;
    return *this;
  }
};

/// The denominator of a whole, known from the labels before any loss is. Given to each part of that whole (the windows
/// of truncated backpropagation, the micro batches of one optimizer step, the shards of a batch), the parts' gradients
/// add up to the gradient of the whole; dividing each part by its own count would make a short last part weigh too
/// much.
struct LossCount {
  double denominator = 0;            ///< 0: nothing divides
  Index scored = 0;                  ///< labelled items of the whole
  VectorX<double> of_sequence = {};  ///< labelled items of each sequence; only for Reduction::per_sequence

  /// Adds other sequences; `of_sequence` stays with the batch that it was counted for.
  LossCount& operator+=(const LossCount& other) {
    denominator += other.denominator, scored += other.scored;
    return *this;
  }
  /// Makes this batch a part of `total`, the sum of several batches' counts.
  void divide_by(const LossCount& total) { denominator = total.denominator, scored = total.scored; }
};

namespace detail {

/// How many items of a column are labelled, and the sum of their own weights (class weights).
struct Scored {
  Index items;
  double weight;
};

inline void check_columns(const Columns& columns, Index count, Reduction reduction) {
  require<ShapeError>(columns.weights.size() == 0 || columns.weights.size() == count,
                      "loss: expects one weight for each of ", count, " columns, got ", columns.weights.size());
  for (Index c = 0; c < columns.weights.size(); ++c) {
    require<ValueError>(is_finite(columns.weights[c]), "loss: the weight of column ", c, " is not finite");
    require<ValueError>(reduction != Reduction::weighted || columns.weights[c] >= 0, "loss: the weight of column ", c,
                        " is negative, and Reduction::weighted divides by the sum of weights");
  }
  if (reduction == Reduction::batch || reduction == Reduction::per_sequence) {
    require<ValueError>(columns.sequences > 0 || count == 0,
                        "loss: Reduction::batch and per_sequence need the number of sequences (Columns::sequences)");
  }
  if (reduction != Reduction::per_sequence) return;
  require<ShapeError>(columns.sequence.size() == count,
                      "loss: Reduction::per_sequence expects the sequence of each of ", count,
                      " columns (Columns::sequence), got ", columns.sequence.size());
  for (Index c = 0; c < count; ++c) {
    require<ValueError>(columns.sequence[c] >= 0 && columns.sequence[c] < columns.sequences, "loss: column ", c,
                        " belongs to sequence ", columns.sequence[c], " of ", columns.sequences);
  }
}

inline double column_weight(const Columns& columns, Index c) {
  return columns.weights.size() == 0 ? 1 : columns.weights[c];
}

/// `scored(c)` tells a column's `Scored`.
template <class ScoredOf>
void count_columns(Reduction reduction, Index count, const Columns& columns, const ScoredOf& scored_of,
                   LossCount& whole) {
  check_columns(columns, count, reduction);
  const bool per_sequence = reduction == Reduction::per_sequence;
  whole.scored = 0;
  whole.of_sequence.setZero(per_sequence ? columns.sequences : 0);
  double weights = 0;
  for (Index c = 0; c < count; ++c) {
    const Scored scored = scored_of(c);
    whole.scored += scored.items;
    weights += scored.weight * column_weight(columns, c);
    if (per_sequence) whole.of_sequence[columns.sequence[c]] += double(scored.items);
  }
  switch (reduction) {
    case Reduction::sum:
      whole.denominator = 0;
      break;
    case Reduction::valid:
      whole.denominator = double(whole.scored);
      break;
    case Reduction::weighted:
      whole.denominator = weights;
      break;
    case Reduction::per_sequence:
      whole.denominator = double((whole.of_sequence.array() > 0).count());
      break;
    case Reduction::batch:
      whole.denominator = double(columns.sequences);
      break;
  }
}

/// What a column's loss is multiplied by on its way into the numerator.
inline double column_share(Reduction reduction, const Columns& columns, const LossCount& whole, Index c) {
  const double weight = column_weight(columns, c);
  if (reduction != Reduction::per_sequence) return weight;
  const Index sequence = columns.sequence[c];
  require<ValueError>(sequence < whole.of_sequence.size() && whole.of_sequence[sequence] > 0, "loss: column ", c,
                      " is labelled, but the given count has no label in its sequence ", sequence);
  return weight / whole.of_sequence[sequence];
}

/// The count of a call whose losses are added up, as a part of the whole.
inline void conclude(LossValue& result, const LossCount& whole) {
  result.empty = result.scored == 0;
  require<ValueError>(result.scored <= whole.scored, "loss: the given count covers ", whole.scored,
                      " labels, but here alone are ", result.scored);
  // In proportion to the labels: the counts of all parts add up to the denominator under every reduction.
  if (whole.scored > 0) result.count = whole.denominator * double(result.scored) / double(whole.scored);
}

}  // namespace detail
}  // namespace unroll
