#pragma once

#include "unroll/losses/detail/entry_loss.hpp"

namespace unroll {

struct MeanSquaredErrorOptions {
  Reduction reduction = Reduction::valid;
};

/// l = (a - t)^2 for each entry of `output` and target [rows x columns]; a NaN target is not scored. Reduction::valid
/// divides by the number of scored entries: by labelled steps and by rows, so that neither longer sequences nor wider
/// targets raise it.
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
