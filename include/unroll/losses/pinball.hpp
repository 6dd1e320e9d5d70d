#pragma once

#include <vector>

#include "unroll/losses/detail/entry_loss.hpp"
#include "unroll/simd/functions.hpp"

namespace unroll {

struct PinballOptions {
  std::vector<double> quantiles = {0.5};  ///< levels, each above 0 and below 1: row r has level r mod their number
  Reduction reduction = Reduction::valid;
};

/// Pinball loss, whose minimum is at quantiles of the target (Koenker and Bassett 1978, doi:10.2307/1913643), for each
/// entry of `output` a and target t [rows x columns]; a NaN target is ignored. With the level q of the row:
///
///     d = a - t      l = (1 - q) d where d >= 0, else -q d      dl/da = 1 - q where d > 0, -q where d < 0, else 0
///
/// Several quantiles of one number are consecutive rows whose targets are equal. With q = 0.5 it is half of
/// MeanAbsoluteError. Throws ShapeError if the number of rows is not a multiple of the number of quantiles.
template <std::floating_point Scalar = float>
class Pinball : public detail::EntryLoss<Pinball<Scalar>, Scalar> {
  friend detail::EntryLoss<Pinball, Scalar>;

 public:
  using Options = PinballOptions;
  static constexpr const char* name = "pinball loss";

  explicit Pinball(const Options& options = {})
      : detail::EntryLoss<Pinball, Scalar>(options.reduction), count_(Index(options.quantiles.size())) {
    require<ValueError>(count_ > 0, name, ": quantiles must have at least 1 entry, got 0");
    for (const double q : options.quantiles)
      require<ValueError>(q > 0 && q < 1 && Scalar(q) > 0 && Scalar(q) < 1, name,
                          ": a quantile must be above 0 and below 1 in ", detail::name_of_scalar<Scalar>, ", got ", q);
    levels_.resize(count_ + detail::entry_block);  // registers of any width are read from any level on
    for (Index k = 0; k < levels_.size(); ++k) levels_[k] = Scalar(options.quantiles[std::size_t(k % count_)]);
  }

 private:
  void check_rows(Index rows) const {
    require<ShapeError>(rows % count_ == 0, name, ": output rows must be a multiple of ", count_,
                        ", the number of quantiles, got ", rows);
  }

  template <class V>
  detail::EntryCost<V> entry(V a, V t, Index first) const {
    const V q = V::load(levels_.data() + first % count_), zero = V::constant(0), difference = a - t;
    const V sign = Abs{}.slope(difference);
    const V slope = max(sign, zero) * (V::constant(1) - q) + min(sign, zero) * q;
    return {slope * difference, slope};
  }

  Index count_;
  VectorX<Scalar> levels_;
};

}  // namespace unroll
