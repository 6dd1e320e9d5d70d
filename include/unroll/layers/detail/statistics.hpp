#pragma once
// Layers that learn from what passes through them in training, besides gradients: running means and variances.

#include "unroll/layers/layer.hpp"

namespace unroll::detail {

/// Layers whose frozen parameters follow what passes through them. `statistics()`: how many numbers tell it;
/// `add_statistics(tape, to)`: adds those of the last pass forward in training, so that windows of one update count as
/// one; `update_statistics(from, theta)`: brings the parameters up to date with them, once an update has succeeded.
template <class L>
concept FollowsStatistics = requires(const L& layer, const typename L::Tape& tape, double* to, const double* from,
                                     typename L::Scalar* theta) {
  { layer.statistics() } -> std::same_as<Index>;
  layer.add_statistics(tape, to);
  layer.update_statistics(from, theta);
};

template <class L>
Index statistics_of(const L& layer) {
  if constexpr (FollowsStatistics<L>) return layer.statistics();
  return 0;
}
template <class L>
void add_statistics(const L& layer, const typename L::Tape& tape, double* to) {
  if constexpr (FollowsStatistics<L>) layer.add_statistics(tape, to);
}
template <class L>
void update_statistics(const L& layer, const double* from, typename L::Scalar* theta) {
  if constexpr (FollowsStatistics<L>) layer.update_statistics(from, theta);
}

}  // namespace unroll::detail
