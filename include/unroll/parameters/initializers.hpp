#pragma once
// Initial values of parameters. Each entry depends only on (seed, purpose, layer, entry), see `Random`, not on the
// order in which blocks are filled. All arithmetic is in double, so float and double models begin with the same numbers
// up to rounding. Results do not depend on processor or compiler options: where a product is added, it is either fused
// (std::fma) or rounded first (detail::rounded), never left to the compiler.

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <numbers>

#include "unroll/core/error.hpp"
#include "unroll/core/finite.hpp"
#include "unroll/core/random.hpp"
#include "unroll/core/types.hpp"
#include "unroll/parameters/portable_matrices.hpp"

namespace unroll {

/// Fan-in and fan-out: inputs per output unit, outputs per input. 0 means cols or rows of the block. Set them for a
/// block that is part of a larger matrix: Keras counts all gates of a stacked matrix, fans = {.out = 4 * units} for an
/// LSTM.
struct Fans {
  Index in = 0, out = 0;

  friend constexpr bool operator==(const Fans&, const Fans&) = default;
};

/// Rule for initial values, created by the functions of namespace `init`.
class Initializer {
 public:
  enum class Kind { constant, uniform, normal, truncated_normal, log_uniform, orthogonal, identity, spectral, mapped };
  enum class Fan { none, in, average, out };

  /// The factory functions below define `a` and `b` for each kind. With a fan, the numbers are for fan 1 and are
  /// divided by the square root of the block's fan.
  constexpr Initializer(Kind kind, double a, double b, Fan fan = Fan::none) : kind_(kind), fan_(fan), a_(a), b_(b) {}

  /// Values map(u) of uniform numbers u on [0, 1).
  constexpr explicit Initializer(double (*map)(double)) : Initializer(Kind::mapped, 0, 0) { map_ = map; }

  /// The same rule with explicit fans, for a block whose shape does not give them, such as a convolution's.
  constexpr Initializer with_fans(Fans fans) const {
    Initializer same = *this;
    same.fans_ = fans;
    return same;
  }

  /// Fills a block [outputs x inputs]. Entry (i, j) uses random number `first_element` + j * rows + i. Throws
  /// ValueError if a required fan is not positive.
  template <class Block>
  void fill(Block&& block, const Random& random, Index first_element = 0, Fans fans = {}) const {
    fill_block<typename std::remove_cvref_t<Block>::Scalar>(block, random, first_element, fans);
  }

  friend constexpr bool operator==(const Initializer&, const Initializer&) = default;

 private:
  template <class Scalar>
  void fill_block(Out<Scalar> block, const Random& random, Index first_element, Fans fans) const {
    if (kind_ == Kind::orthogonal) {
      const bool wide = block.rows() < block.cols();
      const MatrixX<double> q = orthogonal_columns(block.rows(), block.cols(), random, first_element);
      for (Index col = 0; col < block.cols(); ++col)
        for (Index row = 0; row < block.rows(); ++row)
          block(row, col) = Scalar(a_ * (wide ? q(col, row) : q(row, col)));
      return;
    }
    if (kind_ == Kind::spectral) {
      block = of_radius(block.rows(), block.cols(), random, first_element).template cast<Scalar>();
      return;
    }
    const double shrink = fan_ == Fan::none ? 1 : 1 / std::sqrt(fan_of(block.rows(), block.cols(), fans));
    for (Index col = 0; col < block.cols(); ++col)
      for (Index row = 0; row < block.rows(); ++row)
        block(row, col) = Scalar(shrink * draw(random, first_element + col * block.rows() + row, row == col));
  }

  double fan_of(Index rows, Index cols, Fans fans) const {
    const double in = double(first_given(fans.in, fans_.in, cols)),
                 out = double(first_given(fans.out, fans_.out, rows));
    const double fan = fan_ == Fan::in ? in : fan_ == Fan::out ? out : (in + out) / 2;
    require<ValueError>(fan > 0, "initializer: fans must be above 0, got ", in, " and ", out);
    return fan;
  }

  static Index first_given(Index asked, Index own, Index block) { return asked != 0 ? asked : own != 0 ? own : block; }

  double draw(const Random& random, Index element, bool diagonal) const {
    const auto number = static_cast<std::uint64_t>(element);
    switch (kind_) {
      case Kind::uniform:
        return std::fma(b_ - a_, random.uniform(number), a_);
      case Kind::normal:
        return std::fma(b_, random.normal(number), a_);
      case Kind::truncated_normal:
        return std::fma(b_, truncated(random.uniform(number)), a_);
      case Kind::log_uniform:
        return b_ * detail::portable_log(std::fma(a_ - 1, random.uniform(number), 1));
      case Kind::identity:
        return diagonal ? a_ : 0;
      case Kind::mapped:
        return map_(random.uniform(number));
      default:
        return a_;
    }
  }

  /// Quantile of the standard normal truncated at +-2. Uses one uniform number per value; rejection sampling would use
  /// a varying number.
  static double truncated(double u) {
    constexpr double below = 0.022750131948179207;  // probability below -2
    return std::clamp(detail::normal_quantile(std::fma(1 - 2 * below, u, below)), -2.0, 2.0);
  }

  /// Random orthogonal matrix: a Gaussian matrix with orthonormalized columns, i.e. the Q of its QR factorization with
  /// a positive diagonal of R, which is uniform over all orthogonal matrices (Mezzadri 2007). Projecting twice keeps it
  /// orthogonal up to rounding (Giraud et al. 2005). Eigen's QR is not used because it adds seconds of compile time to
  /// every program.
  /// The matrix [outputs x inputs] is the result, or its transpose if it is wide.
  static MatrixX<double> orthogonal_columns(Index outputs, Index inputs, const Random& random, Index first_element) {
    const bool wide = outputs < inputs;
    MatrixX<double> q(std::max(outputs, inputs), std::min(outputs, inputs));
    for (Index col = 0; col < inputs; ++col)
      for (Index row = 0; row < outputs; ++row)
        (wide ? q(col, row) : q(row, col)) =
            random.normal(static_cast<std::uint64_t>(first_element + col * outputs + row));
    const Index rows = q.rows();
    for (Index j = 0; j < q.cols(); ++j) {
      double* const column = &q(0, j);
      for (int pass = 0; pass < 2; ++pass)
        for (Index k = 0; k < j; ++k) {
          const double* const other = &q(0, k);
          detail::subtract_multiple(detail::ordered_dot(other, column, rows), other, column, rows);
        }
      const double length = std::sqrt(detail::ordered_dot(column, column, rows));
      for (Index row = 0; row < rows; ++row) column[row] /= length;
    }
    return q;
  }

  /// Uniform numbers on [-1, 1), scaled to the spectral radius a_.
  MatrixX<double> of_radius(Index rows, Index cols, const Random& random, Index first_element) const {
    require<ValueError>(rows == cols, "initializer: a matrix with a spectral radius must be square, got [", rows, " x ",
                        cols, "]");
    MatrixX<double> w(rows, cols);
    for (Index k = 0; k < w.size(); ++k)
      w.data()[k] = std::fma(2, random.uniform(static_cast<std::uint64_t>(first_element + k)), -1.0);
    const double radius = detail::spectral_radius(w);
    for (Index k = 0; k < w.size(); ++k) w.data()[k] = radius > 0 ? w.data()[k] * (a_ / radius) : 0;
    return w;
  }

  Kind kind_;
  Fan fan_;
  double a_, b_;
  double (*map_)(double) = nullptr;
  Fans fans_ = {};
};

namespace init {

namespace detail {
/// Standard deviation of the standard normal truncated at +-2. Keras divides by it to preserve the variance.
inline constexpr double truncated_deviation = 0.87962566103423978;

inline Initializer uniform_by_fan(double variance, Initializer::Fan fan) {
  const double limit = std::sqrt(3 * variance);
  return {Initializer::Kind::uniform, -limit, limit, fan};
}
inline Initializer normal_by_fan(double variance, Initializer::Fan fan) {
  return {Initializer::Kind::truncated_normal, 0, std::sqrt(variance) / truncated_deviation, fan};
}
inline void check(bool good, const char* what, double value) {
  require<ValueError>(good && is_finite(value), "initializer: ", what, ", got ", value);
}
}  // namespace detail

inline Initializer constant(double value) {
  detail::check(true, "constant must be finite", value);
  return {Initializer::Kind::constant, value, 0};
}
inline Initializer zeros() { return constant(0); }

/// Uniform on [low, high).
inline Initializer uniform(double low, double high) {
  detail::check(is_finite(low), "low of uniform(low, high) must be finite", low);
  detail::check(low <= high, "high of uniform(low, high) must be finite and at least low", high);
  return {Initializer::Kind::uniform, low, high};
}
inline Initializer normal(double mean, double deviation) {
  detail::check(true, "mean must be finite", mean);
  detail::check(deviation >= 0, "standard deviation must be finite and at least 0", deviation);
  return {Initializer::Kind::normal, mean, deviation};
}
/// Normal truncated at two standard deviations; the actual standard deviation is 0.88 `deviation`.
inline Initializer truncated_normal(double mean, double deviation) {
  detail::check(true, "mean must be finite", mean);
  detail::check(deviation >= 0, "standard deviation must be finite and at least 0", deviation);
  return {Initializer::Kind::truncated_normal, mean, deviation};
}

/// Glorot uniform: U(+-sqrt(6 / (fan_in + fan_out))). Glorot & Bengio 2010, eq. 16.
inline Initializer glorot_uniform() { return detail::uniform_by_fan(1, Initializer::Fan::average); }
/// Glorot normal: variance 2 / (fan_in + fan_out), truncated at two standard deviations as in Keras.
inline Initializer glorot_normal() { return detail::normal_by_fan(1, Initializer::Fan::average); }
/// He uniform, for relu: U(+-sqrt(6 / fan_in)). He et al. 2015 (arXiv:1502.01852, eq. 10).
inline Initializer he_uniform() { return detail::uniform_by_fan(2, Initializer::Fan::in); }
/// He normal: variance 2 / fan_in, truncated as in Keras.
inline Initializer he_normal() { return detail::normal_by_fan(2, Initializer::Fan::in); }
/// LeCun uniform: U(+-gain sqrt(3 / fan_in)). LeCun et al. 1998 ("Efficient BackProp", eq. 16).
inline Initializer lecun_uniform(double gain = 1) {
  detail::check(gain > 0, "gain must be finite and above 0", gain);
  return detail::uniform_by_fan(gain * gain, Initializer::Fan::in);
}
/// LeCun normal: variance 1 / fan_in, truncated as in Keras.
inline Initializer lecun_normal() { return detail::normal_by_fan(1, Initializer::Fan::in); }
/// Default of PyTorch's Linear and Conv: U(+-1 / sqrt(fan_in)).
inline Initializer pytorch_linear() { return detail::uniform_by_fan(1.0 / 3, Initializer::Fan::in); }

/// Default of PyTorch's RNN, GRU and LSTM, for weights and biases: U(+-1 / sqrt(units)).
inline Initializer pytorch_rnn(Index units) {
  detail::check(units > 0, "units must be at least 1", double(units));
  const double limit = 1 / std::sqrt(double(units));
  return uniform(-limit, limit);
}
/// The same for blocks with one row per unit: U(+-1 / sqrt(rows)).
inline Initializer pytorch_rnn() { return detail::uniform_by_fan(1.0 / 3, Initializer::Fan::out); }

/// Orthogonal: gain times a matrix with orthonormal columns, or rows if it is wide (Saxe et al. 2014, arXiv:1312.6120).
/// A stacked matrix is orthogonal as a whole, as in Keras; for orthogonal gates fill each block separately.
inline Initializer orthogonal(double gain = 1) {
  detail::check(gain > 0, "gain must be finite and above 0", gain);
  return {Initializer::Kind::orthogonal, gain, 0};
}

/// Identity: gain on the diagonal, 0 elsewhere (Le et al. 2015, arXiv:1504.00941).
inline Initializer identity(double gain = 1) {
  detail::check(true, "gain must be finite", gain);
  return {Initializer::Kind::identity, gain, 0};
}

/// Uniform numbers scaled to a spectral radius, for a square matrix: the reservoir of an echo state network (Jaeger
/// 2001).
inline Initializer spectral(double radius) {
  detail::check(radius > 0, "spectral radius must be finite and above 0", radius);
  return {Initializer::Kind::spectral, radius, 0};
}

/// Values map(u) of uniform numbers u on [0, 1).
inline Initializer mapped(double (*map)(double)) {
  require<ValueError>(map != nullptr, "initializer: the function of mapped(function) must not be null");
  return Initializer(map);
}

/// Chrono initialization of forget biases: log U(1, longest - 1), for memories of up to `longest` (> 2) steps. Tallec &
/// Ollivier 2018 (arXiv:1804.11188, eq. 16). It is for a gate that multiplies the past; the bias of a gate that
/// multiplies the new value is the negative, `chrono_input` with the same Random and element. docs/cells.md lists these
/// biases for each cell.
inline Initializer chrono_forget(Index longest) {
  detail::check(longest > 2, "longest memory must be above 2 steps", double(longest));
  return {Initializer::Kind::log_uniform, double(longest - 1), 1};
}
inline Initializer chrono_input(Index longest) {
  detail::check(longest > 2, "longest memory must be above 2 steps", double(longest));
  return {Initializer::Kind::log_uniform, double(longest - 1), -1};
}

/// Gains that preserve the variance through an activation, as in PyTorch's `calculate_gain`.
inline constexpr double sigmoid_gain = 1, tanh_gain = 5.0 / 3, relu_gain = std::numbers::sqrt2, selu_gain = 0.75;
inline double leaky_relu_gain(double negative_slope) { return std::sqrt(2 / (1 + negative_slope * negative_slope)); }

}  // namespace init
}  // namespace unroll
