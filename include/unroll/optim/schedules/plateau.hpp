#pragma once

#include <algorithm>
#include <cstdint>
#include <limits>
#include <string_view>

#include "unroll/core/option_checks.hpp"

namespace unroll {

/// Direction of improvement of a metric.
enum class Better { smaller, larger };

/// Rule for the length of a plateau. With a constant metric and patience 2, PyTorch cuts at the 4th call, Keras at the
/// 3rd.
enum class PlateauRule {
  pytorch,  ///< more than `patience` bad calls in a row; a call in the cooldown is never bad
  keras     ///< `patience` bad calls in a row; the call that ends the cooldown may be bad
};

enum class Threshold { relative, absolute };

/// Options of Plateau. Keras: {.rule = PlateauRule::keras, .threshold_kind = Threshold::absolute, .smallest_cut = 0}.
struct PlateauOptions {
  double initial = 1e-3;  ///< learning rate before the first cut
  double factor = 0.1;    ///< rate *= factor, in (0, 1)
  std::int64_t patience = 10;
  PlateauRule rule = PlateauRule::pytorch;
  Better better = Better::smaller;  ///< `fit` sets it according to the monitored metric
  double threshold = 1e-4;  ///< minimal improvement over the best value of a good call, relative to the magnitude of
                            ///< the best value or absolute
  Threshold threshold_kind = Threshold::relative;
  std::int64_t cooldown = 0;  ///< calls after a cut that are not counted
  double lowest = 0;
  double smallest_cut = 1e-8;  ///< smaller cuts, or equal ones, do not change the rate
};

/// Reduction of the learning rate when a metric stops improving, like ReduceLROnPlateau in PyTorch and Keras. Unlike
/// there, a relative threshold also works for metrics below 0: the bound is best -+ threshold * |best|.
class Plateau {
 public:
  explicit Plateau(PlateauOptions options = {}) : options_(options), rate_(options.initial) { check(); }

  /// Processes the metric of one more epoch (NaN is a bad one) and returns the new rate.
  double update(double metric) {
    if (options_.rule == PlateauRule::pytorch)
      update_as_pytorch(metric);
    else
      update_as_keras(metric);
    return rate_;
  }

  double rate() const { return rate_; }
  const PlateauOptions& options() const { return options_; }

  /// Calls `f(name, value)` with each number of the state, to save or restore it; `best` is initially infinite.
  template <class F>
  void visit_state(F&& f) {
    f(std::string_view("rate"), rate_);
    f(std::string_view("best"), best_);
    f(std::string_view("bad"), bad_);
    f(std::string_view("cooldown_left"), cooldown_left_);
  }

 private:
  [[gnu::cold]] void check() const {
    constexpr std::string_view owner = "Plateau";
    detail::check_positive(owner, "initial", options_.initial);
    detail::check_option(options_.factor > 0 && options_.factor < 1, owner, "factor", "in (0, 1)", options_.factor);
    detail::check_least(owner, "patience", options_.patience, 0);
    detail::check_not_negative(owner, "threshold", options_.threshold);
    detail::check_least(owner, "cooldown", options_.cooldown, 0);
    detail::check_not_negative(owner, "lowest", options_.lowest);
    detail::check_not_negative(owner, "smallest_cut", options_.smallest_cut);
  }

  bool improves(double metric) const { return options_.better == Better::smaller ? metric < bar() : metric > bar(); }

  /// Bound that the next metric must exceed. PyTorch's best * (1 - threshold) is on the wrong side of a best value
  /// below 0, so that every constant metric is an improvement.
  double bar() const {
    if (!is_finite(best_)) return best_;
    const double up = options_.better == Better::larger ? options_.threshold : -options_.threshold;
    if (options_.threshold_kind == Threshold::absolute) return best_ + up;
    return best_ * (1 + (best_ < 0 ? -up : up));
  }

  void take(double metric) {
    best_ = metric;
    bad_ = 0;
  }

  void update_as_pytorch(double metric) {
    if (improves(metric))
      take(metric);
    else
      ++bad_;
    if (cooldown_left_ > 0) {
      --cooldown_left_;
      bad_ = 0;
    }
    if (bad_ > options_.patience) cut();
  }

  void update_as_keras(double metric) {
    if (cooldown_left_ > 0) {
      --cooldown_left_;
      bad_ = 0;
    }
    if (improves(metric))
      take(metric);
    else if (cooldown_left_ == 0 && ++bad_ >= options_.patience && rate_ > options_.lowest)
      cut();
  }

  void cut() {
    const double lower = std::max(rate_ * options_.factor, options_.lowest);
    if (rate_ - lower > options_.smallest_cut) rate_ = lower;
    cooldown_left_ = options_.cooldown;
    bad_ = 0;
  }

  PlateauOptions options_;
  double rate_;
  double best_ = options_.better == Better::smaller ? std::numeric_limits<double>::infinity()
                                                    : -std::numeric_limits<double>::infinity();
  std::int64_t bad_ = 0, cooldown_left_ = 0;
};

}  // namespace unroll
