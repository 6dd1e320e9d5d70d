#pragma once
// Record of the entries of a flat vector that a batch reaches, to restrict work on a gradient.

#include "unroll/core/error.hpp"
#include "unroll/core/option_checks.hpp"
#include "unroll/parameters/segments.hpp"

namespace unroll::detail {

/// Segments that every batch reaches, followed by the columns of large tables touched by this batch. The cost of
/// `forget` depends on the touched columns only, not on the size of the tables.
class TouchedEntries {
 public:
  TouchedEntries() = default;
  explicit TouchedEntries(std::vector<Segment> always) : segments_(std::move(always)), always_(segments_.size()) {}

  /// Adds a table, a matrix [rows x closed.size()] whose columns are reached individually; `closed` columns never are.
  void add_table(Index first, Index rows, Index stride, std::vector<bool> closed) {
    tables_.push_back({first, rows, stride, std::move(closed)});
  }

  /// Touches columns of the table that begins at `first`; no effect if there is none. Throws ShapeError for a column
  /// out of range.
  void touch(Index first, std::span<const Index> columns) {
    for (std::size_t k = 0; k < tables_.size(); ++k)
      if (tables_[k].first == first)
        for (const Index column : columns) touch({k, column});
  }
  /// Touches the columns touched in `other`, which has the same tables.
  void touch(const TouchedEntries& other) {
    for (const Place& place : other.places_) touch(place);
  }
  void forget() {
    for (const Place& place : places_) tables_[place.table].closed[std::size_t(place.column)] = false;
    places_.clear();
    segments_.resize(always_);
  }

  std::span<const Segment> segments() const { return segments_; }
  std::span<const Segment> always() const { return segments().first(always_); }
  std::span<const Segment> touched() const { return segments().subspan(always_); }

 private:
  struct Columns {
    Index first, rows, stride;
    std::vector<bool> closed;  // touched already, or never reached
  };
  struct Place {
    std::size_t table;
    Index column;
  };

  void touch(const Place& place) {
    Columns& table = tables_[place.table];
    detail::check_index<ShapeError>("parameters", "touched column", place.column, Index(table.closed.size()));
    if (table.closed[std::size_t(place.column)]) return;
    table.closed[std::size_t(place.column)] = true;
    places_.push_back(place);
    segments_.push_back({table.first + place.column * table.stride, table.rows});
  }

  std::vector<Segment> segments_;
  std::size_t always_ = 0;
  std::vector<Place> places_;  // of the touched segments
  std::vector<Columns> tables_;
};

}  // namespace unroll::detail
