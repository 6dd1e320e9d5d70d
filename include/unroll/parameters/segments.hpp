#pragma once
// Segments of a flat vector, for work on a part of it.

#include <algorithm>
#include <cstddef>
#include <span>
#include <vector>

#include "unroll/core/types.hpp"
#include "unroll/threads/thread_pool.hpp"

namespace unroll::detail {

/// Contiguous range of a flat vector.
struct Segment {
  Index first = 0;
  Index size = 0;

  friend bool operator==(const Segment&, const Segment&) = default;
};

/// Sequence of segments: a list, or the columns of a matrix relative to its first entry.
class Segments {
 public:
  Segments(std::span<const Segment> list) : list_(list.data()), size_(list.size()) {}  // NOLINT: implicit
  Segments(Index rows, Index cols, Index stride) : size_(std::size_t(cols)), rows_(rows), stride_(stride) {}

  std::size_t size() const { return size_; }
  Segment operator[](std::size_t k) const { return list_ != nullptr ? list_[k] : Segment{Index(k) * stride_, rows_}; }

  /// Total number of entries.
  Index numbers() const {
    Index sum = 0;
    for (std::size_t k = 0; k < size_; ++k) sum += (*this)[k].size;
    return sum;
  }

 private:
  const Segment* list_ = nullptr;
  std::size_t size_;
  Index rows_ = 0, stride_ = 0;
};

/// Appends a segment, merged with the last one if they are adjacent.
inline void append(std::vector<Segment>& segments, const Segment& next) {
  if (next.size == 0) return;
  if (!segments.empty() && segments.back().first + segments.back().size == next.first)
    segments.back().size += next.size;
  else
    segments.push_back(next);
}

/// Complement of disjoint `segments` in [0, size).
inline std::vector<Segment> all_but(std::vector<Segment> segments, Index size) {
  std::sort(segments.begin(), segments.end(), [](const Segment& a, const Segment& b) { return a.first < b.first; });
  std::vector<Segment> left;
  Index first = 0;
  for (const Segment& segment : segments) {
    append(left, {first, segment.first - first});
    first = segment.first + segment.size;
  }
  append(left, {first, size - first});
  return left;
}

/// Calls f(first, size) for the pieces of the entries [begin, end), counted across all segments.
template <class F>
void each_piece(const Segments& segments, Index begin, Index end, F&& f) {
  for (std::size_t k = 0; k < segments.size() && end > 0; ++k) {
    const Segment segment = segments[k];
    const Index from = std::max<Index>(begin, 0), to = std::min(end, segment.size);
    if (from < to) f(segment.first + from, to - from);
    begin -= segment.size;
    end -= segment.size;
  }
}

/// The same for all entries, in tasks of `share` entries on `threads`.
template <class F>
void each_share(const Segments& segments, Index share, ThreadPool* threads, F&& f) {
  const Index numbers = segments.numbers();
  run_tasks(threads, (numbers + share - 1) / share,
            [&](Index k) { each_piece(segments, k * share, std::min((k + 1) * share, numbers), f); });
}

}  // namespace unroll::detail
