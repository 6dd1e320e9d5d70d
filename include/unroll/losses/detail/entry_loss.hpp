#pragma once
// Losses with a separate target for each output entry.

#include <algorithm>
#include <array>

#include "unroll/core/option_checks.hpp"
#include "unroll/losses/detail/column_loss.hpp"
#include "unroll/simd/runs.hpp"

namespace unroll::detail {

/// Entries processed at a time, on the stack: a multiple of every register size.
inline constexpr Index entry_block = 64;

/// Loss of one entry, and dloss/doutput.
template <class V>
struct EntryCost {
  V loss, slope;
};

/// Base class of losses with a real-valued target [rows x columns]; an entry with a NaN target is ignored. `Derived`
/// has the following members; the registers passed to `entry` are zero beyond the last row.
///
///     static constexpr const char* name;
///     static bool allows(Scalar target);          // false for an invalid target; by default all are valid
///     static constexpr const char* expected;      // description of valid targets
///     void check_rows(Index rows) const;
///     EntryCost<V> entry(V output, V target, Index first_row) const;   // V: Lanes of any width
template <class Derived, std::floating_point Scalar>
class EntryLoss : public ColumnLoss<EntryLoss<Derived, Scalar>, Scalar, Eigen::Ref<const MatrixX<Scalar>>> {
  friend ColumnLoss<EntryLoss, Scalar, Eigen::Ref<const MatrixX<Scalar>>>;

 protected:
  explicit EntryLoss(Reduction reduction) : reduction_(reduction) {}
  static constexpr const char* expected = "any number";
  static constexpr bool allows(Scalar) { return true; }
  void check_rows(Index) const {}

 private:
  const Derived& loss() const { return static_cast<const Derived&>(*this); }
  Reduction reduction() const { return reduction_; }
  Index items(Index rows) const { return rows; }

  void check_target(Index rows, Index columns, In<Scalar> target) const {
    check_shape(Derived::name, "targets", target.rows(), target.cols(), rows, columns);
    loss().check_rows(rows);
    for (Index c = 0; c < target.cols(); ++c) check_column(target.col(c).data(), target.rows(), c);
  }

  // The loops over targets have no branch, so that the compiler vectorises them: `&&` instead of `&` takes six times as
  // long.
  static void check_column(const Scalar* target, Index rows, Index c) {
    const auto allowed = [](Scalar t) { return int(is_nan(t)) | int(Derived::allows(t)); };
    Index count = 0;
    for (Index r = 0; r < rows; ++r) count += allowed(target[r]);
    if (count == rows) return;
    const Index r = std::find_if_not(target, target + rows, allowed) - target;
    throw ValueError(text(Derived::name, ": target in row ", r, ", column ", c, " must be ", Derived::expected,
                          ", or NaN for none, got ", target[r]));
  }

  Scored scored(In<Scalar> target, Index c) const {
    const Scalar* t = target.col(c).data();
    Index items = 0;
    for (Index r = 0; r < target.rows(); ++r) items += !is_nan(t[r]);
    return {items, double(items)};
  }

  double column_loss(In<Scalar> output, In<Scalar> target, Index c, double factor, Scalar* gradient) const {
    double sum = 0;
    for (Index first = 0; first < output.rows(); first += entry_block) {
      const Index n = std::min<Index>(entry_block, output.rows() - first);
      Block a{}, t{}, mask{};
      replace_missing(output.col(c).data() + first, target.col(c).data() + first, n, a.data(), t.data(), mask.data());
      sum += block_loss(a, t, mask, first, n, Scalar(factor), gradient ? gradient + first : nullptr);
    }
    return sum;
  }

  using Block = std::array<Scalar, std::size_t(entry_block)>;

  double block_loss(const Block& a, const Block& t, const Block& mask, Index first, Index n, Scalar factor,
                    Scalar* gradient) const {
    using V = NativeLanes<Scalar>;
    V sum = V::constant(0);
    for (Index i = 0; i < n; i += V::size) {
      const V scored = V::load(mask.data() + i);
      const auto cost = loss().entry(V::load(a.data() + i), V::load(t.data() + i), first + i);
      sum += cost.loss * scored;
      const int rest = int(std::min<Index>(V::size, n - i));
      if (gradient) (cost.slope * scored * V::constant(factor)).store_partial(gradient + i, rest);
    }
    return double(lane_sum(sum));
  }

  /// The mask is computed from the target. Both numbers are replaced before any arithmetic, because NaN * 0 is NaN.
  static void replace_missing(const Scalar* output, const Scalar* target, Index n, Scalar* a, Scalar* t, Scalar* mask) {
    for (Index r = 0; r < n; ++r) {
      const bool missing = is_nan(target[r]);
      mask[r] = missing ? Scalar(0) : Scalar(1);
      t[r] = missing ? Scalar(0) : target[r];
      a[r] = missing ? Scalar(0) : output[r];
    }
  }

  Reduction reduction_;
};

}  // namespace unroll::detail
