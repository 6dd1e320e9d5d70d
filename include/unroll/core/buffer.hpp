#pragma once
// Matrix memory that is reused from batch to batch.

#include <algorithm>

#include "unroll/core/checked.hpp"
#include "unroll/core/types.hpp"

namespace unroll {

/// Matrix that keeps its memory when it shrinks: batches of varying size allocate only until the largest one.
template <class Scalar>
class Buffer {
 public:
  /// Sets the shape to [rows x cols] without initializing the values. Throws ShapeError if the allocation fails. An
  /// empty matrix has memory too, because a view without data means "absent".
  View<Scalar> shape(Index rows, Index cols);
  View<Scalar> zero(Index rows, Index cols) {
    View<Scalar> shaped = shape(rows, cols);
    shaped.setZero();
    return shaped;
  }

  View<Scalar> view() { return {memory_.data(), rows_, cols_, Eigen::OuterStride<>(rows_)}; }
  ConstView<Scalar> view() const { return {memory_.data(), rows_, cols_, Eigen::OuterStride<>(rows_)}; }
  Strided<Scalar> strided() { return {memory_.data(), rows_}; }
  Strided<const Scalar> strided() const { return {memory_.data(), rows_}; }
  Scalar* data() { return memory_.data(); }

  Index rows() const { return rows_; }
  Index cols() const { return cols_; }
  /// Number of entries that fit without a new allocation.
  Index capacity() const { return memory_.size(); }

 private:
  VectorX<Scalar> memory_;
  Index rows_ = 0, cols_ = 0;
};

// Outside of the class, so that a program which links the component `compiled` does not compile it again.
template <class Scalar>
View<Scalar> Buffer<Scalar>::shape(Index rows, Index cols) {
  const Index entries = checked_multiply(rows, cols, "memory of a pass");
  if (entries > memory_.size() || memory_.size() == 0)
    take_memory(entries, "memory of a pass", [&] {
      rows_ = cols_ = 0;
      memory_.resize(0);  // if the next line throws, an Eigen vector would keep a dangling pointer
      memory_.resize(std::max<Index>(1, entries));
    });
  rows_ = rows;
  cols_ = cols;
  return view();
}

namespace detail {

/// Distance of columns with this many rows that do not share few sets of the first-level cache: from 1 KB on, one cache
/// line more than a multiple of 512 bytes. Products that read some rows of many columns run up to a fifth faster.
template <class Scalar>
constexpr Index column_distance(Index rows) {
  constexpr Index line = 64 / Index(sizeof(Scalar));
  return rows >= 16 * line && rows % (8 * line) == 0 ? rows + line : rows;
}

}  // namespace detail

}  // namespace unroll
