#pragma once

#include <cmath>
#include <limits>

#include "unroll/losses/detail/entry_loss.hpp"
#include "unroll/simd/functions.hpp"

namespace unroll {

struct LogRatioOptions {
  double asymmetry = 0;   ///< c: how much more too small an output costs than too large a one; at least 0
  double epsilon = 1e-5;  ///< e, in units of the target: what is far below it counts as 0
  Reduction reduction = Reduction::valid;
};

/// The loss of the hybrid vertex finder (Fang et al. 2020, arXiv:2007.01023), for each entry of `output` a and target
/// t >= 0, both [rows x columns]; a NaN target is not scored:
///
///     r = |(a + e) / (t + e)|      k = log((r + 1/r) / 2)      l = k (1 + c exp(-r))
///     dl/dr = (r - 1/r) / (r^2 + 1) (1 + c exp(-r)) - c exp(-r) k
///
/// k is symmetric under r -> 1/r and 0 at r = 1: small targets count as much as large ones. Outputs are meant to be
/// at least 0, as those of softplus. Where they are far below e the gradient vanishes, and training that comes there
/// ends: begin with a few epochs of MeanSquaredError.
///
/// Reduction::valid divides by the scored entries. The paper divides by all entries of an event and by the events:
/// Reduction::batch with weights 1 / entries.
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
    // The ratio of 1 to it is squared.
    detail::check_divisor(name, "epsilon", options.epsilon, 2 * std::sqrt(std::numeric_limits<Scalar>::min()));
  }

 private:
  static constexpr const char* expected = "at least 0";
  static constexpr bool allows(Scalar t) { return t >= 0; }

  template <class V>
  detail::EntryCost<V> entry(V a, V t, Index) const {
    // At the pole, r = 0, and where r overflows, r is limited; NaN stays NaN. Squares of r would overflow much
    // earlier.
    const V least = V::constant(std::sqrt(std::numeric_limits<Scalar>::min()));
    const V most = V::constant(std::numeric_limits<Scalar>::max() / 4);
    const V one = V::constant(1), scale = t + V::constant(epsilon_), signed_ratio = (a + V::constant(epsilon_)) / scale;
    const V r = min(max(abs(signed_ratio), least), most), inverse = one / r, apart = r - one;
    const V k = detail::log1p_nonnegative(apart * (apart / (r + r)));  // keeps its digits near r = 1
    const V more = V::constant(asymmetry_) * exp(-r), factor = one + more;
    const V dk = inverse * ((r - inverse) / (r + inverse));
    return {k * factor, fma(dk, factor, -(more * k)) * Abs{}.slope(signed_ratio) / scale};
  }

  Scalar asymmetry_, epsilon_;
};

}  // namespace unroll
