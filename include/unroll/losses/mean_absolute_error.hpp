#pragma once

#include "unroll/losses/detail/entry_loss.hpp"
#include "unroll/simd/functions.hpp"

namespace unroll {

struct MeanAbsoluteErrorOptions {
  Reduction reduction = Reduction::valid;
};

/// Mean absolute error: l = |a - t| for each entry of `output` and target [rows x columns]; a NaN target is ignored.
/// The slope at a = t is 0.
template <std::floating_point Scalar = float>
class MeanAbsoluteError : public detail::EntryLoss<MeanAbsoluteError<Scalar>, Scalar> {
  friend detail::EntryLoss<MeanAbsoluteError, Scalar>;

 public:
  using Options = MeanAbsoluteErrorOptions;
  static constexpr const char* name = "mean absolute error";

  explicit MeanAbsoluteError(const Options& options = {})
      : detail::EntryLoss<MeanAbsoluteError, Scalar>(options.reduction) {}

 private:
  template <class V>
  detail::EntryCost<V> entry(V a, V t, Index) const {
    const V difference = a - t;
    return {abs(difference), Abs{}.slope(difference)};
  }
};

}  // namespace unroll
