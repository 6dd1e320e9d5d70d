#pragma once
// Memory that is sized by the first batch and reused by the following ones.

#include <algorithm>

#include "unroll/core/checked.hpp"
#include "unroll/core/types.hpp"

namespace unroll {

/// A matrix that keeps its memory when it becomes smaller, so that batches of varying size allocate only until the
/// largest has come.
template <class Scalar>
class Buffer {
 public:
  /// Gives it a shape. The values are those that were there. Throws ShapeError where there is no memory for it. An
  /// empty one has memory, too: a view without data means that a value is absent.
  View<Scalar> shape(Index rows, Index cols) {
    const Index entries = checked_multiply(rows, cols, "memory of a pass");
    if (entries > memory_.size() || memory_.size() == 0)
      take_memory(entries, "memory of a pass", [&] {
        rows_ = cols_ = 0;
        memory_.resize(0);  // where a request fails, Eigen's vectors would keep pointing to memory that is gone
        memory_.resize(std::max<Index>(1, entries));
      });
    rows_ = rows;
    cols_ = cols;
    return view();
  }
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
  /// Numbers that it has room for.
  Index capacity() const { return memory_.size(); }

 private:
  VectorX<Scalar> memory_;
  Index rows_ = 0, cols_ = 0;
};

}  // namespace unroll
