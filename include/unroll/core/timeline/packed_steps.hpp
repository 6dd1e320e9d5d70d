#pragma once
// Packed layout of a batch of sequences: masked steps are not stored.
//
// Sequences are ranked by decreasing length, and the columns of a batch are ordered by step: the columns of step t are
// contiguous, one per sequence longer than t, by rank. For lengths 3, 1, 2 (samples 0, 1, 2; ranks 0, 2, 1):
//
//     step      0            1        2
//     column    0   1   2    3   4    5
//     sample    0   2   1    0   2    0
//     active    3            2        1
//
// `active` never increases: the columns of a step continue the first columns of the step before, and loops over time
// need no mask. Steps count valid steps. The step in the padded batch is stored too, for unpacking.

#include <vector>

#include "unroll/core/option_checks.hpp"
#include "unroll/core/types.hpp"

namespace unroll {

/// Values at masked steps of an unpacked batch.
enum class Padding {
  zero,             ///< as in PyTorch and ONNX
  repeat_previous,  ///< the last valid output before the step, zero if there is none; as in Keras
  repeat_next,      ///< the same for layers that run backward in time
};

namespace detail {

/// Layout of a batch: base class of Timeline, which makes it.
class PackedSteps {
 public:
  Index batch() const { return static_cast<Index>(sample_.size()); }
  /// Length of the longest sequence, without masked steps.
  Index steps() const { return static_cast<Index>(offset_.size()) - 1; }
  /// Number of valid steps of all sequences: the columns of a batch.
  Index columns() const { return offset_.back(); }
  /// Number of steps of the padded batch.
  Index padded_steps() const { return padded_steps_; }

  // Unchecked accessors for inner loops: indices are from 0 and below steps(), batch() and columns().
  /// Number of sequences longer than t: the columns of step t.
  Index active(Index t) const { return offset_[at(t) + 1] - offset_[at(t)]; }
  /// First column of step t; `offset(steps()) == columns()`.
  Index offset(Index t) const { return offset_[at(t)]; }

  /// Sample at a rank (rank 0 is the longest sequence), and the inverse.
  Index sample(Index rank) const { return sample_[at(rank)]; }
  Index rank(Index sample) const { return rank_[at(sample)]; }
  Index length(Index rank) const { return length_[at(rank)]; }

  /// Position of a sample in the full batch; see Timeline::set_places.
  Index place(Index sample) const { return place_.empty() ? sample : place_[at(sample)]; }
  Index place_of(Index column) const { return place(sample_of(column)); }
  Index rank_of(Index column) const { return rank_of_[at(column)]; }
  Index sample_of(Index column) const { return sample(rank_of(column)); }
  /// Step of a column in the padded batch.
  Index step_of(Index column) const { return step_of_[at(column)]; }
  /// Index of a column in a padded time-major batch (T, B, F): t * batch + b.
  Index padded_column(Index column) const { return step_of(column) * batch() + sample_of(column); }
  /// True if a masked step precedes a valid one in any sequence, so that steps differ from padded steps.
  bool has_gaps() const { return gaps_; }

  /// Packed columns [features x columns()] of a padded time-major batch [features x padded_steps * batch]. Throws
  /// ShapeError for a wrong size.
  template <class Scalar>
  MatrixX<Scalar> pack(const MatrixX<Scalar>& padded) const {
    check_equal("timeline", "padded columns", padded.cols(), padded_steps() * batch());
    MatrixX<Scalar> packed(padded.rows(), columns());
    for (Index c = 0; c < columns(); ++c) packed.col(c) = padded.col(padded_column(c));
    return packed;
  }

  /// Padded time-major batch [features x padded_steps * batch] of packed columns. Throws ShapeError for a wrong size.
  template <class Scalar>
  MatrixX<Scalar> unpack(const MatrixX<Scalar>& packed, Padding padding = Padding::zero) const {
    check_equal("timeline", "packed columns", packed.cols(), columns());
    MatrixX<Scalar> padded = MatrixX<Scalar>::Zero(packed.rows(), padded_steps() * batch());
    for (Index c = 0; c < columns(); ++c) padded.col(padded_column(c)) = packed.col(c);
    each_repeated(padding, false, [&](Index to, Index from) { padded.col(to) = padded.col(from); });
    return padded;
  }

  /// Gradient of unpack: with repeated values, the gradient of a masked step is added to that of the step that it
  /// repeats. Throws ShapeError for a wrong size.
  template <class Scalar>
  MatrixX<Scalar> pack_gradient(MatrixX<Scalar> d_padded, Padding padding = Padding::zero) const {
    check_equal("timeline", "padded columns", d_padded.cols(), padded_steps() * batch());
    each_repeated(padding, true, [&](Index to, Index from) { d_padded.col(from) += d_padded.col(to); });
    return pack(d_padded);
  }

  /// Permutations of a matrix with one column per sample: to order of rank, and to order of samples. They throw
  /// ShapeError for another number of columns.
  template <class Scalar>
  MatrixX<Scalar> by_rank(const MatrixX<Scalar>& by_sample) const {
    return permuted(by_sample, sample_);
  }
  template <class Scalar>
  MatrixX<Scalar> by_sample(const MatrixX<Scalar>& by_rank) const {
    return permuted(by_rank, rank_);
  }

 protected:
  static std::size_t at(Index i) { return static_cast<std::size_t>(i); }

  Index padded_steps_ = 0;
  bool gaps_ = false;
  std::vector<Index> sample_, rank_, length_;  // indexed by rank, by sample, by rank
  std::vector<Index> offset_ = {0};            // indexed by step; steps() + 1 entries
  std::vector<Index> rank_of_, step_of_;       // indexed by column
  std::vector<Index> place_;                   // indexed by sample; empty: the identity

 private:
  /// Calls f(to, from) for the padded columns of masked steps and those that they repeat, in order or in reverse.
  template <class F>
  void each_repeated(Padding padding, bool reverse, const F& f) const {
    if (padding == Padding::zero) return;
    const bool forward = padding == Padding::repeat_previous;
    std::vector<bool> valid(at(padded_steps() * batch()), false);
    for (Index c = 0; c < columns(); ++c) valid[at(padded_column(c))] = true;
    for (Index k = 1; k < padded_steps(); ++k) {
      const Index n = reverse ? padded_steps() - k : k;
      const Index to = forward ? n : padded_steps() - 1 - n, from = forward ? to - 1 : to + 1;
      for (Index b = 0; b < batch(); ++b)
        if (!valid[at(to * batch() + b)]) f(to * batch() + b, from * batch() + b);
    }
  }

  template <class Scalar>
  MatrixX<Scalar> permuted(const MatrixX<Scalar>& m, const std::vector<Index>& source) const {
    check_as_many("timeline", "matrix", "columns as samples", m.cols(), batch());
    return m(Eigen::all, source);
  }
};

}  // namespace detail
}  // namespace unroll
