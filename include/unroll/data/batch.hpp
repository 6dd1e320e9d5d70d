#pragma once

#include <algorithm>

#include "unroll/core/buffer.hpp"
#include "unroll/core/option_checks.hpp"
#include "unroll/core/timeline.hpp"
#include "unroll/data/dataset.hpp"
#include "unroll/losses/detail/target_types.hpp"
#include "unroll/losses/label_sequences.hpp"
#include "unroll/losses/reduction.hpp"
#include "unroll/threads/thread_pool.hpp"

namespace unroll {
namespace detail {

/// Throws ShapeError unless the target columns [first, first + count) exist.
inline void check_range(Index first, Index count, Index columns) {
  require<ShapeError>(first >= 0 && count >= 0 && count <= columns - first, "batch: target columns must be within [0, ",
                      columns, "), got ", count, " from column ", first);
}

}  // namespace detail

/// Batch of sequences with inputs, targets and weights, packed for a forward pass.
///
/// Nothing is allocated once the largest batch has been gathered. Targets per step have one column per column of
/// `target_timeline()`, targets per sequence one per rank, label sequences one entry per sample.
template <std::floating_point S>
class Batch {
 public:
  /// Fills the batch with `samples`; sample b of the timeline is samples[b]. `places`: positions of the samples in a
  /// larger batch of which this one is a part. Throws ShapeError for numbers of targets per step that no model can
  /// produce: fewer for a longer sequence, or different ones for equally long sequences.
  void gather(const Dataset<S>& data, std::span<const Index> samples, std::span<const Index> places = {}) {
    kind_ = data.kind();
    lengths_.clear();
    for (const Index s : samples) lengths_.push_back(data.length(s));
    timeline_.assign_lengths(lengths_);
    if (!places.empty()) timeline_.set_places(places);
    place_targets(data, samples);
    gather_inputs(data, samples);
    gather_targets(data, samples);
    gather_label_sequences(data, samples);
  }

  const Timeline& timeline() const { return timeline_; }
  ConstView<S> x() const { return x_.view(); }  ///< [features x columns]
  TargetKind kind() const { return kind_; }
  Index target_columns() const { return per_step(kind()) ? target_timeline().columns() : timeline_.batch(); }
  /// Timeline of the targets per step: that of the inputs, unless the numbers of targets and steps differ.
  const Timeline& target_timeline() const { return own_targets_ ? targets_ : timeline_; }

  /// Targets of the columns [first, first + count). Throws ShapeError if these columns do not exist.
  Eigen::Map<const Labels> labels(Index first, Index count) const {
    detail::check_range(first, count, target_columns());
    return {labels_.view().data() + first, count};
  }
  ConstView<S> values(Index first, Index count) const {
    detail::check_range(first, count, target_columns());
    return {values_.view().data() + first * values_.rows(), values_.rows(), count,
            Eigen::OuterStride<>(values_.rows())};
  }
  /// Label sequences of all samples, in sample order.
  const LabelSequences& label_sequences() const { return label_sequences_; }
  /// Weights and sequences of the columns [first, first + count), for a loss.
  Columns columns(Index first, Index count) const {
    using Weights = Eigen::Map<const VectorX<double>>;
    detail::check_range(first, count, target_columns());
    const bool weighted = weights_.rows() > 0;
    return {.weights = weighted ? Weights(weights_.view().data() + first, count) : Weights(nullptr, 0),
            .sequence = Eigen::Map<const Labels>(sequence_.view().data() + first, count),
            .sequences = timeline_.batch()};
  }

 private:
  /// Targets use the ranks of the inputs: a model never produces fewer outputs for a longer input.
  void place_targets(const Dataset<S>& data, std::span<const Index> samples) {
    own_targets_ = false;
    for (const Index s : samples) own_targets_ |= per_step(kind_) && data.target_steps(s) != data.length(s);
    if (!own_targets_) return;
    const auto sample = [&](Index rank) { return samples[std::size_t(timeline_.sample(rank))]; };
    for (Index r = 1; r < timeline_.batch(); ++r) {
      const Index longer = data.target_steps(sample(r - 1)), mine = data.target_steps(sample(r));
      require<ShapeError>(
          timeline_.length(r) == timeline_.length(r - 1) ? mine == longer : mine <= longer,
          "batch: samples of equal length must have equally many targets, shorter samples at most as many, got ",
          longer, " for sample ", sample(r - 1), " (", timeline_.length(r - 1), " steps) and ", mine, " for sample ",
          sample(r), " (", timeline_.length(r), " steps)");
    }
    Index rank = 0;  // assign_lengths_like passes the lengths in order of rank, the longest one once more at the end
    targets_.assign_lengths_like(timeline_, [&](Index steps) {
      if (timeline_.length(rank) < steps) rank = 0;
      while (timeline_.length(rank) != steps) ++rank;
      return data.target_steps(sample(rank));
    });
  }

  void gather_inputs(const Dataset<S>& data, std::span<const Index> samples) {
    auto x = x_.shape(data.features(), timeline_.columns());
    for (Index c = 0; c < x.cols(); ++c)
      x.col(c) = data.sequence(samples[std::size_t(timeline_.sample_of(c))]).col(timeline_.step_of(c));
  }

  void gather_targets(const Dataset<S>& data, std::span<const Index> samples) {
    const Index count = target_columns();
    auto labels = labels_.shape(has_labels(kind()) ? count : 0, 1);
    const bool has_matrix = has_values(kind()) || has_several(kind());
    auto values = values_.shape(data.target_rows(), has_matrix ? count : 0);
    auto weights = weights_.shape(data.weighted() ? count : 0, 1);
    auto sequence = sequence_.shape(count, 1);
    for (Index c = 0; c < count; ++c) {
      const Index rank = per_step(kind())                       ? target_timeline().rank_of(c)
                         : kind() == TargetKind::label_sequence ? timeline_.rank(c)
                                                                : c,
                  step = per_step(kind()) ? target_timeline().step_of(c) : 0;
      const Index sample = samples[std::size_t(timeline_.sample(rank))];
      if (has_labels(kind())) labels(c, 0) = data.labels(sample)[step];
      if (has_matrix) values.col(c) = data.values(sample).col(step);
      if (data.weighted()) weights(c, 0) = data.weight(sample);
      sequence(c, 0) = rank;
    }
  }

  void gather_label_sequences(const Dataset<S>& data, std::span<const Index> samples) {
    label_sequences_.clear(), written_.clear();
    if (kind() != TargetKind::label_sequence) return;
    for (const Index s : samples) written_.insert(written_.end(), data.labels(s).begin(), data.labels(s).end());
    std::span<const Index> rest = written_;
    for (const Index s : samples) {
      const std::size_t count = std::size_t(data.labels(s).size());
      label_sequences_.add(rest.first(count));
      rest = rest.subspan(count);
    }
  }

  TargetKind kind_ = TargetKind::none;
  std::vector<Index> lengths_, written_;
  LabelSequences label_sequences_;  // views into written_
  Timeline timeline_, targets_;
  bool own_targets_ = false;  // whether targets_ is in use
  Buffer<S> x_, values_;
  Buffer<Index> labels_, sequence_;
  Buffer<double> weights_;
};

/// Batch divided into parts for parallel processing. The division depends on the batch alone, never on the number of
/// threads. `One` is the type of a part: Batch, or PairBatch (pairs.hpp).
template <std::floating_point S, class One = Batch<S>>
class ShardedBatch {
 public:
  /// Fills the batch with `samples`, at most `shard` of them per part. `shard` 0 stands for 16, with at least two parts
  /// from 8 samples on. Sequences are distributed over the parts by decreasing length, so that the parts have similar
  /// lengths. Throws ValueError for a negative `shard`.
  template <class Data>
  void gather(const Data& data, std::span<const Index> samples, Index shard = 0, const Threads* threads = nullptr) {
    detail::check_least("batch", "shard", shard, 0, " sequences (0: 16)");
    deal(data, samples, shard_count(Index(samples.size()), shard));
    Index numbers = 0;
    for (const Index sample : samples) numbers += data.length(sample) * data.features();
    constexpr Index operations = 4;  // estimated cost of one copied number
    run_tasks(threads == nullptr ? nullptr : threads->for_work(operations * numbers), count_,
              [&](Index k) { shards_[at(k)].gather(data, samples_[at(k)], places_[at(k)]); });
  }

  std::span<const One> shards() const { return {shards_.data(), at(count_)}; }

 private:
  static std::size_t at(Index k) { return static_cast<std::size_t>(k); }

  static Index shard_count(Index samples, Index shard) {
    const Index count = divide_up(samples, shard == 0 ? 16 : shard);
    return std::max<Index>(shard == 0 && samples >= 8 ? 2 : 1, count);
  }

  template <class Data>
  void deal(const Data& data, std::span<const Index> samples, Index count) {
    lengths_.clear();
    for (const Index sample : samples) lengths_.push_back(data.length(sample));
    order_.resize(samples.size());
    detail::sort_longest_first(order_, lengths_);
    count_ = count;
    if (at(count) > shards_.size()) shards_.resize(at(count)), samples_.resize(at(count)), places_.resize(at(count));
    for (Index k = 0; k < count; ++k) samples_[at(k)].clear(), places_[at(k)].clear();
    for (std::size_t r = 0; r < order_.size(); ++r) {
      samples_[r % at(count)].push_back(samples[at(order_[r])]);
      places_[r % at(count)].push_back(order_[r]);
    }
  }

  Index count_ = 0;
  std::vector<One> shards_;
  std::vector<std::vector<Index>> samples_, places_;
  std::vector<Index> order_, lengths_;
};

namespace detail {

/// Calls f(labels()), f(values()) or f(sequences()), according to the kind of the data set's targets. Throws ValueError
/// if the loss does not accept targets of this kind.
template <class S, class Loss, class LabelsOf, class ValuesOf, class SequencesOf, class F>
void with_targets(TargetKind kind, const LabelsOf& labels, const ValuesOf& values, const SequencesOf& sequences,
                  F&& f) {
  if constexpr (TakesLabelSequences<Loss>)
    if (kind == TargetKind::label_sequence) return f(sequences());
  if constexpr (TakesLabels<Loss>)
    if (has_labels(kind)) return f(Eigen::Ref<const Labels>(labels()));
  if constexpr (TakesValues<Loss, S>)
    if (has_values(kind)) return f(Eigen::Ref<const MatrixX<S>>(values()));
  if constexpr (TakesSeveral<Loss>)
    if (has_several(kind)) return f(Eigen::Ref<const MatrixX<S>>(values()));
  throw ValueError(text("targets for this loss must be ",
                        TakesSeveral<Loss>          ? "several (several_targets)"
                        : TakesLabelSequences<Loss> ? "label sequences (Dataset::transcribed)"
                        : TakesLabels<Loss>         ? "labels"
                                                    : "real-valued",
                        ", got ",
                        kind == TargetKind::none ? "none"
                        : has_labels(kind)       ? "labels"
                        : has_values(kind)       ? "real-valued targets"
                        : has_several(kind)      ? "several targets (use Losses)"
                                                 : "label sequences"));
}

/// Overload for the targets of the columns [first, first + count).
template <class Loss, class S, class F>
void with_targets(const Loss&, const Batch<S>& batch, Index first, Index count, F&& f) {
  with_targets<S, Loss>(
      batch.kind(), [&] { return batch.labels(first, count); },
      [&] { return batch.values(first, count); }, [&]() -> auto& { return batch.label_sequences(); },
      std::forward<F>(f));
}

}  // namespace detail
}  // namespace unroll
