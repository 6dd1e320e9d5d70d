#pragma once

#include <cmath>
#include <limits>

#include "unroll/losses/detail/entry_loss.hpp"
#include "unroll/simd/functions.hpp"

namespace unroll {

struct LogRatioOptions {
  double asymmetry = 0;   ///< c: additional cost of outputs that are too small, relative to too large ones; at least 0
  double epsilon = 1e-5;  ///< e, in units of the target: values far below it count as 0
  Reduction reduction = Reduction::valid;
};

/// Log-ratio loss of the hybrid vertex finder (Fang et al. 2020, arXiv:2007.01023), for each entry of `output` a and
/// target t >= 0, both [rows x columns]; a NaN target is ignored:
///
///     r = |(a + e) / (t + e)|      k = log((r + 1/r) / 2)      l = k (1 + c exp(-r))
///     dl/dr = (r - 1/r) / (r^2 + 1) (1 + c exp(-r)) - c exp(-r) k
///
/// k is symmetric under r -> 1/r and 0 at r = 1: small targets count as much as large ones. Outputs should be at least
/// 0, as from softplus. For outputs far below e the gradient vanishes and training stops there: begin with a few epochs
/// of MeanSquaredError.
///
/// Reduction::valid divides by the number of scored entries. The paper divides by all entries of an event and by the
/// number of events: Reduction::batch with weights 1 / entries.
template <std::floating_point Scalar = float>
class LogRatio : public detail::EntryLoss<LogRatio<Scalar>, Scalar> {
  friend detail::EntryLoss<LogRatio, Scalar>;

 public:
  using Options = LogRatioOptions;
  static constexpr const char* name = "log ratio";

  explicit LogRatio(const Options& options = {})
      : detail::EntryLoss<LogRatio, Scalar>(options.reduction),
        asymmetry_(Scalar(options.asymmetry)),
        epsilon_(Scalar(options.epsilon)) {
    detail::check_not_negative<Scalar>(name, "asymmetry", options.asymmetry);
    // The reciprocal of epsilon is squared.
    detail::check_divisor(name, "epsilon", options.epsilon, 2 * std::sqrt(std::numeric_limits<Scalar>::min()));
  }

 private:
  static constexpr const char* expected = "at least 0";
  static constexpr bool allows(Scalar t) { return t >= 0; }

  template <class V>
  detail::EntryCost<V> entry(V a, V t, Index) const {
    // r is bounded at the pole, r = 0, and where it overflows; NaN stays NaN. Squares of r would overflow much earlier.
    const V least = V::constant(std::sqrt(std::numeric_limits<Scalar>::min()));
    const V most = V::constant(std::numeric_limits<Scalar>::max() / 4);
    const V one = V::constant(1), scale = t + V::constant(epsilon_), signed_ratio = (a + V::constant(epsilon_)) / scale;
    const V r = min(max(abs(signed_ratio), least), most), inverse = one / r, apart = r - one;
    const V k = detail::log1p_nonnegative(apart * (apart / (r + r)));  // accurate near r = 1
    const V more = V::constant(asymmetry_) * exp(-r), factor = one + more;
    const V dk = inverse * ((r - inverse) / (r + inverse));
    return {k * factor, fma(dk, factor, -(more * k)) * Abs{}.slope(signed_ratio) / scale};
  }

  Scalar asymmetry_, epsilon_;
};

}  // namespace unroll
