#pragma once
// Attention coverage of the source by a hypothesis.

#include <algorithm>
#include <cmath>
#include <span>
#include <utility>

#include "unroll/core/buffer.hpp"
#include "unroll/core/error.hpp"

namespace unroll::detail {

/// Attention of each hypothesis of a set, summed over its steps [longest source x hypotheses]; Wu et al. 2016
/// (arXiv:1609.08144, equation 14).
class Coverage {
 public:
  /// Adds the attention of the current set. Throws ShapeError if the number of rows changes.
  template <class Scalar>
  void add(const ConstView<Scalar>& attention) {
    if (sum_.cols() == 0) sum_.zero(attention.rows(), attention.cols());
    require<ShapeError>(attention.rows() == sum_.rows(), "decoding: the attention must have ", sum_.rows(),
                        " rows, as at the first token, got ", attention.rows());
    sum_.view() += attention.template cast<double>();
  }

  /// Replaces the current set by hypotheses that continue `parents`.
  void continue_with(std::span<const Index> parents) {
    auto next = next_.shape(sum_.rows(), Index(parents.size()));
    for (Index k = 0; k < next.cols(); ++k) next.col(k) = sum_.view().col(parents[std::size_t(k)]);
    std::swap(sum_, next_);
  }

  /// sum_s log min(sum_t a_ts, 1) over the first `length` steps of the source: 0 if all are covered, else negative. The
  /// argument of the logarithm is at least 1e-6, since log 0 would outweigh everything.
  double penalty(Index k, Index length) const {
    double sum = 0;
    for (Index s = 0; s < length; ++s) sum += std::log(std::clamp(sum_.view()(s, k), 1e-6, 1.0));
    return sum;
  }

 private:
  Buffer<double> sum_, next_;
};

}  // namespace unroll::detail
