#pragma once
// Checks of options, counts and sizes. Their messages have the form "owner: what must be range, got value".
//
// Options are doubles, while the computation may use float: with a Scalar, the range is checked after conversion to
// Scalar. Message texts are joined only if a check fails.

#include <concepts>
#include <cstddef>
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
  require<ValueError>(good, owner, behind(owner), option, " must be ", range, ", got ", value);
}
template <class Scalar>
void check_option_in(bool good, std::string_view owner, std::string_view option, std::string_view range, double value) {
  require<ValueError>(good, owner, behind(owner), option, " must be ", range, " in ", name_of_scalar<Scalar>, ", got ",
                      value);
}

inline void check_not_negative(std::string_view owner, std::string_view option, double value) {
  check_option(is_finite(value) && value >= 0, owner, option, "finite and at least 0", value);
}
template <class Scalar>
void check_not_negative(std::string_view owner, std::string_view option, double value) {
  check_option_in<Scalar>(value >= 0 && value <= double(std::numeric_limits<Scalar>::max()), owner, option,
                          "finite and at least 0", value);
}

inline void check_positive(std::string_view owner, std::string_view option, double value) {
  check_option(is_finite(value) && value > 0, owner, option, "finite and above 0", value);
}

/// Lower bound `smallest`. The default is the smallest normal number: a limit, for instance, must not round to 0.
template <class Scalar>
void check_at_least(std::string_view owner, std::string_view option, double value,
                    Scalar smallest = std::numeric_limits<Scalar>::min()) {
  require<ValueError>(value >= double(smallest), owner, behind(owner), option, " must be at least ", smallest, " in ",
                      name_of_scalar<Scalar>, ", got ", value);
}

/// The same for an option that 0 disables.
template <class Scalar>
void check_zero_or_at_least(std::string_view owner, std::string_view option, double value) {
  constexpr Scalar smallest = std::numeric_limits<Scalar>::min();
  require<ValueError>(value == 0 || value >= double(smallest), owner, behind(owner), option, " must be 0 or at least ",
                      smallest, " in ", name_of_scalar<Scalar>, ", got ", value);
}

/// Range of a divisor, or of a number whose root is a divisor: neither 0 nor infinite.
template <class Scalar>
void check_divisor(std::string_view owner, std::string_view option, double value,
                   Scalar smallest = std::numeric_limits<Scalar>::min()) {
  constexpr Scalar largest = std::numeric_limits<Scalar>::max();
  require<ValueError>(value >= double(smallest) && value <= double(largest), owner, behind(owner), option, " must be ",
                      smallest, " to ", largest, " in ", name_of_scalar<Scalar>, ", got ", value);
}

/// The same for an option that may also be 0.
template <class Scalar>
void check_zero_or_divisor(std::string_view owner, std::string_view option, double value) {
  using Numbers = std::numeric_limits<Scalar>;
  require<ValueError>(value == 0 || (value >= double(Numbers::min()) && value <= double(Numbers::max())), owner,
                      behind(owner), option, " must be 0 or ", Numbers::min(), " to ", Numbers::max(), " in ",
                      name_of_scalar<Scalar>, ", got ", value);
}

inline void check_fraction(std::string_view owner, std::string_view option, double value) {
  check_option(is_finite(value) && value >= 0 && value <= 1, owner, option, "in [0, 1]", value);
}

/// Range of a decay factor: an exponential average with factor 1 would ignore all new values.
template <class Scalar>
void check_below_one(std::string_view owner, std::string_view option, double value) {
  check_option_in<Scalar>(value >= 0 && value < 1 && Scalar(value) < 1, owner, option, "in [0, 1)", value);
}

/// Lower bound of a count. `unit` follows the bound, such as " steps" or " (0: automatic)".
template <std::derived_from<Error> E = ValueError>
void check_least(std::string_view owner, std::string_view what, std::ptrdiff_t value, std::ptrdiff_t least,
                 std::string_view unit = "") {
  require<E>(value >= least, owner, behind(owner), what, " must be at least ", least, unit, ", got ", value);
}

/// Range of a count, both ends included. `unit` as in check_least.
template <std::derived_from<Error> E = ValueError>
void check_between(std::string_view owner, std::string_view what, std::ptrdiff_t value, std::ptrdiff_t least,
                   std::ptrdiff_t most, std::string_view unit = "") {
  require<E>(value >= least && value <= most, owner, behind(owner), what, " must be ", least, " to ", most, unit,
             ", got ", value);
}

/// Index of one of `count` elements.
template <std::derived_from<Error> E = ValueError>
void check_index(std::string_view owner, std::string_view what, std::ptrdiff_t index, std::ptrdiff_t count) {
  if (index >= 0 && index < count) return;
  require<E>(count > 0, owner, behind(owner), "there is no ", what, ", got number ", index);
  fail<E>({owner, behind(owner), what, " must be 0 to ", count - 1, ", got ", index});
}

/// Upper bound of the integers that Scalar represents exactly.
template <class Scalar>
void check_exact(std::string_view owner, std::string_view what, std::ptrdiff_t value) {
  constexpr std::ptrdiff_t most = std::ptrdiff_t(1) << std::numeric_limits<Scalar>::digits;
  require<ValueError>(value <= most, owner, behind(owner), what, " must be at most ", most, ", got ", value,
                      "; larger integers are not exact in ", name_of_scalar<Scalar>);
}

/// Size or count with one valid value.
template <std::derived_from<Error> E = ShapeError>
void check_equal(std::string_view owner, std::string_view what, std::ptrdiff_t value, std::ptrdiff_t expected) {
  require<E>(value == expected, owner, behind(owner), what, " must be ", expected, ", got ", value);
}

/// Equal counts: "targets must have as many sequences as sources, 3, got 2", where `as` is "sequences as sources".
template <std::derived_from<Error> E = ShapeError>
void check_as_many(std::string_view owner, std::string_view what, std::string_view as, std::ptrdiff_t value,
                   std::ptrdiff_t expected) {
  require<E>(value == expected, owner, behind(owner), what, " must have as many ", as, ", ", expected, ", got ", value);
}

/// Size of a matrix.
inline void check_shape(std::string_view owner, std::string_view what, std::ptrdiff_t rows, std::ptrdiff_t cols,
                        std::ptrdiff_t good_rows, std::ptrdiff_t good_cols) {
  require<ShapeError>(rows == good_rows && cols == good_cols, owner, behind(owner), what, " must be [", good_rows,
                      " x ", good_cols, "], got [", rows, " x ", cols, "]");
}

}  // namespace unroll::detail
