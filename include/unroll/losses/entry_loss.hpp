#pragma once
// Losses that compare each entry of the output with a target of its own.

#include <algorithm>

#include "unroll/losses/column_loss.hpp"

namespace unroll::detail {

/// So many entries are worked on at once: vectorised, and small enough to lie on the stack.
inline constexpr int entry_block = 64;

template <class Scalar>
using Entries = Eigen::Array<Scalar, Eigen::Dynamic, 1, 0, entry_block, 1>;

/// Base of the losses with a real-valued target [rows x columns]; a NaN there means that the entry is not scored.
/// `Derived` has
///
///     static constexpr const char* name;
///     void check_target(Scalar target, Index row, Index column) const;    // throws where a target cannot be meant
///     void check_rows(Index rows) const;
///     void entries(const Entries<Scalar>& output, const Entries<Scalar>& target, Index first_row,
///                  Entries<Scalar>& loss, Entries<Scalar>& slope) const;   // slope = dloss/doutput
template <class Derived, std::floating_point Scalar>
class EntryLoss : public ColumnLoss<EntryLoss<Derived, Scalar>, Scalar, Eigen::Ref<const Matrix<Scalar>>> {
  friend ColumnLoss<EntryLoss, Scalar, Eigen::Ref<const Matrix<Scalar>>>;

 protected:
  explicit EntryLoss(Reduction reduction) : reduction_(reduction) {}
  void check_target(Scalar, Index, Index) const {}
  void check_rows(Index) const {}

 private:
  const Derived& loss() const { return static_cast<const Derived&>(*this); }
  Reduction reduction() const { return reduction_; }
  Index items(Index rows) const { return rows; }

  void check(In<Scalar> output, In<Scalar> target) const {
    require<ShapeError>(target.rows() == output.rows() && target.cols() == output.cols(), Derived::name, ": expects ",
                        output.rows(), " x ", output.cols(), " targets, got ", target.rows(), " x ", target.cols());
    loss().check_rows(output.rows());
    for (Index c = 0; c < target.cols(); ++c) {
      for (Index r = 0; r < target.rows(); ++r) loss().check_target(target(r, c), r, c);
    }
  }

  Scored scored(In<Scalar> target, Index c) const {
    Index items = 0;
    for (Index r = 0; r < target.rows(); ++r) items += !is_nan(target(r, c));
    return {items, double(items)};
  }

  double column_loss(In<Scalar> output, In<Scalar> target, Index c, double factor, Scalar* gradient) const {
    double sum = 0;
    Entries<Scalar> a, t, mask, cost, slope;
    for (Index first = 0; first < output.rows(); first += entry_block) {
      const Index n = std::min<Index>(entry_block, output.rows() - first);
      a.resize(n), t.resize(n), mask.resize(n), cost.resize(n), slope.resize(n);
      // The mask comes from the target, and both numbers are replaced before any arithmetic: NaN * 0 is NaN.
      for (Index r = 0; r < n; ++r) {
        const bool scored = !is_nan(target(first + r, c));
        mask[r] = scored ? 1 : 0;
        t[r] = scored ? target(first + r, c) : 0;
        a[r] = scored ? output(first + r, c) : 0;
      }
      loss().entries(a, t, first, cost, slope);
      sum += double((cost * mask).sum());
      if (gradient) Eigen::Map<Entries<Scalar>>(gradient + first, n) = slope * mask * Scalar(factor);
    }
    return sum;
  }

  Reduction reduction_;
};

}  // namespace unroll::detail
