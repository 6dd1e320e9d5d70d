#pragma once
// Timeline: the packed layout of a batch (timeline/packed_steps.hpp) for sequences of given lengths or masks, and for
// parts of their steps.

#include <algorithm>
#include <span>
#include <tuple>
#include <vector>

#include "unroll/core/checked.hpp"
#include "unroll/core/option_checks.hpp"
#include "unroll/core/timeline/packed_steps.hpp"
#include "unroll/core/types.hpp"

namespace unroll {

/// Timeline of a batch: the sequence and step of each column.
class Timeline : public detail::PackedSteps {
 public:
  Timeline() = default;

  /// Timeline of sequences that are valid from step 0 to their length. Lengths may be in any order and may be 0. Throws
  /// ShapeError for a negative length, and if memory is exhausted.
  static Timeline from_lengths(std::span<const Index> lengths) {
    Timeline timeline;
    timeline.assign_lengths(lengths);
    return timeline;
  }
  static Timeline from_lengths(std::initializer_list<Index> lengths) {
    return from_lengths(std::span<const Index>(lengths.begin(), lengths.size()));
  }

  static Timeline rectangular(Index batch, Index steps) {
    detail::check_least<ShapeError>("timeline", "batch", batch, 0, " samples");
    if (steps > 0) check_entries(checked_multiply(batch, steps, "timeline: steps"), "timeline: steps");
    std::vector<Index> lengths;
    take_memory(batch, "timeline: samples", [&] { lengths.assign(static_cast<std::size_t>(batch), steps); });
    return from_lengths(lengths);
  }

  /// Timeline of any mask [batch x steps]: `mask(b, t)` is true if sample b has a value at step t.
  static Timeline from_mask(const Eigen::Ref<const MatrixX<bool>>& mask) {
    Timeline timeline;
    timeline.assign_mask(mask);
    return timeline;
  }

  /// from_lengths in place: reuses the memory of this timeline.
  void assign_lengths(std::span<const Index> lengths) {
    for (std::size_t b = 0; b < lengths.size(); ++b)
      require<ShapeError>(lengths[b] >= 0, "timeline: length of sample ", b, " must be at least 0 steps, got ",
                          lengths[b]);
    make_room(lengths);
    rank_by_length(lengths);
    padded_steps_ = steps();
    place_columns();
  }

  /// from_mask in place: reuses the memory of this timeline.
  void assign_mask(const Eigen::Ref<const MatrixX<bool>>& mask) {
    counts_.assign(at(mask.rows()), 0);
    for (Index step = 0; step < mask.cols(); ++step)
      for (Index b = 0; b < mask.rows(); ++b) counts_[at(b)] += mask(b, step);
    rank_by_length(counts_);
    padded_steps_ = mask.cols();
    place_columns();
    for (Index r = 0; r < batch(); ++r)
      for (Index step = 0, k = 0; k < length(r); ++step)
        if (mask(sample(r), step)) {
          gaps_ = gaps_ || step != k;
          step_of_[at(offset(k++) + r)] = step;
        }
  }

  /// Sets the positions of these samples in the full batch, for a timeline of a shard. By default sample b has position
  /// b. Random numbers and messages use the position. Throws ShapeError unless there is one position per sample.
  void set_places(std::span<const Index> places) {
    detail::check_as_many("timeline", "places", "entries as samples", Index(places.size()), batch());
    place_.assign(places.begin(), places.end());
  }

  /// Timeline of steps [first, last) of every sequence, with the same samples and ranks. Its columns are
  /// [offset(first), offset(last)). Sequences that end before have length 0. Throws ShapeError for steps out of range.
  Timeline window(Index first, Index last) const {
    Timeline part;
    return part.assign_window(*this, first, last), part;
  }
  /// window in place: reuses the memory of this timeline.
  template <class = detail::Once>
  void assign_window(const Timeline& whole, Index first, Index last);
  /// Steps [first(n), last(n)) of every sequence of n steps, with the same samples and ranks, in place. The number of
  /// these steps must not decrease with n.
  template <class First, class Last>
  void assign_steps(const Timeline& whole, const First& first, const Last& last) {
    assign_lengths_like(whole, [&](Index n) { return last(n) - first(n); });
    std::tie(padded_steps_, gaps_) = std::tie(whole.padded_steps_, whole.gaps_);
    for (Index t = 0; t < steps(); ++t)
      for (Index r = 0; r < active(t); ++r)
        step_of_[at(offset(t) + r)] = whole.step_of(whole.offset(first(whole.length(r)) + t) + r);
  }

  /// Step `step` of `batch` sequences that have it, as in rectangular(batch, step + 1).window(step, step + 1), at a
  /// cost that does not depend on `step`. Reuses the memory of this timeline. Throws ShapeError for a batch without
  /// samples, for a negative step, and if memory is exhausted.
  void assign_step(Index batch, Index step) {
    detail::check_least<ShapeError>("timeline", "batch", batch, 1, " samples");
    detail::check_least<ShapeError>("timeline", "step", step, 0);
    const Index padded = checked_add(step, 1, "timeline: steps");
    take_memory(batch, "timeline: samples", [&] { counts_.assign(at(batch), 1); });
    assign_lengths(counts_);
    step_of_.assign(at(batch), step);
    padded_steps_ = padded;
  }

  /// Timeline with one step per sample and the same ranks, as after pooling over time.
  Timeline one_step() const {
    Timeline pooled;
    pooled.assign_one_step(*this);
    return pooled;
  }
  /// one_step in place: reuses the memory of this timeline.
  template <class = detail::Once>
  void assign_one_step(const Timeline& whole);

  /// Timeline with the same samples and ranks whose sequences of n steps get resized(n) steps, as after strides and
  /// windows; reuses the memory of this timeline. `resized` must not decrease with n, so that ranks stay sorted by
  /// length: throws ValueError if it does, and ShapeError if memory is exhausted.
  template <class F>
  void assign_lengths_like(const Timeline& whole, F&& resized) {
    counts_.resize(whole.length_.size());
    for (std::size_t r = 0; r < counts_.size(); ++r) {
      counts_[r] = resized(whole.length_[r]);
      require<ValueError>(counts_[r] >= 0 && (r == 0 || counts_[r] <= counts_[r - 1]), "timeline: new length of ",
                          whole.length_[r], " steps must be at least 0 and at most that of a longer sequence, got ",
                          counts_[r]);
    }
    make_room(counts_);
    std::tie(place_, sample_, rank_) = std::tie(whole.place_, whole.sample_, whole.rank_);
    length_ = counts_;
    padded_steps_ = resized(whole.padded_steps_);
    place_columns();
  }

 private:
  /// Reserves memory for sequences of these lengths before any member changes.
  void make_room(std::span<const Index> lengths) {
    Index columns = 0, longest = 0;
    for (const Index length : lengths)
      columns = checked_add(columns, length, "timeline: steps"), longest = std::max(longest, length);
    take_memory(columns, "timeline: steps", [&] {
      for (auto* by_sequence : {&sample_, &rank_, &length_}) by_sequence->reserve(lengths.size());
      offset_.reserve(at(longest) + 1);
      for (auto* by_column : {&rank_of_, &step_of_}) by_column->reserve(at(columns));
    });
  }

  void rank_by_length(std::span<const Index> lengths) {
    place_.clear();
    sample_.resize(lengths.size());
    rank_.resize(lengths.size());
    length_.resize(lengths.size());
    detail::sort_longest_first(sample_, lengths);
    for (Index r = 0; r < batch(); ++r) rank_[at(sample(r))] = r, length_[at(r)] = lengths[at(sample(r))];
    offset_.resize(at(batch() > 0 ? length(0) : 0) + 1);
  }

  /// Computes offsets, and ranks and steps of all columns, from the lengths by rank, without masked steps.
  void place_columns() {
    gaps_ = false;
    offset_.resize(at(batch() > 0 ? length(0) : 0) + 1);
    offset_[0] = 0;
    rank_of_.clear();
    step_of_.clear();
    for (Index t = 0, lasting = batch(); t < steps(); ++t) {
      while (length(lasting - 1) <= t) --lasting;
      offset_[at(t) + 1] = offset(t) + lasting;
      for (Index r = 0; r < lasting; ++r) rank_of_.push_back(r), step_of_.push_back(t);
    }
  }

  std::vector<Index> counts_;  // temporary sequence lengths
};

template <class>
void Timeline::assign_window(const Timeline& whole, Index first, Index last) {
  require<ShapeError>(0 <= first && first <= last && last <= whole.steps(), "timeline: steps must be within [0, ",
                      whole.steps(), "), got [", first, ", ", last, ")");
  assign_steps(
      whole, [first](Index n) { return std::min(first, n); }, [last](Index n) { return std::min(last, n); });
}

template <class>
void Timeline::assign_one_step(const Timeline& whole) {
  assign_lengths_like(whole, [](Index) { return Index(1); });
  padded_steps_ = batch() > 0 ? 1 : 0;
}

}  // namespace unroll
