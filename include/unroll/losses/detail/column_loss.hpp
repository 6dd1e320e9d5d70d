#pragma once
// Common interface of all losses; a loss defines only the cost of one column.

#include "unroll/core/option_checks.hpp"
#include "unroll/losses/reduction.hpp"

namespace unroll::detail {

inline Index columns_of(InLabels labels) { return labels.size(); }
template <class Scalar>
Index columns_of(const Eigen::Ref<const MatrixX<Scalar>>& target) {
  return target.cols();
}

/// Base class of all losses. `Target` is `Ref<const Labels>` or `Ref<const MatrixX<Scalar>>`. `Derived` has
///
///     Reduction reduction() const;
///     void check_target(Index rows, Index columns, const Target&) const;   // throws if it does not fit the output
///     Index items(Index rows) const;                                 // number of items in a column
///     Scored scored(const Target&, Index column) const;
///     double column_loss(In<Scalar> output, const Target&, Index column, double factor, Scalar* gradient) const;
///
/// `column_loss` is called only for labelled columns. It writes factor * dloss/doutput unless `gradient` is null.
/// Columns without a label are never read, so their values, even NaN, have no effect.
template <class Derived, std::floating_point Scalar, class Target>
class ColumnLoss {
 public:
  /// Loss, and in `d_output` [rows x columns] the gradient of its `value()` with respect to `output` [rows x columns].
  /// `d_output` may alias `output`. Throws ShapeError or ValueError before anything is written, except if a given count
  /// does not belong to these labels. Allocates only in the first call of a thread.
  LossValue operator()(In<Scalar> output, const Target& target, Out<Scalar> d_output,
                       const Columns& columns = {}) const {
    return run(output, target, &d_output, columns, counted(output, target, columns));
  }

  /// The same for a part of a larger whole: the gradient is that of (sum of all parts) / whole.denominator. The values
  /// of the parts add up.
  LossValue operator()(In<Scalar> output, const Target& target, Out<Scalar> d_output, const Columns& columns,
                       const LossCount& whole) const {
    derived().check_target(output.rows(), output.cols(), target);
    return run(output, target, &d_output, columns, whole);
  }

  /// The same without gradient, for evaluation.
  LossValue operator()(In<Scalar> output, const Target& target, const Columns& columns = {}) const {
    return run(output, target, nullptr, columns, counted(output, target, columns));
  }
  LossValue operator()(In<Scalar> output, const Target& target, const Columns& columns, const LossCount& whole) const {
    derived().check_target(output.rows(), output.cols(), target);
    return run(output, target, nullptr, columns, whole);
  }

  /// Loss of each column, neither weighted by column nor divided; 0 without a label.
  void per_column(In<Scalar> output, const Target& target, OutVector<double> losses) const {
    derived().check_target(output.rows(), output.cols(), target);
    check_as_many("loss", "losses", "entries as columns", losses.size(), output.cols());
    for (Index c = 0; c < output.cols(); ++c) {
      losses[c] = derived().scored(target, c).items == 0 ? 0 : derived().column_loss(output, target, c, 1, nullptr);
    }
  }

  /// Checks of a target that need no output. Throws ShapeError or ValueError if the loss of an output of `rows` would.
  void check(Index rows, const Target& target) const {
    derived().check_target(rows, columns_of(target), target);
    for (Index c = 0; c < columns_of(target); ++c) derived().scored(target, c);
  }

  /// Denominator of the loss of these labels; see LossCount.
  LossCount count(const Target& target, const Columns& columns = {}) const {
    LossCount whole;
    count(target, columns, whole);
    return whole;
  }
  /// The same, reusing the memory of `whole`.
  void count(const Target& target, const Columns& columns, LossCount& whole) const {
    const auto scored = [&](Index c) { return derived().scored(target, c); };
    count_columns(derived().reduction(), columns_of(target), columns, scored, whole);
  }

 private:
  const Derived& derived() const { return static_cast<const Derived&>(*this); }

  // One count per thread: losses are const and shared by the threads of a step, but must not allocate in each call.
  const LossCount& counted(In<Scalar> output, const Target& target, const Columns& columns) const {
    thread_local LossCount whole;
    derived().check_target(output.rows(), output.cols(), target);
    count(target, columns, whole);
    return whole;
  }

  LossValue run(In<Scalar> output, const Target& target, Out<Scalar>* d_output, const Columns& columns,
                const LossCount& whole) const {
    check_columns(columns, output.cols(), derived().reduction());
    if (d_output) check_shape("loss", "gradient", d_output->rows(), d_output->cols(), output.rows(), output.cols());
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
    if (share == 0) {  // a weight of 0 must also hide an infinite loss; 0 * inf is NaN
      if (gradient) Eigen::Map<VectorX<Scalar>>(gradient, output.rows()).setZero();
      return;
    }
    const double factor = whole.denominator > 0 ? share / whole.denominator : share;
    result.sum += share * derived().column_loss(output, target, c, factor, gradient);
  }
};

}  // namespace unroll::detail
