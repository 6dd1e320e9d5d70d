#pragma once
// Attention of one query to the steps of one sequence: scores, softmax and weighted sum of values, with their backward
// passes.
//
// Sums over rows use the same order at any memory address, so a query gives the same bits in any batch.

#include <algorithm>
#include <span>
#include <type_traits>

#include "unroll/core/timeline.hpp"
#include "unroll/core/types.hpp"
#include "unroll/simd/activations.hpp"

namespace unroll {

/// Memory of an attention: a value and a key for every step of some sequences.
template <class Scalar>
struct AttentionMemory {
  ConstView<Scalar> values;                    ///< [rows x columns of the timeline]
  const Timeline* timeline = nullptr;          ///< masked steps have no columns, so no query attends to them
  ConstView<Scalar> keys = nothing<Scalar>();  ///< [rows x columns of the timeline]; without data: the values
  std::span<const Index> source =
      {};               ///< the sequence each sample attends to, possibly shared; empty: the sample's index
  bool causal = false;  ///< step t attends to the first t + 1 steps only
};

/// Gradients of a memory, overwritten. A view may have no data: then its gradient is not computed. If the keys are the
/// values, the gradient of the keys goes to `values`.
template <class Scalar>
struct MemoryGradient {
  View<Scalar> values{nullptr, 0, 0, Eigen::OuterStride<>(0)};
  View<Scalar> keys{nullptr, 0, 0, Eigen::OuterStride<>(0)};
};

// g++ warns for every register type that its alignment is not part of the name `Lanes<...>`.
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wignored-attributes"

namespace attention {

/// Terms per partial sum. Long sums are sums of partial sums, to limit rounding errors.
inline constexpr Index terms_in_part = 256;

/// Non-deduced type, so that only the pointers determine Scalar.
template <class T>
using Fixed = std::type_identity_t<T>;

template <class S>
using Rows = detail::Run<S>;

// ---- scores [steps] of a query [rows] and keys [rows x steps]

/// Dot-product scores: query . key * scale. Luong et al. 2015 (arXiv:1508.04025), section 3.1, score "dot" after
/// equation 7; with scale 1 / sqrt(rows): Vaswani et al. 2017 (arXiv:1706.03762), equation 1.
template <class S>
void dot_scores(const Fixed<ConstView<S>>& keys, const S* query, S scale, S* scores) {
  using V = NativeLanes<S>;
  using R = Rows<S>;
  for (Index s = 0; s < keys.cols(); ++s) {
    const S* const key = keys.data() + s * keys.outerStride();
    V sum = V::constant(0);
    R::each(keys.rows(),
            [&](Index r, auto count) { sum = fma(R::load(query + r, count), R::load(key + r, count), sum); });
    scores[s] = scale * lane_sum(sum);
  }
}

/// Backward pass of dot_scores. Overwrites `d_query`, adds to `d_keys`.
template <class S>
void dot_scores_back(const Fixed<ConstView<S>>& keys, const S* query, S scale, const S* d_scores, S* d_query,
                     Fixed<View<S>> d_keys) {
  using V = NativeLanes<S>;
  using R = Rows<S>;
  R::each(keys.rows(), [&](Index r, auto count) {
    const V q = R::load(query + r, count);
    V d_q = V::constant(0);
    for (Index s = 0; s < keys.cols(); ++s) {
      const V d = V::constant(scale * d_scores[s]);
      S* const d_key = d_keys.data() + s * d_keys.outerStride() + r;
      d_q = fma(d, R::load(keys.data() + s * keys.outerStride() + r, count), d_q);
      R::store(d_key, fma(d, q, R::load(d_key, count)), count);
    }
    R::store(d_query + r, d_q, count);
  });
}

/// Additive scores: v . tanh(query + key), with projected query and key. Bahdanau et al. 2015 (arXiv:1409.0473),
/// appendix A.1.2.
template <class S>
void additive_scores(const Fixed<ConstView<S>>& keys, const S* query, const S* v, S* scores) {
  using V = NativeLanes<S>;
  using R = Rows<S>;
  for (Index s = 0; s < keys.cols(); ++s) {
    const S* const key = keys.data() + s * keys.outerStride();
    V sum = V::constant(0);
    R::each(keys.rows(), [&](Index r, auto count) {
      sum = fma(R::load(v + r, count), tanh(R::load(query + r, count) + R::load(key + r, count)), sum);
    });
    scores[s] = lane_sum(sum);
  }
}

/// Backward pass of additive_scores. Overwrites `d_query`, adds to `d_keys` and to `d_v`, which all queries share. The
/// values of tanh are recomputed: stored, they would be by far the largest part of the tape.
template <class S>
void additive_scores_back(const Fixed<ConstView<S>>& keys, const S* query, const S* v, const S* d_scores, S* d_query,
                          Fixed<View<S>> d_keys, double* d_v) {
  using V = NativeLanes<S>;
  using R = Rows<S>;
  R::each(keys.rows(), [&](Index r, auto count) {
    const V q = R::load(query + r, count), weight = R::load(v + r, count);
    V d_q = V::constant(0), d_weight = V::constant(0);
    for (Index s = 0; s < keys.cols(); ++s) {
      const V d = V::constant(d_scores[s]);
      S* const d_key = d_keys.data() + s * d_keys.outerStride() + r;
      const V y = tanh(q + R::load(keys.data() + s * keys.outerStride() + r, count));
      const V d_sum = d * weight * fma(-y, y, V::constant(1));
      d_weight = fma(d, y, d_weight);
      d_q += d_sum;
      R::store(d_key, R::load(d_key, count) + d_sum, count);
    }
    R::store(d_query + r, d_q, count);
    R::add(d_v + r, d_weight, count);
  });
}

// ---- weights and context

/// Softmax of the scores, in place. No effect for 0 steps.
template <class S>
void softmax(S* scores, Index steps) {
  using V = NativeLanes<S>;
  using R = Rows<S>;
  if (steps == 0) return;
  const V greatest = V::constant(*std::max_element(scores, scores + steps));
  R::each(steps, [&](Index s, auto count) { R::store(scores + s, exp(R::load(scores + s, count) - greatest), count); });
  double sum = 0;
  for (Index s = 0; s < steps; ++s) sum += double(scores[s]);
  for (Index s = 0; s < steps; ++s) scores[s] /= S(sum);
}

/// Backward pass of softmax: replaces the gradients of the weights by those of the scores.
template <class S>
void softmax_back(const S* weights, S* d_weights, Index steps) {
  double sum = 0;
  for (Index s = 0; s < steps; ++s) sum += double(weights[s] * d_weights[s]);
  const S mean = S(sum);
  for (Index s = 0; s < steps; ++s) d_weights[s] = weights[s] * (d_weights[s] - mean);
}

/// Context: context [rows] = sum of weights[s] * values[:, s]; 0 for 0 steps.
template <class S>
void weighted_sum(const Fixed<ConstView<S>>& values, const S* weights, S* context) {
  using V = NativeLanes<S>;
  using R = Rows<S>;
  R::each(values.rows(), [&](Index r, auto count) {
    V sum = V::constant(0);
    for (Index first = 0; first < values.cols(); first += terms_in_part) {
      V part = V::constant(0);
      for (Index s = first; s < std::min(first + terms_in_part, values.cols()); ++s)
        part = fma(V::constant(weights[s]), R::load(values.data() + s * values.outerStride() + r, count), part);
      sum += part;
    }
    R::store(context + r, sum, count);
  });
}

/// Backward pass of weighted_sum. Overwrites `d_weights` [steps], adds to `d_values` [rows x steps].
template <class S>
void weighted_sum_back(const Fixed<ConstView<S>>& values, const S* weights, const S* d_context, S* d_weights,
                       Fixed<View<S>> d_values) {
  using V = NativeLanes<S>;
  using R = Rows<S>;
  dot_scores(values, d_context, S(1), d_weights);
  for (Index s = 0; s < values.cols(); ++s) {
    const V weight = V::constant(weights[s]);
    S* const d_value = d_values.data() + s * d_values.outerStride();
    R::each(values.rows(), [&](Index r, auto count) {
      R::store(d_value + r, fma(weight, R::load(d_context + r, count), R::load(d_value + r, count)), count);
    });
  }
}

}  // namespace attention

#pragma GCC diagnostic pop

}  // namespace unroll
