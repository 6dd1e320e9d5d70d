#pragma once
// Scalar functions with derivatives that are not activations but have the same form, for equations of recurrences (see
// the concept Activation).

#include <limits>
#include <string_view>

#include "unroll/simd/trigonometric.hpp"

namespace unroll {

/// Exponential e^x.
struct Exp {
  static constexpr std::string_view name = "exp", latex = "\\exp";
  static constexpr bool by_output = true;
  template <class V>
  EIGEN_ALWAYS_INLINE V value(V x) const {
    return exp(x);
  }
  template <class V>
  EIGEN_ALWAYS_INLINE V slope(V y) const {
    return y;
  }
};

/// Power of two 2^x, computed as 2^k e^(r log 2) with k the integer closest to x; exact for integers.
struct Exp2 {
  static constexpr std::string_view name = "exp2", latex = "\\mathrm{exp2}";
  static constexpr bool by_output = true;
  static constexpr double ln2 = 0.6931471805599453;
  template <class V>
  EIGEN_ALWAYS_INLINE V value(V x) const {
    using Scalar = typename V::Scalar;
    using Numbers = std::numeric_limits<Scalar>;
    constexpr Scalar end = Numbers::max_exponent + Numbers::digits;  // beyond: 0 or infinity
    const V limited = min(max(x, V::constant(-end)), V::constant(end)), shift = V::constant(detail::rounder<Scalar>);
    const V k = (limited + shift) - shift;
    const V fraction = detail::expm1_reduced((limited - k) * V::constant(Scalar(ln2)));
    return {detail::scale((fraction + V::constant(1)).v, k.v)};
  }
  template <class V>
  EIGEN_ALWAYS_INLINE V slope(V y) const {
    return y * V::constant(typename V::Scalar(ln2));
  }
};

/// Natural logarithm.
struct Log {
  static constexpr std::string_view name = "log", latex = "\\log";
  static constexpr bool by_output = false;
  template <class V>
  EIGEN_ALWAYS_INLINE V value(V x) const {
    return log(x);
  }
  template <class V>
  EIGEN_ALWAYS_INLINE V slope(V x) const {
    return V::constant(1) / x;
  }
};

/// Square root; its derivative at 0 is infinite.
struct Sqrt {
  static constexpr std::string_view name = "sqrt", latex = "\\mathrm{sqrt}";
  static constexpr bool by_output = true;
  template <class V>
  EIGEN_ALWAYS_INLINE V value(V x) const {
    return sqrt(x);
  }
  template <class V>
  EIGEN_ALWAYS_INLINE V slope(V y) const {
    return V::constant(typename V::Scalar(0.5)) / y;
  }
};

/// Square x^2.
struct Square {
  static constexpr std::string_view name = "square", latex = "\\mathrm{square}";
  static constexpr bool by_output = false;
  template <class V>
  EIGEN_ALWAYS_INLINE V value(V x) const {
    return x * x;
  }
  template <class V>
  EIGEN_ALWAYS_INLINE V slope(V x) const {
    return x + x;
  }
};

/// Absolute value |x|, with derivative 0 at 0.
struct Abs {
  static constexpr std::string_view name = "abs", latex = "\\mathrm{abs}";
  static constexpr bool by_output = false;
  template <class V>
  EIGEN_ALWAYS_INLINE V value(V x) const {
    return abs(x);
  }
  template <class V>
  EIGEN_ALWAYS_INLINE V slope(V x) const {
    const V zero = V::constant(0), one = V::constant(1);
    return select_greater(x, zero, one, select_greater(zero, x, -one, zero));
  }
};

/// Sine of an angle in radians.
struct Sin {
  static constexpr std::string_view name = "sin", latex = "\\sin";
  static constexpr bool by_output = false;
  template <class V>
  EIGEN_ALWAYS_INLINE V value(V x) const {
    return sin(x);
  }
  template <class V>
  EIGEN_ALWAYS_INLINE V slope(V x) const {
    return cos(x);
  }
};

/// Cosine of an angle in radians.
struct Cos {
  static constexpr std::string_view name = "cos", latex = "\\cos";
  static constexpr bool by_output = false;
  template <class V>
  EIGEN_ALWAYS_INLINE V value(V x) const {
    return cos(x);
  }
  template <class V>
  EIGEN_ALWAYS_INLINE V slope(V x) const {
    return -sin(x);
  }
};

/// e^x - 1, with a small relative error near 0.
struct Expm1 {
  static constexpr std::string_view name = "expm1", latex = "\\mathrm{expm1}";
  static constexpr bool by_output = true;
  template <class V>
  EIGEN_ALWAYS_INLINE V value(V x) const {
    return expm1(x);
  }
  template <class V>
  EIGEN_ALWAYS_INLINE V slope(V y) const {
    return y + V::constant(1);
  }
};

/// log(1 + x), with a small relative error near 0.
struct Log1p {
  static constexpr std::string_view name = "log1p", latex = "\\mathrm{log1p}";
  static constexpr bool by_output = false;
  template <class V>
  EIGEN_ALWAYS_INLINE V value(V x) const {
    return log1p(x);
  }
  template <class V>
  EIGEN_ALWAYS_INLINE V slope(V x) const {
    return V::constant(1) / (V::constant(1) + x);
  }
};

/// Sign: -1, 0 or 1, with derivative 0. NaN is propagated.
struct Sign {
  static constexpr std::string_view name = "sign", latex = "\\mathrm{sign}";
  static constexpr bool by_output = true;
  template <class V>
  EIGEN_ALWAYS_INLINE V value(V x) const {
    const V zero = V::constant(0), one = V::constant(1);
    return select_greater(x, zero, one, select_greater(zero, x, -one, x));
  }
  template <class V>
  EIGEN_ALWAYS_INLINE V slope(V) const {
    return V::constant(0);
  }
};

/// Largest integer that is not greater than x, with derivative 0.
struct Floor {
  static constexpr std::string_view name = "floor", latex = "\\mathrm{floor}";
  static constexpr bool by_output = true;
  template <class V>
  EIGEN_ALWAYS_INLINE V value(V x) const {
    return floor(x);
  }
  template <class V>
  EIGEN_ALWAYS_INLINE V slope(V) const {
    return V::constant(0);
  }
};

/// Fraction x - floor(x), at least 0, with derivative 1.
struct Fract {
  static constexpr std::string_view name = "fract", latex = "\\mathrm{fract}";
  static constexpr bool by_output = true;
  template <class V>
  EIGEN_ALWAYS_INLINE V value(V x) const {
    return x - floor(x);
  }
  template <class V>
  EIGEN_ALWAYS_INLINE V slope(V) const {
    return V::constant(1);
  }
};

}  // namespace unroll
