#pragma once
// Sliding windows over sequences, as operands of matrix products.
//
// The columns of a sequence are stored contiguously with zeros around them. So the taps of a window are contiguous
// memory, and all windows form one matrix with overlapping columns: no copy per tap (no im2col). With dilation d,
// places p, p + d, p + 2 d, ... are stored contiguously, one of the d phases after the other, so windows are contiguous
// again. The features of each group are stored separately for the same reason.

#include <numeric>
#include <utility>
#include <vector>

#include "unroll/core/buffer.hpp"
#include "unroll/core/checked.hpp"
#include "unroll/core/timeline.hpp"
#include "unroll/simd/runs.hpp"

namespace unroll::detail {

/// Place of the k-th valid step, relative to the first one; masked steps between them count.
inline Index place_in_sequence(const Timeline& timeline, Index rank, Index k) {
  return timeline.step_of(timeline.offset(k) + rank) - timeline.step_of(rank);
}

/// Number of places from the first to the last valid step of a sequence.
inline Index places_of_sequence(const Timeline& timeline, Index rank) {
  const Index length = timeline.length(rank);
  return length == 0 ? 0 : place_in_sequence(timeline, rank, length - 1) + 1;
}

/// Copies a column and adds a bias unless it is null. Inlined, because columns have few rows and a call would cost
/// more.
template <class S>
EIGEN_ALWAYS_INLINE void copy_column(const S* from, const S* bias, Index rows, S* to) {
  using R = Run<S>;
  R::each(
      rows, [&](Index row, auto count) __attribute__((always_inline)) {
        auto values = R::load(from + row, count);
        if (bias != nullptr) values += R::load(bias + row, count);
        R::store(to + row, values, count);
      });
}

/// Window geometry: windows begin `stride` places apart, with `kernel` taps `dilation` places apart.
struct Windows {
  Index kernel = 1, stride = 1, dilation = 1;

  Index span() const { return (kernel - 1) * dilation + 1; }
  Index places(Index windows) const { return windows > 0 ? (windows - 1) * stride + span() : 0; }
};

/// Zero-padded sequences of a batch, for windows of one dilation.
template <class S>
class PaddedSequences {
 public:
  /// Begins a batch; then call `add` for each sequence in order of rank, and `make_room`.
  void begin(Index features, Index groups, Index dilation) {
    rows_ = features / groups, groups_ = groups, dilation_ = dilation;
    sequences_.clear();
    columns_ = 0;
  }
  /// Adds a sequence of `places`, the first `front` of which are zeros.
  void add(Index front, Index places) {
    constexpr std::string_view what = "columns of padded sequences";
    const Index phase = divide_up(places, dilation_), all = checked_multiply(dilation_, phase, what);
    sequences_.push_back({columns_, front, places, phase});
    columns_ = checked_add(columns_, checked_multiply(groups_, all, what), what);
  }
  void make_room() { memory_.shape(rows_, columns_); }

  /// Copies the columns of a sequence; columns beyond its places are omitted.
  void fill(Index rank, const ConstView<S>& values, const Timeline& timeline) {
    const Sequence& own = at(rank);
    Index end = 0;  // of the places written; only the others are set to zero
    for (Index k = 0; k < timeline.length(rank); ++k) {
      const Index place = own.front + place_in_sequence(timeline, rank, k);
      if (place >= own.places) break;
      set_zero(rank, end, place);
      put(rank, place, values.data() + (timeline.offset(k) + rank) * values.outerStride());
      end = place + 1;
    }
    set_zero(rank, end, own.phase * dilation_);
  }

  /// Writes one column with all its features.
  void put(Index rank, Index place, const S* from) {
    for (Index group = 0; group < groups_; ++group)
      copy_column<S>(from + group * rows_, nullptr, rows_, column_to_write(rank, group, place));
  }
  void get(Index rank, Index place, S* to) const {
    for (Index group = 0; group < groups_; ++group)
      copy_column<S>(column(rank, group, place), nullptr, rows_, to + group * rows_);
  }

  Index front(Index rank) const { return at(rank).front; }
  Index places(Index rank) const { return at(rank).places; }
  /// Features per group.
  Index rows() const { return rows_; }
  const S* column(Index rank, Index group, Index place) const {
    return std::as_const(memory_).strided().data + column_number(rank, group, place) * rows_;
  }

  /// Calls f(data, distance, first window, step between windows, count) for runs of windows at equal distances in
  /// memory. Window k begins at place `first` + k * stride.
  template <class F>
  void each_run(Index rank, Index group, Index first, Index stride, Index windows, F&& f) const {
    const Index common = std::gcd(stride, dilation_), runs = dilation_ / common;
    for (Index k = 0; k < std::min(runs, windows); ++k)
      f(column(rank, group, first + k * stride), stride / common * rows_, k, runs, (windows - k + runs - 1) / runs);
  }

 private:
  struct Sequence {
    Index begin, front, places, phase;  // first column; places per phase
  };

  const Sequence& at(Index rank) const { return sequences_[static_cast<std::size_t>(rank)]; }
  Index column_number(Index rank, Index group, Index place) const {
    const Sequence& own = at(rank);
    if (dilation_ == 1) return own.begin + group * own.phase + place;  // divisions would cost as much as the copy
    return own.begin + (group * dilation_ + place % dilation_) * own.phase + place / dilation_;
  }
  S* column_to_write(Index rank, Index group, Index place) {
    return memory_.data() + column_number(rank, group, place) * rows_;
  }
  void set_zero(Index rank, Index first, Index last) {
    for (Index group = 0; group < groups_; ++group)
      for (Index place = first; place < last; ++place) std::fill_n(column_to_write(rank, group, place), rows_, S(0));
  }

  Index rows_ = 0, groups_ = 1, dilation_ = 1, columns_ = 0;
  std::vector<Sequence> sequences_;
  Buffer<S> memory_;
};

}  // namespace unroll::detail
