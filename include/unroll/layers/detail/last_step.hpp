#pragma once
// Selection of the last valid step of every sequence, and its gradient.

#include "unroll/core/timeline.hpp"
#include "unroll/engine/over_time.hpp"

namespace unroll::detail {

/// Column of the last step of a sequence in a direction. The length must not be 0.
inline Index last_column(const Timeline& timeline, Index rank, Direction direction) {
  return timeline.offset(direction == Direction::forward ? timeline.length(rank) - 1 : 0) + rank;
}

/// Copies the last steps to `to` [rows x batch, by rank]; 0 for sequences without steps.
template <class From, class To>
void gather_last(const From& from, const Timeline& timeline, Direction direction, To&& to) {
  for (Index r = 0; r < timeline.batch(); ++r)
    if (timeline.length(r) > 0)
      to.col(r) = from.col(last_column(timeline, r, direction));
    else
      to.col(r).setZero();
}

/// Gradient of gather_last; zero at all other steps.
template <class From, class To>
void scatter_last(const From& from, const Timeline& timeline, Direction direction, To&& to,
                  bool others_are_read = true) {
  if (others_are_read) to.setZero();
  for (Index r = 0; r < timeline.batch(); ++r)
    if (timeline.length(r) > 0) to.col(last_column(timeline, r, direction)) = from.col(r);
}

}  // namespace unroll::detail
