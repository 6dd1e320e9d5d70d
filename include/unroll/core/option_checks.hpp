#pragma once
// Range checks for options of layers, losses, optimizers, schedules and clipping. Every message names owner, option and
// value.
//
// Options are doubles, while the computation may use float: with a Scalar, the range is checked after conversion to
// Scalar. Message texts are joined only if a check fails.

#include <limits>
#include <string_view>
#include <type_traits>

#include "unroll/core/error.hpp"
#include "unroll/core/finite.hpp"

namespace unroll::detail {

template <class Scalar>
inline constexpr std::string_view name_of_scalar = std::is_same_v<Scalar, float> ? "float" : "double";

/// Separator after the owner. The owner is empty for a layer, because the caller adds the layer's name to the message.
inline std::string_view behind(std::string_view owner) { return owner.empty() ? "" : ": "; }

inline void check_option(bool good, std::string_view owner, std::string_view option, std::string_view range,
                         double value) {
  require<ValueError>(good, owner, behind(owner), option, " must be ", range, ", it is ", value);
}
template <class Scalar>
void check_option_in(bool good, std::string_view owner, std::string_view option, std::string_view range, double value) {
  require<ValueError>(good, owner, behind(owner), option, " must be ", range, " in ", name_of_scalar<Scalar>,
                      ", it is ", value);
}

inline void check_not_negative(std::string_view owner, std::string_view option, double value) {
  check_option(is_finite(value) && value >= 0, owner, option, "finite and >= 0", value);
}
template <class Scalar>
void check_not_negative(std::string_view owner, std::string_view option, double value) {
  check_option_in<Scalar>(value >= 0 && value <= double(std::numeric_limits<Scalar>::max()), owner, option,
                          "finite and >= 0", value);
}

inline void check_positive(std::string_view owner, std::string_view option, double value) {
  check_option(is_finite(value) && value > 0, owner, option, "finite and > 0", value);
}

/// Lower bound `smallest`. The default is the smallest normal number: a limit, for instance, must not round to 0.
template <class Scalar>
void check_at_least(std::string_view owner, std::string_view option, double value,
                    Scalar smallest = std::numeric_limits<Scalar>::min()) {
  require<ValueError>(value >= double(smallest), owner, behind(owner), option, " must be >= ", smallest, " in ",
                      name_of_scalar<Scalar>, ", it is ", value);
}

/// Range of a divisor, or of a number whose root is a divisor: neither 0 nor infinite.
template <class Scalar>
void check_divisor(std::string_view owner, std::string_view option, double value,
                   Scalar smallest = std::numeric_limits<Scalar>::min()) {
  constexpr Scalar largest = std::numeric_limits<Scalar>::max();
  require<ValueError>(value >= double(smallest) && value <= double(largest), owner, behind(owner), option,
                      " must be from ", smallest, " to ", largest, " in ", name_of_scalar<Scalar>, ", it is ", value);
}

inline void check_fraction(std::string_view owner, std::string_view option, double value) {
  check_option(is_finite(value) && value >= 0 && value <= 1, owner, option, "in [0, 1]", value);
}

/// Range of a decay factor: an exponential average with factor 1 would ignore all new values.
template <class Scalar>
void check_below_one(std::string_view owner, std::string_view option, double value) {
  check_option_in<Scalar>(value >= 0 && value < 1 && Scalar(value) < 1, owner, option, "in [0, 1)", value);
}

}  // namespace unroll::detail
