#pragma once
// Some sequences of a data set, packed for a pass.

#include "unroll/core/buffer.hpp"
#include "unroll/core/timeline.hpp"
#include "unroll/losses/reduction.hpp"
#include "unroll/train/dataset.hpp"

namespace unroll {

/// Inputs, targets and weights on one timeline. Its memory is reused: nothing is allocated once the largest batch has
/// come. Targets have one column per column of the timeline, or one per rank.
template <std::floating_point S>
class Batch {
 public:
  /// Fills the batch with these samples; sample b of the timeline is samples[b].
  void gather(const Dataset<S>& data, std::span<const Index> samples) {
    kind_ = data.kind();
    lengths_.clear();
    for (const Index s : samples) lengths_.push_back(data.length(s));
    timeline_.assign_lengths(lengths_);
    gather_inputs(data, samples);
    gather_targets(data, samples);
  }

  const Timeline& timeline() const { return timeline_; }
  ConstView<S> x() const { return x_.view(); }  ///< [features x columns]
  TargetKind kind() const { return kind_; }
  Index target_columns() const { return per_step(kind()) ? timeline_.columns() : timeline_.batch(); }

  /// Targets of the columns [first, first + count).
  Eigen::Map<const Labels> labels(Index first, Index count) const { return {labels_.view().data() + first, count}; }
  ConstView<S> values(Index first, Index count) const {
    return {values_.view().data() + first * values_.rows(), values_.rows(), count,
            Eigen::OuterStride<>(values_.rows())};
  }
  /// Weights and sequences of these columns, for a loss.
  Columns columns(Index first, Index count) const {
    using Weights = Eigen::Map<const Vector<double>>;
    const bool weighted = weights_.rows() > 0;
    return {.weights = weighted ? Weights(weights_.view().data() + first, count) : Weights(nullptr, 0),
            .sequence = Eigen::Map<const Labels>(sequence_.view().data() + first, count),
            .sequences = timeline_.batch()};
  }

 private:
  void gather_inputs(const Dataset<S>& data, std::span<const Index> samples) {
    auto x = x_.shape(data.features(), timeline_.columns());
    for (Index c = 0; c < x.cols(); ++c)
      x.col(c) = data.sequence(samples[std::size_t(timeline_.sample_of(c))]).col(timeline_.step_of(c));
  }

  void gather_targets(const Dataset<S>& data, std::span<const Index> samples) {
    const Index count = target_columns();
    auto labels = labels_.shape(has_labels(kind()) ? count : 0, 1);
    auto values = values_.shape(data.target_rows(), has_values(kind()) ? count : 0);
    auto weights = weights_.shape(data.weighted() ? count : 0, 1);
    auto sequence = sequence_.shape(count, 1);
    for (Index c = 0; c < count; ++c) {
      const Index rank = per_step(kind()) ? timeline_.rank_of(c) : c,
                  step = per_step(kind()) ? timeline_.step_of(c) : 0;
      const Index sample = samples[std::size_t(timeline_.sample(rank))];
      if (has_labels(kind())) labels(c, 0) = data.labels(sample)[step];
      if (has_values(kind())) values.col(c) = data.values(sample).col(step);
      if (data.weighted()) weights(c, 0) = data.weight(sample);
      sequence(c, 0) = rank;
    }
  }

  TargetKind kind_ = TargetKind::none;
  std::vector<Index> lengths_;
  Timeline timeline_;
  Buffer<S> x_, values_;
  Buffer<Index> labels_, sequence_;
  Buffer<double> weights_;
};

namespace detail {

/// Converts to one type only: a Ref of Eigen claims to convert from matrices of any numbers.
template <class Target>
struct Only {
  operator const Target&() const;  // NOLINT: never called
};

template <class Loss>
concept TakesLabels = requires(const Loss& loss, Only<Eigen::Ref<const Labels>> labels) {
  loss.count(labels);
};
template <class Loss, class S>
concept TakesValues = requires(const Loss& loss, Only<Eigen::Ref<const Matrix<S>>> values) {
  loss.count(values);
};

/// f(targets of the columns [first, first + count) in the type that the loss takes). Throws ValueError when the data
/// set has no such targets.
template <class Loss, class S, class F>
void with_targets(const Loss&, const Batch<S>& batch, Index first, Index count, F&& f) {
  if constexpr (TakesLabels<Loss>)
    if (has_labels(batch.kind())) return f(Eigen::Ref<const Labels>(batch.labels(first, count)));
  if constexpr (TakesValues<Loss, S>)
    if (has_values(batch.kind())) return f(Eigen::Ref<const Matrix<S>>(batch.values(first, count)));
  throw ValueError(batch.kind() == TargetKind::none ? "the data set has no targets for the loss"
                   : has_labels(batch.kind())       ? "the data set has labels, the loss takes real-valued targets"
                                                    : "the data set has real-valued targets, the loss takes labels");
}

}  // namespace detail
}  // namespace unroll
