#pragma once
// Gradient clipping. A gradient that is not finite is never scaled: the norm that comes back says so, and the caller
// skips the update. Optimizers refuse such a gradient themselves, so that it never touches their state.

#include <algorithm>
#include <array>
#include <cmath>
#include <span>

#include "unroll/core/parameters.hpp"
#include "unroll/core/thread_pool.hpp"
#include "unroll/optim/finite.hpp"
#include "unroll/optim/option_checks.hpp"

namespace unroll {

enum class NormKind {
  l2,  ///< root of the sum of squares
  inf  ///< largest magnitude
};

/// The factor for a norm N above the limit c.
enum class ClipRule {
  pytorch,  ///< min(1, c / (N + 1e-6))
  keras     ///< c / max(N, c)
};

namespace detail {

/// f(entry in double), down the columns. For what runs rarely: an Eigen expression would cost every program compile
/// time.
template <class Scalar, class F>
void each_entry(In<Scalar> values, F&& f) {
  for (Index col = 0; col < values.cols(); ++col)
    for (Index row = 0; row < values.rows(); ++row) f(double(values(row, col)));
}

template <class Scalar>
double non_finite_norm(In<Scalar> values) {
  bool nan = false;
  each_entry<Scalar>(values, [&](double x) { nan = nan || is_nan(x); });
  return nan ? std::numeric_limits<double>::quiet_NaN() : std::numeric_limits<double>::infinity();
}

template <class Scalar>
double largest_magnitude(In<Scalar> values) {
  double largest = 0;
  each_entry<Scalar>(values, [&](double x) { largest = std::max(largest, std::abs(x)); });
  return largest;
}

/// In double, by way of a small buffer: Eigen does not vectorise a sum behind a cast.
template <class Scalar>
double sum_of_squares(const Scalar* values, Index size) {
  Eigen::Array<double, 512, 1> buffer;
  double sum = 0;
  for (Index first = 0; first < size; first += buffer.size()) {
    const Index count = std::min(buffer.size(), size - first);
    buffer.head(count) = Eigen::Map<const Vector<Scalar>>(values + first, count).array().template cast<double>();
    sum += buffer.head(count).square().sum();
  }
  return sum;
}

/// Columns are cut into shares whose sums are added in their order, whoever computed them.
template <class Scalar>
double sum_of_squares(In<Scalar> values, ThreadPool* threads) {
  std::array<double, 256> sums;
  const Index most = Index(sums.size()), share = std::max<Index>(1 << 15, (values.rows() + most - 1) / most);
  const Index shares = (values.rows() + share - 1) / share;
  double sum = 0;
  for (Index col = 0; col < values.cols(); ++col) {
    const Scalar* const column = values.data() + col * values.outerStride();
    run_tasks(shares > 1 ? threads : nullptr, shares, [&](Index k) {
      sums[std::size_t(k)] = sum_of_squares(column + k * share, std::min(share, values.rows() - k * share));
    });
    for (Index k = 0; k < shares; ++k) sum += sums[std::size_t(k)];
  }
  return sum;
}

/// The plain sum of squares is right unless it left the range of double; only then are further passes needed.
template <class Scalar>
double l2_norm(In<Scalar> values, ThreadPool* threads) {
  const double squares = sum_of_squares<Scalar>(values, threads);
  if (is_finite(squares) && squares > 1e-280) return std::sqrt(squares);
  if (!finite(values)) return non_finite_norm<Scalar>(values);
  const double largest = largest_magnitude<Scalar>(values);
  if (largest == 0) return 0;
  double scaled = 0;
  each_entry<Scalar>(values, [&](double x) { scaled += (x / largest) * (x / largest); });
  return largest * std::sqrt(scaled);
}

template <class Scalar>
double inf_norm(In<Scalar> values) {
  return finite(values) ? largest_magnitude<Scalar>(values) : non_finite_norm<Scalar>(values);
}

/// In double and in two steps: the factor of an exploded gradient may be subnormal, which many programs flush to zero.
template <class Scalar>
void clip_to(Out<Scalar> values, double norm, double max_norm, ClipRule rule) {
  const double divisor = rule == ClipRule::pytorch ? norm + 1e-6 : norm;
  if (max_norm < divisor) values = (values.template cast<double>() / divisor * max_norm).template cast<Scalar>();
}

inline void check_block(const ParameterBlock& block, Index size) {
  const Index end = block.size() == 0 ? block.offset : block.offset + (block.cols - 1) * block.stride + block.rows;
  require<ShapeError>(block.offset >= 0 && block.stride >= block.rows && end <= size, "clip_by_norm: the block '",
                      block.name, "' ends at entry ", end, " of a gradient with ", size);
}

}  // namespace detail

/// Norm of all entries of a vector or matrix, accumulated in double and safe from overflow. NaN when an entry is NaN,
/// otherwise infinity when one is infinite. Long vectors are shared out among `threads`.
template <class Values>
double global_norm(const Values& values, NormKind kind = NormKind::l2, ThreadPool* threads = nullptr) {
  using Scalar = typename Values::Scalar;
  return kind == NormKind::l2 ? detail::l2_norm<Scalar>(values, threads) : detail::inf_norm<Scalar>(values);
}

/// Scales the whole gradient, a flat vector, so that its norm is at most `max_norm` (> 0; infinity only measures):
/// Pascanu et al. 2013 (arXiv:1211.5063, Algorithm 1). Returns the norm BEFORE clipping. When that is not finite the
/// gradient is left as it is: skip the update. Throws ValueError for a max_norm out of range.
template <class Gradient>
double clip_by_global_norm(Gradient&& gradient, double max_norm, NormKind kind = NormKind::l2,
                           ClipRule rule = ClipRule::pytorch, ThreadPool* threads = nullptr) {
  using Scalar = typename std::remove_cvref_t<Gradient>::Scalar;
  detail::check_option(max_norm > 0, "clip_by_global_norm", "max_norm", "> 0", max_norm);
  const double norm = global_norm(gradient, kind, threads);
  if (is_finite(norm)) detail::clip_to<Scalar>(gradient, norm, max_norm, rule);
  return norm;
}

/// Clips every block (`Parameters::table().blocks()`) of the flat gradient by its own norm, Keras's `clipnorm`. Changes
/// the direction of the whole. Returns the largest of the norms before clipping; when an entry is not finite nothing is
/// changed and the global norm, NaN or infinity, comes back. Throws ShapeError for a block outside the gradient.
template <class Gradient>
double clip_by_norm(Gradient&& gradient, std::span<const ParameterBlock> blocks, double max_norm,
                    NormKind kind = NormKind::l2, ClipRule rule = ClipRule::keras) {
  using Scalar = typename std::remove_cvref_t<Gradient>::Scalar;
  OutVector<Scalar> values(gradient);
  detail::check_option(max_norm > 0, "clip_by_norm", "max_norm", "> 0", max_norm);
  for (const ParameterBlock& block : blocks) detail::check_block(block, values.size());
  if (!finite(values)) return global_norm(values);
  double largest = 0;
  for (const ParameterBlock& block : blocks) {
    View<Scalar> entries(values.data() + block.offset, block.rows, block.cols, Eigen::OuterStride<>(block.stride));
    const double norm = global_norm(entries, kind);
    detail::clip_to<Scalar>(entries, norm, max_norm, rule);
    largest = std::max(largest, norm);
  }
  return largest;
}

/// Limits every entry to [-limit, limit] (limit > 0); changes the direction. A NaN stays, an infinity becomes the
/// limit: ask `finite` first.
template <class Gradient>
void clip_by_value(Gradient&& gradient, double limit) {
  using Scalar = typename std::remove_cvref_t<Gradient>::Scalar;
  detail::check_positive("clip_by_value", "limit", limit);
  const auto bound = Scalar(limit);
  OutVector<Scalar> values(gradient);
  values = values.unaryExpr([bound](Scalar x) { return is_nan(x) ? x : std::clamp(x, -bound, bound); });
}

}  // namespace unroll
