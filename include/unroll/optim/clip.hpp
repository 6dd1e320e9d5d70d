#pragma once
// Gradient clipping. A non-finite gradient is never scaled: the returned norm is non-finite, and the caller must skip
// the update. Optimizers reject such a gradient before it can change their state.

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <numeric>
#include <span>

#include "unroll/core/option_checks.hpp"
#include "unroll/parameters/finite.hpp"
#include "unroll/parameters/parameters.hpp"
#include "unroll/threads/thread_pool.hpp"

namespace unroll {

/// Scale factor for a norm N above the limit c.
enum class ClipRule {
  pytorch,  ///< min(1, c / (N + 1e-6))
  keras     ///< c / max(N, c)
};

namespace detail {

/// Calls f(entry) in the order of the segments. For code that runs rarely: Eigen expressions would increase the compile
/// time of every program.
template <class Number, class F>
void each_entry(Number* values, const Segments& segments, F&& f) {
  for (std::size_t k = 0; k < segments.size(); ++k)
    for (Index i = 0; i < segments[k].size; ++i) f(values[segments[k].first + i]);
}

template <class Scalar>
double non_finite_norm(const Scalar* values, const Segments& segments) {
  bool nan = false;
  each_entry(values, segments, [&](Scalar x) { nan = nan || is_nan(x); });
  return nan ? std::numeric_limits<double>::quiet_NaN() : std::numeric_limits<double>::infinity();
}

template <class Scalar>
double largest_magnitude(const Scalar* values, const Segments& segments) {
  double largest = 0;
  each_entry(values, segments, [&](Scalar x) { largest = std::max(largest, std::abs(double(x))); });
  return largest;
}

/// Sum of squares in double, via a small buffer: Eigen does not vectorise a sum of cast values.
template <class Scalar>
double sum_of_squares(const Scalar* values, Index size) {
  Eigen::Array<double, 512, 1> buffer;
  double sum = 0;
  for (Index first = 0; first < size; first += buffer.size()) {
    const Index count = std::min(buffer.size(), size - first);
    buffer.head(count) = Eigen::Map<const VectorX<Scalar>>(values + first, count).array().template cast<double>();
    sum += buffer.head(count).square().sum();
  }
  return sum;
}

/// Sum of sum_of(first, size) over all segments. Split into shares whose sums are added in fixed order, so the result
/// does not depend on the threads.
template <class F>
double sum_of_shares(const Segments& segments, ThreadPool* threads, F&& sum_of) {
  std::array<double, 256> sums;
  const Index numbers = segments.numbers(), most = Index(sums.size());
  const Index share = std::max<Index>(1 << 15, (numbers + most - 1) / most), shares = (numbers + share - 1) / share;
  run_tasks(shares > 1 ? threads : nullptr, shares, [&](Index k) {
    double sum = 0;
    each_piece(segments, k * share, std::min((k + 1) * share, numbers),
               [&](Index first, Index size) { sum += sum_of(first, size); });
    sums[std::size_t(k)] = sum;
  });
  return std::accumulate(sums.begin(), sums.begin() + shares, 0.0);
}

/// Euclidean norm. Further passes are needed only if the sum of squares left the range of double.
template <class Scalar>
double l2_norm(const Scalar* values, const Segments& segments, ThreadPool* threads) {
  const double squares = sum_of_shares(
      segments, threads, [values](Index first, Index size) { return sum_of_squares(values + first, size); });
  if (is_finite(squares) && squares > 1e-280) return std::sqrt(squares);
  if (!all_finite(values, segments)) return non_finite_norm(values, segments);
  const double largest = largest_magnitude(values, segments);
  if (largest == 0) return 0;
  double scaled = 0;
  each_entry(values, segments, [&](Scalar x) { scaled += (double(x) / largest) * (double(x) / largest); });
  return largest * std::sqrt(scaled);
}

/// p-norm. Magnitudes are divided by the largest one first, so that no power leaves the range of double.
template <class Scalar>
double norm_of(const Scalar* values, const Segments& segments, double p, ThreadPool* threads) {
  if (p == 2) return l2_norm(values, segments, threads);
  if (!all_finite(values, segments)) return non_finite_norm(values, segments);
  const double largest = largest_magnitude(values, segments);
  if (largest == 0 || p == std::numeric_limits<double>::infinity()) return largest;
  const double powers = sum_of_shares(segments, threads, [&](Index first, Index size) {
    double sum = 0;
    for (Index i = first; i < first + size; ++i) {
      const double part = std::abs(double(values[i])) / largest;
      sum += p == 1 ? part : std::pow(part, p);
    }
    return sum;
  });
  return largest * std::pow(powers, 1 / p);
}

inline void check_norm(std::string_view owner, std::string_view option, double p) {
  check_option(p > 0, owner, option, "above 0 (infinity: largest magnitude)", p);
}

/// Scales in double and in two steps: the factor for an exploded gradient may be subnormal, and many programs flush
/// subnormals to zero.
template <class Scalar>
void clip_to(Scalar* values, const Segments& segments, double norm, double max_norm, ClipRule rule) {
  const double divisor = rule == ClipRule::pytorch ? norm + 1e-6 : norm;
  if (!(max_norm < divisor)) return;
  for (std::size_t k = 0; k < segments.size(); ++k) {
    Eigen::Map<VectorX<Scalar>> some(values + segments[k].first, segments[k].size);
    some = (some.template cast<double>() / divisor * max_norm).template cast<Scalar>();
  }
}

template <class Scalar>
double clip_segments(Scalar* values, const Segments& segments, double max_norm, double p, ClipRule rule,
                     ThreadPool* threads) {
  check_at_least<Scalar>("clip_by_global_norm", "max_norm", max_norm);
  check_norm("clip_by_global_norm", "p", p);
  const double norm = norm_of(values, segments, p, threads);
  if (is_finite(norm)) clip_to(values, segments, norm, max_norm, rule);
  return norm;
}

template <class Scalar>
void limit_segments(Scalar* values, const Segments& segments, double limit) {
  check_at_least<Scalar>("clip_by_value", "limit", limit);
  const auto bound = Scalar(limit);
  each_entry(values, segments, [bound](Scalar& x) { x = is_nan(x) ? x : std::clamp(x, -bound, bound); });
}

template <class M>
Segments segments_of(const M& matrix) {
  return {matrix.rows(), matrix.cols(), matrix.outerStride()};
}

inline void check_block(const ParameterBlock& block, Index size) {
  const Index end = block.size() == 0 ? block.offset : block.offset + (block.cols - 1) * block.stride + block.rows;
  require<ShapeError>(block.offset >= 0 && block.stride >= block.rows && end <= size, "clip_by_norm: block '",
                      block.name, "' must be within the ", size, " entries of the gradient, got end ", end);
}

}  // namespace detail

/// Norm (sum_i |x_i|^p)^(1/p) of all entries of a vector or matrix, p > 0; p = infinity: the largest magnitude.
/// Accumulated in double, without overflow unless the norm itself overflows. NaN if an entry is NaN, otherwise infinity
/// if an entry is infinite. Long vectors are split among `threads`. Throws ValueError for other p.
template <class Values>
double global_norm(const Values& values, double p = 2, ThreadPool* threads = nullptr) {
  const Eigen::Ref<const MatrixX<typename Values::Scalar>> matrix(values);
  detail::check_norm("global_norm", "p", p);
  return detail::norm_of(matrix.data(), detail::segments_of(matrix), p, threads);
}

/// Clipping by global norm: scales the whole gradient, a flat vector, so that its p-norm (see `global_norm`) is at most
/// `max_norm` (> 0; infinity: no scaling). Pascanu et al. 2013 (arXiv:1211.5063, Algorithm 1), for p = 2. Returns the
/// norm BEFORE clipping. If it is not finite, the gradient is unchanged: skip the update. Throws ValueError for
/// max_norm or p out of range.
template <class Gradient>
double clip_by_global_norm(Gradient&& gradient, double max_norm, double p = 2, ClipRule rule = ClipRule::pytorch,
                           ThreadPool* threads = nullptr) {
  Out<typename std::remove_cvref_t<Gradient>::Scalar> matrix(gradient);
  return detail::clip_segments(matrix.data(), detail::segments_of(matrix), max_norm, p, rule, threads);
}

/// The same for the touched segments of the gradient; all other entries are zero.
template <class Scalar>
double clip_by_global_norm(Parameters<Scalar>& gradient, double max_norm, double p = 2,
                           ClipRule rule = ClipRule::pytorch, ThreadPool* threads = nullptr) {
  return detail::clip_segments(gradient.values().data(), gradient.segments(), max_norm, p, rule, threads);
}

/// Clipping by block norms: scales every block (`Parameters::table().blocks()`) of the flat gradient by its own norm,
/// Keras's `clipnorm`. Changes the direction of the gradient. Returns the largest norm before clipping. If an entry is
/// not finite, the gradient is unchanged and the global norm, NaN or infinity, is returned. Throws ShapeError for a
/// block outside the gradient.
template <class Gradient>
double clip_by_norm(Gradient&& gradient, std::span<const ParameterBlock> blocks, double max_norm, double p = 2,
                    ClipRule rule = ClipRule::keras) {
  using Scalar = typename std::remove_cvref_t<Gradient>::Scalar;
  OutVector<Scalar> values(gradient);
  detail::check_at_least<Scalar>("clip_by_norm", "max_norm", max_norm);
  detail::check_norm("clip_by_norm", "p", p);
  for (const ParameterBlock& block : blocks) detail::check_block(block, values.size());
  if (!finite(values)) return global_norm(values, p);
  double largest = 0;
  for (const ParameterBlock& block : blocks) {
    const detail::Segments columns(block.rows, block.cols, block.stride);
    const double norm = detail::norm_of(values.data() + block.offset, columns, p, nullptr);
    detail::clip_to(values.data() + block.offset, columns, norm, max_norm, rule);
    largest = std::max(largest, norm);
  }
  return largest;
}

/// Clipping by value: limits every entry to [-limit, limit] (limit > 0). Changes the direction of the gradient. A NaN
/// is kept, an infinity becomes the limit: check with `finite` first.
template <class Gradient>
void clip_by_value(Gradient&& gradient, double limit) {
  Out<typename std::remove_cvref_t<Gradient>::Scalar> matrix(gradient);
  detail::limit_segments(matrix.data(), detail::segments_of(matrix), limit);
}

/// The same for the touched segments of the gradient; all other entries are zero.
template <class Scalar>
void clip_by_value(Parameters<Scalar>& gradient, double limit) {
  detail::limit_segments(gradient.values().data(), gradient.segments(), limit);
}

}  // namespace unroll
