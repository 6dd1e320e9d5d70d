#pragma once

#include "unroll/losses/detail/entry_loss.hpp"

namespace unroll {

struct MeanSquaredErrorOptions {
  Reduction reduction = Reduction::valid;
};

/// Mean squared error: l = (a - t)^2 for each entry of `output` and target [rows x columns]; a NaN target is ignored.
/// Reduction::valid divides by the number of scored entries (labelled steps times rows), so the loss does not grow with
/// sequence length or number of rows.
template <std::floating_point Scalar = float>
class MeanSquaredError : public detail::EntryLoss<MeanSquaredError<Scalar>, Scalar> {
  friend detail::EntryLoss<MeanSquaredError, Scalar>;

 public:
  using Options = MeanSquaredErrorOptions;
  static constexpr const char* name = "mean squared error";

  explicit MeanSquaredError(const Options& options = {})
      : detail::EntryLoss<MeanSquaredError, Scalar>(options.reduction) {}

 private:
  template <class V>
  detail::EntryCost<V> entry(V a, V t, Index) const {
    const V difference = a - t;
    return {difference * difference, difference + difference};
  }
};

}  // namespace unroll
