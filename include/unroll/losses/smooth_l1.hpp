#pragma once

#include "unroll/losses/detail/entry_loss.hpp"
#include "unroll/simd/functions.hpp"

namespace unroll {

struct SmoothL1Options {
  double beta = 1;  ///< in units of the target: the loss of larger errors is linear; 0: of all errors
  Reduction reduction = Reduction::valid;
};

/// Smooth L1 loss (Girshick 2015, arXiv:1504.08083, eq. 3, for beta = 1; beta as in PyTorch), for each entry of
/// `output` a and target t [rows x columns]; a NaN target is ignored:
///
///     d = a - t      l = d^2 / (2 beta) where |d| < beta, else |d| - beta / 2      dl/da = clamp(d / beta, -1, 1)
///
/// With beta = 0 it equals MeanAbsoluteError. Huber with delta = beta is beta times as large.
template <std::floating_point Scalar = float>
class SmoothL1 : public detail::EntryLoss<SmoothL1<Scalar>, Scalar> {
  friend detail::EntryLoss<SmoothL1, Scalar>;

 public:
  using Options = SmoothL1Options;
  static constexpr const char* name = "smooth l1 loss";

  explicit SmoothL1(const Options& options = {})
      : detail::EntryLoss<SmoothL1, Scalar>(options.reduction), beta_(Scalar(options.beta)) {
    detail::check_zero_or_divisor<Scalar>(name, "beta", options.beta);
  }

 private:
  template <class V>
  detail::EntryCost<V> entry(V a, V t, Index) const {
    const V beta = V::constant(beta_), difference = a - t, near = min(max(difference, -beta), beta);
    const V slope = beta_ == 0 ? Abs{}.slope(difference) : near / beta;
    return {slope * fma(near, V::constant(Scalar(-0.5)), difference), slope};  // covers both branches
  }

  Scalar beta_;
};

}  // namespace unroll
