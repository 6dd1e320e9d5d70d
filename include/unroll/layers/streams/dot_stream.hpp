#pragma once
// Stream of a dense layer with few outputs.

#include "unroll/simd/runs.hpp"

namespace unroll::detail {

/// Largest number of outputs that are computed as dot products over the inputs: so few do not fill a register.
inline constexpr int most_dots = 4;

/// W x + b by dot products.
template <class S>
class DotStream {
 public:
  /// Copies `weight` [outputs x features] and `bias` [outputs], which is empty if there is none.
  DotStream(const ConstView<S>& weight, const VectorX<S>& bias)
      : weights_(weight.transpose()), biases_(bias.size() > 0 ? bias : VectorX<S>::Zero(weight.rows())) {}

  Index memory_rows() const { return biases_.size(); }
  Eigen::Map<VectorX<S>> state(S*, Index, int) const { return {nullptr, 0}; }

  EIGEN_ALWAYS_INLINE const S* step(const S* input, S* memory, Index) const noexcept {
    for (Index k = 0; k < biases_.size(); ++k)
      memory[k] = biases_[k] + dot(input, weights_.data() + k * weights_.rows(), weights_.rows());
    return memory;
  }

 private:
  EIGEN_ALWAYS_INLINE static S dot(const S* a, const S* b, Index count) {
    using R = Run<S>;
    auto sum = R::V::constant(0);
    R::each(
        count, [&](Index i, auto lanes)
                   __attribute__((always_inline)) { sum = fma(R::load(a + i, lanes), R::load(b + i, lanes), sum); });
    return lane_sum(sum);
  }

  MatrixX<S> weights_;  // one column per output
  VectorX<S> biases_;
};

}  // namespace unroll::detail
