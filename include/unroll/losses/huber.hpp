#pragma once

#include "unroll/losses/detail/entry_loss.hpp"

namespace unroll {

struct HuberOptions {
  double delta = 1;  ///< in units of the target: the loss of larger errors is linear
  Reduction reduction = Reduction::valid;
};

/// Huber loss (Huber 1964, doi:10.1214/aoms/1177703732), for each entry of `output` and target [rows x columns]; a NaN
/// target is ignored:
///
///     d = a - t      l = d^2 / 2 where |d| <= delta, else delta (|d| - delta / 2)      dl/da = clamp(d, -delta, delta)
///
/// PyTorch's smooth L1 loss with beta = delta is the Huber loss divided by delta.
template <std::floating_point Scalar = float>
class Huber : public detail::EntryLoss<Huber<Scalar>, Scalar> {
  friend detail::EntryLoss<Huber, Scalar>;

 public:
  using Options = HuberOptions;
  static constexpr const char* name = "huber loss";

  explicit Huber(const Options& options = {})
      : detail::EntryLoss<Huber, Scalar>(options.reduction), delta_(Scalar(options.delta)) {
    detail::check_divisor<Scalar>(name, "delta", options.delta);
  }

 private:
  template <class V>
  detail::EntryCost<V> entry(V a, V t, Index) const {
    const V difference = a - t, slope = min(max(difference, V::constant(-delta_)), V::constant(delta_));
    return {slope * fma(slope, V::constant(Scalar(-0.5)), difference), slope};  // covers both branches
  }

  Scalar delta_;
};

}  // namespace unroll
