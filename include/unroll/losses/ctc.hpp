#pragma once

#include "unroll/core/option_checks.hpp"
#include "unroll/losses/detail/ctc_lattice.hpp"
#include "unroll/losses/label_sequences.hpp"
#include "unroll/losses/reduction.hpp"

namespace unroll {

struct CtcOptions {
  Index blank = 0;  ///< class that produces no label
  bool zero_infinity =
      false;  ///< a target without a path has loss 0 and gradient 0; it still counts in the denominator
  /// An item is a label of a target, at least 1 item per target. So per_sequence is PyTorch's mean, batch the mean loss
  /// per sequence, and valid the loss per label.
  Reduction reduction = Reduction::per_sequence;
};

/// Connectionist temporal classification loss (Graves et al. 2006): learns label sequences without alignment. The
/// outputs [classes x columns of the timeline] are logits; log-probabilities are valid logits, too. A path assigns a
/// class to every step. Removing repetitions and then blanks from a path gives its labels. The loss of a sequence is
///
///     l = -log (sum over the paths of its target of the product over steps of softmax(a_t)_path(t))
///
/// Steps are those of the timeline, without masked ones. A target without a path (one step per label and one between
/// equal neighbours are needed) has loss infinity and gradient NaN. Time and memory are proportional to steps times
/// labels. Computed in double for every scalar type; the result for a sequence does not depend on its batch, bit for
/// bit.
template <std::floating_point S = float>
class CtcLoss {
 public:
  using Scalar = S;
  using Options = CtcOptions;

  /// Throws ValueError for a negative blank.
  explicit CtcLoss(const Options& options = {}) : options_(options) {
    detail::check_least("ctc", "blank", options.blank, 0);
  }

  const Options& options() const { return options_; }

  /// Loss, and in `d_output` the gradient of its `value()`. Each sample of the timeline has a target and a weight
  /// (`Columns::weights`, empty: all 1). `d_output` may alias `output`. Throws ShapeError if sizes do not match, and
  /// ValueError for a label that is not a class or is the blank, before anything is written.
  LossValue operator()(In<S> output, const Timeline& timeline, const LabelSequences& targets, Out<S> d_output,
                       const Columns& columns = {}) const {
    return run(output, timeline, targets, &d_output, columns, counted(output.rows(), targets, columns));
  }
  /// The same for a part of a larger whole, see ColumnLoss.
  LossValue operator()(In<S> output, const Timeline& timeline, const LabelSequences& targets, Out<S> d_output,
                       const Columns& columns, const LossCount& whole) const {
    check(output.rows(), targets);
    return run(output, timeline, targets, &d_output, columns, whole);
  }

  /// The same without gradient, for evaluation.
  LossValue operator()(In<S> output, const Timeline& timeline, const LabelSequences& targets,
                       const Columns& columns = {}) const {
    return run(output, timeline, targets, nullptr, columns, counted(output.rows(), targets, columns));
  }
  LossValue operator()(In<S> output, const Timeline& timeline, const LabelSequences& targets, const Columns& columns,
                       const LossCount& whole) const {
    check(output.rows(), targets);
    return run(output, timeline, targets, nullptr, columns, whole);
  }

  /// Loss of each sample, neither weighted nor divided; 0 without a target.
  void per_sequence(In<S> output, const Timeline& timeline, const LabelSequences& targets,
                    OutVector<double> losses) const {
    check(output.rows(), targets);
    check_sizes(output, timeline, targets, nullptr);
    detail::check_as_many("ctc", "losses", "entries as samples", losses.size(), targets.size());
    for (Index b = 0; b < targets.size(); ++b)
      losses[b] = targets.has_target(b)
                      ? finite(lattice().forward(output, timeline, timeline.rank(b), targets[b], options_.blank, false))
                      : 0;
  }

  /// Throws ValueError if the loss of outputs [rows x columns] would.
  void check(Index rows, const LabelSequences& targets) const {
    require<ValueError>(options_.blank < rows, "ctc: blank must be below ", rows, ", the number of classes, got ",
                        options_.blank);
    for (Index b = 0; b < targets.size(); ++b) {
      if (!targets.has_target(b)) continue;
      for (std::size_t k = 0; k < targets[b].size(); ++k) {
        const Index label = targets[b][k];
        require<ValueError>(label >= 0 && label < rows, "ctc: label ", k, " of target ", b, " must be 0 to ", rows - 1,
                            ", got ", label);
        require<ValueError>(label != options_.blank, "ctc: label ", k, " of target ", b,
                            " must differ from the blank, got ", label);
      }
    }
  }
  /// Throws ValueError if a target needs more steps than its sequence has, unless zero_infinity is set.
  void check_steps(const LabelSequences& targets, Index sample, Index steps) const {
    if (options_.zero_infinity || !targets.has_target(sample)) return;
    const Index least = detail::least_ctc_steps(targets[sample]);
    require<ValueError>(least <= steps, "ctc: output must have at least ", least, " steps for a target of ",
                        targets[sample].size(), " labels, got ", steps, "; zero_infinity leaves such targets out");
  }

  /// Denominator of the loss of these targets; see LossCount.
  LossCount count(const LabelSequences& targets, const Columns& columns = {}) const {
    LossCount whole;
    count(targets, columns, whole);
    return whole;
  }
  void count(const LabelSequences& targets, const Columns& columns, LossCount& whole) const {
    detail::count_columns(
        options_.reduction, targets.size(), numbered(targets, columns), [&](Index b) { return scored(targets, b); },
        whole);
  }

 private:
  static detail::CtcLattice<S>& lattice() {
    thread_local detail::CtcLattice<S> one;
    return one;
  }

  double finite(double loss) const {
    return options_.zero_infinity && loss == std::numeric_limits<double>::infinity() ? 0 : loss;
  }

  static detail::Scored scored(const LabelSequences& targets, Index b) {
    const Index items = targets.has_target(b) ? std::max<Index>(1, Index(targets[b].size())) : 0;
    return {items, double(items)};
  }

  /// Columns with sequence b as number b.
  static Columns numbered(const LabelSequences& targets, const Columns& columns) {
    thread_local Labels numbers;
    while (numbers.size() < targets.size()) numbers = Labels::LinSpaced(2 * targets.size(), 0, 2 * targets.size() - 1);
    return {.weights = columns.weights, .sequence = numbers.head(targets.size()), .sequences = targets.size()};
  }

  const LossCount& counted(Index rows, const LabelSequences& targets, const Columns& columns) const {
    thread_local LossCount whole;
    check(rows, targets);
    count(targets, columns, whole);
    return whole;
  }

  static void check_sizes(In<S> output, const Timeline& timeline, const LabelSequences& targets,
                          const Out<S>* d_output) {
    detail::check_as_many("ctc", "output", "columns as the timeline", output.cols(), timeline.columns());
    detail::check_as_many("ctc", "targets", "sequences as the timeline", targets.size(), timeline.batch());
    if (d_output)
      detail::check_shape("ctc", "gradient", d_output->rows(), d_output->cols(), output.rows(), output.cols());
  }

  LossValue run(In<S> output, const Timeline& timeline, const LabelSequences& targets, Out<S>* d_output,
                const Columns& columns, const LossCount& whole) const {
    check_sizes(output, timeline, targets, d_output);
    const Columns all = numbered(targets, columns);
    detail::check_columns(all, targets.size(), options_.reduction);
    LossValue result;
    for (Index b = 0; b < targets.size(); ++b) {
      const Index items = scored(targets, b).items, rank = timeline.rank(b);
      result.scored += items;
      result.unscored += items == 0;
      const double share = items == 0 ? 0 : detail::column_share(options_.reduction, all, whole, b);
      const double loss =
          share == 0 ? 0 : lattice().forward(output, timeline, rank, targets[b], options_.blank, d_output != nullptr);
      if (share != 0) result.sum += share * finite(loss);
      if (d_output == nullptr) continue;
      if (share != 0 && is_finite(loss))
        lattice().gradient(output, timeline, rank, loss, whole.denominator > 0 ? share / whole.denominator : share,
                           *d_output);
      else
        fill(timeline, rank, share == 0 || finite(loss) == 0 ? 0 : std::numeric_limits<S>::quiet_NaN(), *d_output);
    }
    detail::conclude(result, whole);
    return result;
  }

  static void fill(const Timeline& timeline, Index rank, S value, Out<S>& d_output) {
    for (Index t = 0; t < timeline.length(rank); ++t) d_output.col(timeline.offset(t) + rank).setConstant(value);
  }

  Options options_;
};

}  // namespace unroll
