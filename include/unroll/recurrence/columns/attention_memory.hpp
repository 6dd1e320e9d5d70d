#pragma once
// Copy of a memory that equations attend to, for one pass: the steps of each sequence are contiguous.

#include <algorithm>
#include <vector>

#include "unroll/cell/step.hpp"
#include "unroll/core/buffer.hpp"
#include "unroll/core/error.hpp"
#include "unroll/core/option_checks.hpp"
#include "unroll/core/timeline.hpp"

namespace unroll::detail {

template <class S>
class MemoryWork {
 public:
  Buffer<S> values, keys, d_values, d_keys;  // [rows x steps of all sequences]; keys may be empty
  Index longest = 0;
  bool has_keys = false;
  Buffer<S> d_weights;  // gradient of one query's attention weights

  /// Copies the memory. Throws ShapeError if it does not match the rows or the timeline.
  void begin(const AttentionMemory<S>* given, const Timeline& timeline, Index value_rows, Index key_rows) {
    require<ShapeError>(given != nullptr && given->timeline != nullptr,
                        "cell: the equations attend to a memory, but none is given; set Inputs::memory");
    check(*given, timeline, value_rows, key_rows);
    lay_out(*given, timeline);
    has_keys = given->keys.data() != nullptr;
    causal_ = given->causal;
    gather(given->values, *given->timeline, values);
    if (has_keys) gather(given->keys, *given->timeline, keys);
  }

  /// Sets the number of memory steps that each column of the timeline may attend to.
  void find_seen(const Timeline& timeline) {
    seen_.resize(std::size_t(timeline.columns()));
    for (Index c = 0; c < timeline.columns(); ++c) {
      const Index source = source_[std::size_t(timeline.rank_of(c))];
      const auto begin = step_.begin() + first(source), end = step_.begin() + first(source + 1);
      seen_[std::size_t(c)] = causal_ ? std::upper_bound(begin, end, timeline.step_of(c)) - begin : end - begin;
    }
  }

  /// Sets the sequence that each sample, by rank, attends to. Throws ShapeError for an invalid sequence index.
  void read_sequences(std::span<const Index> sources) {
    const Index sequences = Index(first_.size()) - 1;
    for (const Index source : sources) check_index<ShapeError>("cell", "sequence of the memory", source, sequences);
    source_.assign(sources.begin(), sources.end());
  }

  /// First memory step that a column attends to, and the number of steps.
  std::pair<Index, Index> window(Index column, Index rank) const {
    return {first(source_[std::size_t(rank)]), seen_[std::size_t(column)]};
  }

  void begin_back(Index value_rows, Index key_rows) {
    d_values.zero(value_rows, values.cols());
    d_keys.zero(key_rows, has_keys ? values.cols() : 0);
    d_weights.shape(longest, 1);
  }
  /// Overwrites the memory gradients. A view in `d_memory` may be null: then it is not computed.
  void end_back(const AttentionMemory<S>& given, const MemoryGradient<S>& d_memory) {
    if (d_memory.values.data() != nullptr) scatter(d_values, *given.timeline, d_memory.values);
    if (d_memory.keys.data() != nullptr && has_keys) scatter(d_keys, *given.timeline, d_memory.keys);
  }

 private:
  Index first(Index source) const { return first_[std::size_t(source)]; }

  void lay_out(const AttentionMemory<S>& given, const Timeline& timeline) {
    const Timeline& steps = *given.timeline;
    longest = steps.steps();
    first_.resize(std::size_t(steps.batch()) + 1);
    first_[0] = 0;
    for (Index b = 0; b < steps.batch(); ++b)
      first_[std::size_t(b) + 1] = first_[std::size_t(b)] + steps.length(steps.rank(b));
    step_.resize(std::size_t(steps.columns()));
    each_step(steps, [&](Index column, Index place) { step_[std::size_t(place)] = steps.step_of(column); });
    source_.resize(std::size_t(timeline.batch()));
    for (Index r = 0; r < timeline.batch(); ++r) {
      const Index sample = timeline.sample(r);
      source_[std::size_t(r)] = given.source.empty() ? sample : given.source[std::size_t(sample)];
    }
  }

  /// Calls f(column of the timeline, column of the copy) for all steps.
  template <class F>
  void each_step(const Timeline& steps, F&& f) const {
    for (Index b = 0; b < steps.batch(); ++b)
      for (Index t = 0, r = steps.rank(b); t < steps.length(r); ++t) f(steps.offset(t) + r, first(b) + t);
  }
  void gather(const ConstView<S>& from, const Timeline& steps, Buffer<S>& to) const {
    auto gathered = to.shape(from.rows(), from.cols());
    each_step(steps, [&](Index column, Index place) { gathered.col(place) = from.col(column); });
  }
  void scatter(const Buffer<S>& from, const Timeline& steps, View<S> to) const {
    each_step(steps, [&](Index column, Index place) { to.col(column) = from.view().col(place); });
  }

  static void check(const AttentionMemory<S>& given, const Timeline& timeline, Index value_rows, Index key_rows) {
    check_shape("values", given.values, value_rows, *given.timeline);
    if (given.keys.data() != nullptr || given.timeline->columns() == 0 || key_rows == value_rows) {
      if (given.keys.data() != nullptr) check_shape("keys", given.keys, key_rows, *given.timeline);
    } else {
      throw ShapeError(text("cell: the memory must have keys, because they have ", key_rows, " rows and its values ",
                            value_rows, ", got none"));
    }
    if (given.source.empty())
      check_as_many("cell", "memory", "sequences as samples", given.timeline->batch(), timeline.batch());
    require<ShapeError>(given.source.empty() || Index(given.source.size()) == timeline.batch(),
                        "cell: the memory's source must have as many entries as samples, ", timeline.batch(), ", got ",
                        given.source.size());
    for (const Index source : given.source)
      check_index<ShapeError>("cell", "sequence of the memory", source, given.timeline->batch());
  }
  static void check_shape(const char* what, const ConstView<S>& given, Index rows, const Timeline& steps) {
    require<ShapeError>(given.rows() == rows || steps.columns() == 0, "cell: rows of the memory's ", what, " must be ",
                        rows, ", got ", given.rows());
    require<ShapeError>(given.cols() == steps.columns(), "cell: the memory's ", what,
                        " must have as many columns as its timeline, ", steps.columns(), ", got ", given.cols());
  }

  std::vector<Index> first_;   // first column of each sequence, then the end
  std::vector<Index> step_;    // time step of each column
  std::vector<Index> source_;  // sequence that each rank attends to
  std::vector<Index> seen_;    // number of steps that each column may attend to
  bool causal_ = false;
};

}  // namespace unroll::detail
