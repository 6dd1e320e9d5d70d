#pragma once

#include "unroll/losses/detail/entry_loss.hpp"
#include "unroll/simd/elementary.hpp"

namespace unroll {

struct BinaryCrossEntropyOptions {
  VectorX<double> pos_weight = {};  ///< one per row: weight of positive targets relative to negative ones; empty: all 1
  Reduction reduction = Reduction::valid;
};

/// Binary cross entropy of sigmoid(z), in nats, for each entry of the logits `output` and target y in [0, 1], both
/// [rows x columns]; a NaN target is ignored. With p = pos_weight and softplus(z) = max(z, 0) + log(1 + exp(-|z|)):
///
///     l = p y softplus(-z) + (1 - y) softplus(z)      dl/dz = (1 - y) sigmoid(z) - p y sigmoid(-z)
///
/// No cancellation between terms, so confident predictions keep full precision. The denominator does not include
/// pos_weight, as in PyTorch.
template <std::floating_point Scalar = float>
class BinaryCrossEntropy : public detail::EntryLoss<BinaryCrossEntropy<Scalar>, Scalar> {
  friend detail::EntryLoss<BinaryCrossEntropy, Scalar>;

 public:
  using Options = BinaryCrossEntropyOptions;
  static constexpr const char* name = "binary cross entropy";

  explicit BinaryCrossEntropy(const Options& options = {})
      : detail::EntryLoss<BinaryCrossEntropy, Scalar>(options.reduction), rows_(options.pos_weight.size()) {
    // Blocks of entries may extend beyond the last row.
    pos_weight_.setZero(rows_ == 0 ? 0 : rows_ + detail::entry_block);
    pos_weight_.head(rows_) = options.pos_weight.cast<Scalar>();
    for (Index r = 0; r < options.pos_weight.size(); ++r) {
      require<ValueError>(options.pos_weight[r] >= 0 && is_finite(pos_weight_[r]), name, ": pos_weight of row ", r,
                          " must be finite and at least 0 in ", detail::name_of_scalar<Scalar>, ", got ",
                          options.pos_weight[r]);
    }
  }

 private:
  void check_rows(Index rows) const {
    require<ShapeError>(rows_ == 0 || rows_ == rows, name, ": pos_weight must have as many entries as output rows, ",
                        rows, ", got ", rows_);
  }
  static constexpr const char* expected = "0 to 1";
  static constexpr bool allows(Scalar y) { return (y >= 0) & (y <= 1); }

  template <class V>
  detail::EntryCost<V> entry(V z, V y, Index first) const {
    const V zero = V::constant(0), one = V::constant(1);
    // One of the two is 1 and the other exp(-|z|): no overflow and no branch.
    const V up = exp(min(z, zero)), down = exp(min(-z, zero)), e = up * down;
    const V log1p = detail::log1p_unit(e);
    const V positive = rows_ > 0 ? y * V::load(pos_weight_.data() + first) : y, negative = one - y;
    const V loss = fma(positive, max(-z, zero) + log1p, negative * (max(z, zero) + log1p));
    return {loss, fma(negative, up, -(positive * down)) / (one + e)};  // sigmoid(z) = up / (1 + e)
  }

  Index rows_;
  VectorX<Scalar> pos_weight_;
};

}  // namespace unroll
