#pragma once

#include <algorithm>
#include <cstdint>
#include <limits>
#include <span>
#include <vector>

#include "unroll/core/error.hpp"
#include "unroll/core/types.hpp"
#include "unroll/simd/activations.hpp"
#include "unroll/simd/runs.hpp"

namespace unroll {

/// Parameters of word2vec, [dimension x words] each: `in` holds the vectors of given words, which are the result, and
/// `out` those of predicted words.
template <class S>
struct WordTables {
  MatrixX<S> in, out;
};

/// Prediction of word2vec: the given words, and the predicted words, of which the first is the target word and the
/// others are drawn.
struct WordPrediction {
  std::span<const std::int32_t> given, predicted;
};

/// Negative sampling loss of a prediction, and its gradient: Mikolov, Sutskever, Chen, Corrado, Dean 2013, "Distributed
/// representations of words and phrases and their compositionality", section 2.2.
///
///     h = mean of in[w] over the given words      -log s(h . out[target]) - sum_k log s(-h . out[drawn_k])
///
/// Skip-gram has one given word, CBOW all words of a window. A word that is given or drawn several times counts as
/// often. A drawn word may equal the target word and then counts as drawn.
template <class S>
class NegativeSampling {
 public:
  /// `predicted`: largest number of predicted words, including the target word. With `whole`, each given word gets the
  /// whole gradient of h instead of its share, as in the word2vec program and gensim. This is not the gradient of the
  /// loss, but their default rates assume it.
  NegativeSampling(Index dimension, Index predicted, bool whole = false)
      : mean_(dimension), d_mean_(dimension), scores_(std::size_t(predicted + V::size)), whole_(whole) {}

  /// Adds `factor` times the gradient to `d`; returns the loss before the step. `d` may be `tables`: then factor =
  /// -rate is a step of gradient descent. Sizes and word numbers are not checked, because this is called millions of
  /// times.
  S operator()(const WordTables<S>& tables, const WordPrediction& prediction, S factor, WordTables<S>& d) {
    if (prediction.given.size() == 1) {
      const Index column = prediction.given.front() * tables.in.rows();
      return predict(tables.in.data() + column, tables.out, prediction.predicted, factor, d.in.data() + column, d.out);
    }
    const S share = S(1) / S(prediction.given.size());
    mean_.setZero(), d_mean_.setZero();
    for (const auto word : prediction.given) mean_ += tables.in.col(word);
    mean_ *= share;
    const S loss = predict(mean_.data(), tables.out, prediction.predicted, factor, d_mean_.data(), d.out);
    if (!whole_) d_mean_ *= share;
    for (const auto word : prediction.given) d.in.col(word) += d_mean_;
    return loss;
  }

 private:
  using V = NativeLanes<S>;
  using R = detail::Run<S>;

  S predict(const S* h, const MatrixX<S>& out, std::span<const std::int32_t> words, S factor, S* d_h,
            MatrixX<S>& d_out) {
    const Index rows = out.rows();
    const int count = int(words.size());
    for (int k = 0; k < count; ++k) scores_[std::size_t(k)] = dot(h, out.data() + words[std::size_t(k)] * rows, rows);
    const S loss = score(count, factor);
    R::each(rows, [&](Index row, auto lanes) {
      step(words, h + row, out.data() + row, d_h + row, d_out.data() + row, rows, lanes);
    });
    return loss;
  }

  EIGEN_ALWAYS_INLINE static S dot(const S* a, const S* b, Index n) {
    V even = V::constant(0), odd = V::constant(0);
    Index k = 0;
    for (; k + 2 * V::size <= n; k += 2 * V::size) {
      even = fma(V::load(a + k), V::load(b + k), even);
      odd = fma(V::load(a + k + V::size), V::load(b + k + V::size), odd);
    }
    R::each(n - k, [&, a = a + k, b = b + k](Index first, auto lanes) {
      odd = fma(R::load(a + first, lanes), R::load(b + first, lanes), odd);
    });
    return lane_sum(even + odd);
  }

  /// Converts the products in scores_ to factors of the gradient; returns the loss.
  S score(int count, S factor) {
    // With its sign changed, the target word has the same loss as the others: log(1 + e^x), with derivative s(x).
    scores_[0] = -scores_[0];
    V::constant(-std::numeric_limits<S>::infinity()).store(scores_.data() + count);  // the remaining lanes add 0
    V losses = V::constant(0);
    for (int k = 0; k < count; k += V::size) {
      const V x = V::load(scores_.data() + k);
      losses += Softplus{}.value(x);
      (V::constant(factor) * sigmoid(x)).store(scores_.data() + k);
    }
    scores_[0] = -scores_[0];
    return lane_sum(losses);
  }

  /// Processes the rows of one register for all vectors. The gradient of h comes first, so that a word that occurs
  /// twice is not changed in between.
  template <class Count>
  EIGEN_ALWAYS_INLINE void step(std::span<const std::int32_t> words, const S* h, const S* out, S* d_h, S* d_out,
                                Index rows, Count lanes) const {
    const V of_h = R::load(h, lanes);
    V sum = R::load(d_h, lanes);
    for (std::size_t k = 0; k < words.size(); ++k)
      sum = fma(V::constant(scores_[k]), R::load(out + words[k] * rows, lanes), sum);
    for (std::size_t k = 0; k < words.size(); ++k) {
      S* const to = d_out + words[k] * rows;
      R::store(to, fma(V::constant(scores_[k]), of_h, R::load(to, lanes)), lanes);
    }
    R::store(d_h, sum, lanes);
  }

  VectorX<S> mean_, d_mean_;
  std::vector<S> scores_;
  bool whole_;
};

}  // namespace unroll
