#pragma once
// How far into a flat vector a batch reached: work on a gradient need not go further.

#include "unroll/core/error.hpp"
#include "unroll/parameters/segments.hpp"

namespace unroll::detail {

/// The segments that every batch reaches, and behind them the columns of large tables that this one touched. To forget
/// these costs what was touched, whatever the size of the tables.
class Reach {
 public:
  Reach() = default;
  explicit Reach(std::vector<Segment> always) : segments_(std::move(always)), always_(segments_.size()) {}

  /// A matrix [rows x closed.size()] whose columns are reached one by one; those that are `closed` never are.
  void add_table(Index first, Index rows, Index stride, std::vector<bool> closed) {
    tables_.push_back({first, rows, stride, std::move(closed)});
  }

  /// Columns of the table that begins at `first`; nothing where there is none. Throws ShapeError for one that it does
  /// not have.
  void touch(Index first, std::span<const Index> columns) {
    for (std::size_t k = 0; k < tables_.size(); ++k)
      if (tables_[k].first == first)
        for (const Index column : columns) touch({k, column});
  }
  /// What another one touched, of the same tables.
  void touch(const Reach& other) {
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
    std::vector<bool> closed;  // touched already, or never to be
  };
  struct Place {
    std::size_t table;
    Index column;
  };

  void touch(const Place& place) {
    Columns& table = tables_[place.table];
    require<ShapeError>(place.column >= 0 && place.column < Index(table.closed.size()), "parameters: column ",
                        place.column, " was touched of a matrix that has ", table.closed.size());
    if (table.closed[std::size_t(place.column)]) return;
    table.closed[std::size_t(place.column)] = true;
    places_.push_back(place);
    segments_.push_back({table.first + place.column * table.stride, table.rows});
  }

  std::vector<Segment> segments_;
  std::size_t always_ = 0;
  std::vector<Place> places_;  // of the segments that were touched
  std::vector<Columns> tables_;
};

}  // namespace unroll::detail
