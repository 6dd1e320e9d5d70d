#pragma once

#include "unroll/optim/schedules/schedules.hpp"

namespace unroll::schedule {

/// Cyclic schedule (Smith 2017, arXiv:1506.01186): linear from `lowest` to `highest` within `rising` counts, back
/// within `falling`, and repeated. Momentum changes in the opposite direction. The amplitude is scaled by factor^n in
/// the n-th cycle, from n = 0, or by factor^k at count k. PyTorch's modes:
///
///     triangular {}      triangular2 {.factor = 0.5}      exp_range {.factor = gamma, .every = Cyclic::count}
///
/// Set both rate and momentum before the update, as with OneCycle.
struct Cyclic {
  enum Every { cycle, count };

  double lowest = 1e-3, highest = 1e-2;
  long rising = 2000;
  long falling = 0;  ///< 0: as `rising`
  double factor = 1;
  Every every = cycle;
  double lowest_momentum = 0.8, highest_momentum = 0.9;

  double rate(long k) const { return detail::checked(owner, lowest + (highest - lowest) * height(k)); }

  /// Throws ValueError if `factor` moves it out of [0, 1].
  double momentum(long k) const {
    const double momentum = highest_momentum - (highest_momentum - lowest_momentum) * height(k);
    detail::check_fraction(owner, "momentum", momentum);
    return momentum;
  }

 private:
  static constexpr std::string_view owner = "cyclic schedule";

  /// Relative height: 0 at the beginning of a cycle, factor^n or factor^k at its peak.
  double height(long k) const {
    detail::check_time(owner, k);
    detail::check_length(owner, "rising", rising);
    detail::check_least(owner, "falling", falling, 0);
    detail::check_rates(owner, {{"lowest", lowest}, {"highest", highest}, {"factor", factor}});
    detail::check_fraction(owner, "lowest_momentum", lowest_momentum);
    detail::check_fraction(owner, "highest_momentum", highest_momentum);
    const double up = double(rising), down = double(falling == 0 ? rising : falling), length = up + down;
    const double begun = std::floor(double(k) / length), since = double(k) - begun * length;
    const double part = since <= up ? since / up : (length - since) / down;
    return part == 0 ? 0 : detail::geometric(owner, part, factor, every == cycle ? begun : double(k));
  }
};

}  // namespace unroll::schedule
