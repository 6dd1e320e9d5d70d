#pragma once
// Ranges that options of optimizers, schedules and clipping have in common. Every message names owner, option and
// value.

#include <limits>
#include <string_view>

#include "unroll/core/error.hpp"
#include "unroll/core/finite.hpp"

namespace unroll::detail {

inline void check_option(bool good, std::string_view owner, std::string_view option, std::string_view range,
                         double value) {
  require<ValueError>(good, owner, ": ", option, " must be ", range, ", it is ", value);
}

inline void check_not_negative(std::string_view owner, std::string_view option, double value) {
  check_option(is_finite(value) && value >= 0, owner, option, "finite and >= 0", value);
}

inline void check_positive(std::string_view owner, std::string_view option, double value) {
  check_option(is_finite(value) && value > 0, owner, option, "finite and > 0", value);
}

inline void check_fraction(std::string_view owner, std::string_view option, double value) {
  check_option(is_finite(value) && value >= 0 && value <= 1, owner, option, "in [0, 1]", value);
}

/// Of averages that forget: with 1 they would never take in anything new.
inline void check_below_one(std::string_view owner, std::string_view option, double value) {
  check_option(is_finite(value) && value >= 0 && value < 1, owner, option, "in [0, 1)", value);
}

/// An entry whose gradient has always been zero is divided by epsilon alone, which must not be zero in float either.
inline void check_epsilon(std::string_view owner, double value) {
  check_option(is_finite(value) && value >= std::numeric_limits<float>::min(), owner, "epsilon",
               "finite and >= 1.2e-38", value);
}

/// Checks what an optimizer's options have of these names, so that each range stands in one place.
template <class Options>
void check_options(const Options& o) {
  constexpr std::string_view owner = Options::name;
  check_not_negative(owner, "learning_rate", o.learning_rate);
  check_not_negative(owner, "weight_decay", o.weight_decay);
  if constexpr (requires { o.epsilon; }) check_epsilon(owner, o.epsilon);
  if constexpr (requires { o.beta1; }) check_below_one(owner, "beta1", o.beta1);
  if constexpr (requires { o.beta2; }) check_below_one(owner, "beta2", o.beta2);
  if constexpr (requires { o.rho; }) check_below_one(owner, "rho", o.rho);
  if constexpr (requires { o.momentum; }) check_below_one(owner, "momentum", o.momentum);
  if constexpr (requires { o.momentum_decay; }) check_not_negative(owner, "momentum_decay", o.momentum_decay);
  if constexpr (requires { o.lr_decay; }) check_not_negative(owner, "lr_decay", o.lr_decay);
  if constexpr (requires { o.initial_accumulator; })
    check_not_negative(owner, "initial_accumulator", o.initial_accumulator);
  if constexpr (requires { o.nesterov; }) {
    check_fraction(owner, "dampening", o.dampening);
    require<ValueError>(!o.nesterov || (o.momentum > 0 && o.dampening == 0), owner,
                        ": nesterov needs momentum > 0 and dampening 0, they are ", o.momentum, " and ", o.dampening);
  }
}

}  // namespace unroll::detail
