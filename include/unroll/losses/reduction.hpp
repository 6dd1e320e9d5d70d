#pragma once
// Reductions of losses. Frameworks divide the sum of losses by different numbers, so each reduction has a name. A loss
// is stored as (sum, count) until its value is needed.

#include <array>
#include <cstddef>
#include <vector>

#include "unroll/core/error.hpp"
#include "unroll/core/finite.hpp"
#include "unroll/core/option_checks.hpp"
#include "unroll/core/types.hpp"

namespace unroll {

/// Denominator of a loss. l is the loss of an item, m its mask (1 if labelled) and w its weight; sums are over all
/// items of a batch of B sequences. An item is a column for class labels, an entry (row, column) for real-valued
/// targets.
enum class Reduction {
  sum,           ///< sum m w l
  valid,         ///< sum m w l / sum m: mean over labelled items; Keras 3, and PyTorch's mean without class weights
  weighted,      ///< sum m w l / sum m w: PyTorch's mean with class weights; weights must not be negative
  per_sequence,  ///< mean of (sum m w l / sum m) over sequences with labels, so that short sequences have equal weight
  batch          ///< sum m w l / B: sum over time, mean over the batch, usual for sequence to sequence
};

/// Labels as a function argument: a vector or a segment of one.
using InLabels = const Eigen::Ref<const Labels>&;

/// Properties of the columns of a batch besides their labels. Non-owning: vectors must outlive the call.
struct Columns {
  Eigen::Ref<const VectorX<double>> weights =
      VectorX<double>();                         ///< one per column: sample weight times step weight; empty: all 1
  Eigen::Ref<const Labels> sequence = Labels();  ///< sequence of each column, from 0; for Reduction::per_sequence
  Index sequences = 0;                           ///< B, including sequences without labels; for per_sequence and batch
};

/// Largest number of losses in Losses.
inline constexpr std::size_t most_losses = 8;

/// Value of one of several losses, as numerator and denominator.
struct LossTerm {
  double weight = 1, sum = 0, count = 0;

  double value() const { return count > 0 ? sum / count : sum; }
};

/// Loss as numerator and denominator. `+=` combines batches, windows or processes, so that the loss of an epoch is the
/// sum of all numerators over the sum of all denominators, not a mean of means.
struct LossValue {
  double sum = 0;
  double count = 0;    ///< denominator; 0: none, for Reduction::sum or if no item is labelled
  Index scored = 0;    ///< labelled items
  Index unscored = 0;  ///< items without a label
  Index empty = 0;     ///< calls without labelled items: their loss is 0, not 0/0
  /// Of Losses: the first `losses` entries are its losses. `sum` is then the weighted sum of their sums and `count` 0.
  std::array<LossTerm, most_losses> terms = {};
  std::size_t losses = 0;  ///< 0: a single loss

  /// Quotient of sum and count; of Losses the weighted sum of the values of the terms.
  double value() const {
    if (losses == 0) return count > 0 ? sum / count : sum;
    double all = 0;
    for (std::size_t k = 0; k < losses; ++k)
      if (terms[k].weight != 0) all += terms[k].weight * terms[k].value();
    return all;
  }

  LossValue& operator+=(const LossValue& other) {
    sum += other.sum, count += other.count;
    scored += other.scored, unscored += other.unscored, empty += other.empty;
    for (std::size_t k = 0; k < other.losses; ++k) {
      terms[k].weight = other.terms[k].weight;
      terms[k].sum += other.terms[k].sum, terms[k].count += other.terms[k].count;
    }
    if (other.losses > losses) losses = other.losses;
    return *this;
  }

  /// Adds a term, at most most_losses.
  void add(double weight, const LossValue& term) {
    terms[losses++] = {weight, term.sum, term.count};
    if (weight != 0) sum += weight * term.sum;
    scored += term.scored, unscored += term.unscored;
  }
};

/// Denominator of the loss of a whole batch or update, computed from its labels alone. If it is passed for each part
/// (windows of truncated backpropagation, micro batches of one optimizer step, shards of a batch), the gradients of the
/// parts add up to that of the whole. Division by each part's own count would overweight a short last part.
struct LossCount {
  double denominator = 0;             ///< 0: no division
  Index scored = 0;                   ///< labelled items of the whole
  VectorX<double> of_sequence = {};   ///< labelled items by sequence; only for Reduction::per_sequence
  std::vector<LossCount> parts = {};  ///< of each of several losses, see Losses

  /// Adds the count of other sequences; `of_sequence` is not changed.
  LossCount& operator+=(const LossCount& other) {
    denominator += other.denominator, scored += other.scored;
    if (parts.size() < other.parts.size()) parts.resize(other.parts.size());
    for (std::size_t k = 0; k < other.parts.size(); ++k) parts[k] += other.parts[k];
    return *this;
  }
  /// Turns the count of a batch into that of a part of `total`, the sum over several batches.
  void divide_by(const LossCount& total) {
    denominator = total.denominator, scored = total.scored;
    for (std::size_t k = 0; k < parts.size() && k < total.parts.size(); ++k) parts[k].divide_by(total.parts[k]);
  }
};

namespace detail {

/// Number of labelled items of a column, and the sum of their class weights.
struct Scored {
  Index items;
  double weight;
};

inline void check_columns(const Columns& columns, Index count, Reduction reduction) {
  if (columns.weights.size() != 0)
    check_as_many("loss", "Columns::weights", "entries as columns", columns.weights.size(), count);
  for (Index c = 0; c < columns.weights.size(); ++c) {
    require<ValueError>(is_finite(columns.weights[c]), "loss: weight of column ", c, " must be finite, got ",
                        columns.weights[c]);
    require<ValueError>(reduction != Reduction::weighted || columns.weights[c] >= 0, "loss: weight of column ", c,
                        " must be at least 0 for Reduction::weighted, got ", columns.weights[c]);
  }
  if (reduction == Reduction::batch || reduction == Reduction::per_sequence) {
    require<ValueError>(columns.sequences > 0 || count == 0,
                        "loss: Columns::sequences must be at least 1 for Reduction::batch and per_sequence, got ",
                        columns.sequences);
  }
  if (reduction != Reduction::per_sequence) return;
  check_as_many("loss", "Columns::sequence", "entries as columns", columns.sequence.size(), count);
  for (Index c = 0; c < count; ++c) {
    require<ValueError>(columns.sequence[c] >= 0 && columns.sequence[c] < columns.sequences,
                        "loss: sequence of column ", c, " must be 0 to ", columns.sequences - 1, ", got ",
                        columns.sequence[c]);
  }
}

inline double column_weight(const Columns& columns, Index c) {
  return columns.weights.size() == 0 ? 1 : columns.weights[c];
}

/// Computes the count of a batch. `scored_of(c)` returns the Scored of column c.
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

/// Factor of the loss of a column in the numerator.
inline double column_share(Reduction reduction, const Columns& columns, const LossCount& whole, Index c) {
  const double weight = column_weight(columns, c);
  if (reduction != Reduction::per_sequence) return weight;
  const Index sequence = columns.sequence[c];
  require<ValueError>(sequence < whole.of_sequence.size() && whole.of_sequence[sequence] > 0,
                      "loss: the given count has no label in sequence ", sequence, ", but column ", c,
                      " has one; count the whole batch");
  return weight / whole.of_sequence[sequence];
}

/// Sets the count of one call's losses as a part of the whole.
inline void conclude(LossValue& result, const LossCount& whole) {
  result.empty = result.scored == 0;
  require<ValueError>(result.scored <= whole.scored, "loss: labels must be at most those of the given count, ",
                      whole.scored, ", got ", result.scored);
  // In proportion to the labels, so that the counts of all parts add up to the denominator under every reduction.
  if (whole.scored > 0) result.count = whole.denominator * double(result.scored) / double(whole.scored);
}

}  // namespace detail
}  // namespace unroll
