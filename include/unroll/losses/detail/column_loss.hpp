#pragma once
// The calls that all losses share; a loss itself only says what one column costs.

#include "unroll/losses/reduction.hpp"

namespace unroll::detail {

inline Index columns_of(InLabels labels) { return labels.size(); }
template <class Scalar>
Index columns_of(const Eigen::Ref<const MatrixX<Scalar>>& target) {
  return target.cols();
}

/// Base of every loss. `Target` is `Ref<const Labels>` or `Ref<const MatrixX<Scalar>>`. `Derived` has
///
///     Reduction reduction() const;
///     void check_target(Index rows, Index columns, const Target&) const;   // fits such an output, or throws
///     Index items(Index rows) const;                                 // how many there are in a column
///     Scored scored(const Target&, Index column) const;
///     double column_loss(In<Scalar> output, const Target&, Index column, double factor, Scalar* gradient) const;
///
/// where `column_loss` is only asked of columns that are labelled, and writes factor * dloss/doutput unless `gradient`
/// is null. Columns without a label are never read, so whatever stands there (NaN too) leaves no trace.
template <class Derived, std::floating_point Scalar, class Target>
class ColumnLoss {
 public:
  /// The loss, and in `d_output` [rows x columns] the gradient of its `value()` with respect to `output` [rows x
  /// columns]. `d_output` may be the memory of `output` itself. Throws ShapeError or ValueError before anything is
  /// written, except where a given count does not belong to these labels. Allocates nothing after the first call in a
  /// thread.
  LossValue operator()(In<Scalar> output, const Target& target, Out<Scalar> d_output,
                       const Columns& columns = {}) const {
    return run(output, target, &d_output, columns, counted(output, target, columns));
  }

  /// The same for a part of a larger whole: the gradient of (sum of all parts) / whole.denominator. The parts' values
  /// add up.
  LossValue operator()(In<Scalar> output, const Target& target, Out<Scalar> d_output, const Columns& columns,
                       const LossCount& whole) const {
    derived().check_target(output.rows(), output.cols(), target);
    return run(output, target, &d_output, columns, whole);
  }

  /// Without gradient, for evaluation.
  LossValue operator()(In<Scalar> output, const Target& target, const Columns& columns = {}) const {
    return run(output, target, nullptr, columns, counted(output, target, columns));
  }
  LossValue operator()(In<Scalar> output, const Target& target, const Columns& columns, const LossCount& whole) const {
    derived().check_target(output.rows(), output.cols(), target);
    return run(output, target, nullptr, columns, whole);
  }

  /// The loss of each column by itself, neither weighted by column nor divided; 0 where there is no label.
  void per_column(In<Scalar> output, const Target& target, OutVector<double> losses) const {
    derived().check_target(output.rows(), output.cols(), target);
    require<ShapeError>(losses.size() == output.cols(), "loss: expects room for ", output.cols(), " losses, got ",
                        losses.size());
    for (Index c = 0; c < output.cols(); ++c) {
      losses[c] = derived().scored(target, c).items == 0 ? 0 : derived().column_loss(output, target, c, 1, nullptr);
    }
  }

  /// Throws ShapeError or ValueError where the loss of an output of `rows` for this target would: what can be known
  /// before there is an output.
  void check(Index rows, const Target& target) const {
    derived().check_target(rows, columns_of(target), target);
    for (Index c = 0; c < columns_of(target); ++c) derived().scored(target, c);
  }

  /// What the loss of these labels is divided by; see LossCount.
  LossCount count(const Target& target, const Columns& columns = {}) const {
    LossCount whole;
    count(target, columns, whole);
    return whole;
  }
  /// The same into memory that is used again.
  void count(const Target& target, const Columns& columns, LossCount& whole) const {
    const auto scored = [&](Index c) { return derived().scored(target, c); };
    count_columns(derived().reduction(), columns_of(target), columns, scored, whole);
  }

 private:
  const Derived& derived() const { return static_cast<const Derived&>(*this); }

  // One count per thread: losses are const and shared by the threads of a step, yet must not allocate at each call.
  const LossCount& counted(In<Scalar> output, const Target& target, const Columns& columns) const {
    thread_local LossCount whole;
    derived().check_target(output.rows(), output.cols(), target);
    count(target, columns, whole);
    return whole;
  }

  LossValue run(In<Scalar> output, const Target& target, Out<Scalar>* d_output, const Columns& columns,
                const LossCount& whole) const {
    check_columns(columns, output.cols(), derived().reduction());
    require<ShapeError>(!d_output || (d_output->rows() == output.rows() && d_output->cols() == output.cols()),
                        "loss: the output is ", output.rows(), " x ", output.cols(), ", its gradient is another size");
    LossValue result;
    for (Index c = 0; c < output.cols(); ++c) {
      add_column(output, target, c, d_output ? d_output->col(c).data() : nullptr, columns, whole, result);
    }
    conclude(result, whole);
    return result;
  }

  void add_column(In<Scalar> output, const Target& target, Index c, Scalar* gradient, const Columns& columns,
                  const LossCount& whole, LossValue& result) const {
    const Index scored = derived().scored(target, c).items;
    result.scored += scored;
    result.unscored += derived().items(output.rows()) - scored;
    const double share = scored == 0 ? 0 : column_share(derived().reduction(), columns, whole, c);
    if (share == 0) {  // a weight of 0 also hides an infinite loss, which 0 * inf would not
      if (gradient) Eigen::Map<VectorX<Scalar>>(gradient, output.rows()).setZero();
      return;
    }
    const double factor = whole.denominator > 0 ? share / whole.denominator : share;
    result.sum += share * derived().column_loss(output, target, c, factor, gradient);
  }
};

}  // namespace unroll::detail
