#pragma once

#include <cstdint>
#include <string_view>

#include "unroll/core/error.hpp"
#include "unroll/core/option_checks.hpp"
#include "unroll/core/types.hpp"

namespace unroll {

struct WeightAverageOptions {
  double momentum = 0.99;  ///< weight of the old average, in [0, 1)
};

/// Exponential moving average of the parameters, often better than the last values (Polyak & Juditsky 1992):
///
///     average = momentum * average + (1 - momentum) * theta      after each update; initially theta
///
/// as Keras's `use_ema`. To evaluate with it: `exchange(theta)`, evaluate, `exchange(theta)`.
template <std::floating_point Scalar = float>
class WeightAverage {
 public:
  explicit WeightAverage(WeightAverageOptions options = {}) : options_(options) {
    detail::check_below_one<Scalar>("WeightAverage", "momentum", options.momentum);
  }

  /// Adds `theta` [parameters] to the average, after an update. Allocates only in the first call. Throws ShapeError if
  /// the size changed, ValueError between the two calls of `exchange`.
  void update(InVector<Scalar> theta) {
    require<ValueError>(exchanged_ == 0,
                        "WeightAverage: the weights are exchanged; call exchange(...) before the next update");
    if (average_.size() == 0) {
      average_ = theta;
      return;
    }
    check_size(theta.size());
    average_ = Scalar(options_.momentum) * average_ + Scalar(1 - options_.momentum) * theta;
  }

  /// Swaps the average with `theta`; a second call swaps back. Throws ShapeError before the first update.
  void exchange(OutVector<Scalar> theta) {
    check_size(theta.size());
    average_.swap(theta);
    exchanged_ = 1 - exchanged_;
  }

  /// Whether the caller's vector currently holds the average.
  bool exchanged() const { return exchanged_ != 0; }
  /// Empty before the first update.
  const VectorX<Scalar>& average() const { return average_; }

  /// Calls `f(name, value)` with the complete state, to save or restore it.
  template <class F>
  void visit_state(F&& f) {
    f(std::string_view("average"), average_);
    f(std::string_view("exchanged"), exchanged_);
  }

 private:
  void check_size(Index parameters) const {
    detail::check_as_many("WeightAverage", "parameters", "entries as the average", parameters, average_.size());
  }

  WeightAverageOptions options_;
  VectorX<Scalar> average_;
  std::int64_t exchanged_ = 0;
};

}  // namespace unroll
