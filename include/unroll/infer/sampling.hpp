#pragma once
// Random sampling of tokens from the model's distribution or a sharpened one.

#include <algorithm>
#include <cstdint>
#include <limits>
#include <numeric>
#include <span>
#include <type_traits>
#include <vector>

#include "unroll/core/finite.hpp"
#include "unroll/core/option_checks.hpp"
#include "unroll/core/random.hpp"
#include "unroll/infer/generate.hpp"
#include "unroll/simd/activations.hpp"
#include "unroll/simd/functions.hpp"

namespace unroll {

/// Options of sample(). A token is drawn from softmax(logits / temperature), restricted to the top_k most likely
/// tokens, and of those to the smallest set with total probability top_p (Holtzman et al. 2020, arXiv:1904.09751).
struct SamplingOptions {
  Limits limits = {};
  bool keep_attention = false;                  ///< requires an AttentionDecoder; see Hypothesis
  Index samples = 1;                            ///< hypotheses per source
  double temperature = 1;                       ///< 0: always the most likely token
  Index top_k = 0;                              ///< 0: all
  double top_p = 1;                             ///< in [0, 1]; at least one token remains
  std::uint64_t seed = 0;                       ///< seed of the random numbers
  std::vector<std::uint64_t> source_keys = {};  ///< key of each source's random numbers; empty: 0, 1, ... With
                                                ///< positions in the data set, samples are the same in any batch
};

namespace detail {

inline void check(const SamplingOptions& o, Index sources) {
  require<ValueError>(o.samples >= 1, "sampling: samples must be at least 1, got ", o.samples);
  check_not_negative("sampling", "temperature", o.temperature);
  require<ValueError>(o.top_k >= 0, "sampling: top_k must be at least 0 tokens (0: all), got ", o.top_k);
  check_fraction("sampling", "top_p", o.top_p);
  require<ShapeError>(o.source_keys.empty() || Index(o.source_keys.size()) == sources,
                      "sampling: source_keys must have ", sources, " entries, one for each source, got ",
                      o.source_keys.size());
}

/// Draws one token at a time; reuses its buffers.
template <class Scalar>
class Sampler {
 public:
  explicit Sampler(const SamplingOptions& options)
      : temperature_(Scalar(std::min(options.temperature, double(std::numeric_limits<Scalar>::max())))),
        top_k_(options.top_k),
        top_p_(options.top_p) {}

  /// True if the temperature is below the smallest normal number, which is too small to divide by.
  bool greedy() const { return temperature_ < std::numeric_limits<Scalar>::min(); }

  /// Token at `quantile`, in [0, 1), of the distribution.
  Index draw(const Choices<Scalar>& choices, double quantile) {
    weigh(choices);
    const bool few = top_k_ > 0 && top_k_ < weights_.size();
    if (!few && top_p_ == 1) return at(quantile * total(), weights_.size(), [](Index k) { return k; });
    if (few)
      keep_best(choices);
    else
      keep_likely();
    if (top_p_ < 1) keep_nucleus(choices.logits, top_p_ * (few ? kept_mass() : total()));
    return at(quantile * kept_mass(), Index(kept_.size()), [this](Index k) { return kept_[std::size_t(k)]; });
  }

 private:
  /// Computes weights relative to the most likely allowed token, so that a forbidden one cannot make all others
  /// underflow.
  void weigh(const Choices<Scalar>& choices) {
    weights_ = Eigen::Map<const VectorX<Scalar>>(choices.logits.data(), Index(choices.logits.size()));
    for (const Index token : choices.forbidden) weights_[token] = -std::numeric_limits<Scalar>::infinity();
    weights_ = (weights_.array() - weights_.maxCoeff()) / temperature_;
    apply(Exp{}, weights_);
  }

  double total() const {
    return sum_of(std::span<const Scalar>(weights_.data(), std::size_t(weights_.size())), [](auto w) { return w; });
  }

  void keep_best(const Choices<Scalar>& choices) {
    best_.clear(top_k_);
    best_.add(0, 0, choices);
    kept_.clear();
    for (const Candidate& candidate : best_.sorted()) kept_.push_back(candidate.token);
  }

  /// Keeps tokens with at least their share of 1 - top_p. All others together have less, so none of them belongs to the
  /// nucleus, and few tokens remain to be sorted. The best token, with weight 1, is kept regardless of rounding.
  void keep_likely() {
    const double share = std::min(1.0, (1 - top_p_) * total() / double(weights_.size()));
    kept_.clear();
    for (Index token = 0; token < weights_.size(); ++token)
      if (double(weights_[token]) >= share) kept_.push_back(token);
  }

  /// Pops the best tokens off a heap until their weights sum to `enough`. Compares logits, since weights of different
  /// logits may round to the same number.
  void keep_nucleus(std::span<const Scalar> logits, double enough) {
    const auto worse = [logits](Index a, Index b) {
      const Scalar x = logits[std::size_t(a)], y = logits[std::size_t(b)];
      return x != y ? x < y : a > b;
    };
    std::make_heap(kept_.begin(), kept_.end(), worse);
    auto heap_end = kept_.end();
    double sum = 0;
    do {
      std::pop_heap(kept_.begin(), heap_end--, worse);
      sum += double(weights_[*heap_end]);
    } while (sum < enough && heap_end != kept_.begin());
    kept_.erase(kept_.begin(), heap_end);
  }

  double kept_mass() const {
    return std::accumulate(kept_.begin(), kept_.end(), 0.0,
                           [this](double sum, Index token) { return sum + double(weights_[token]); });
  }

  /// The token, of `count`, at which the sum of weights exceeds `place`; the last possible one if rounding prevents
  /// that.
  template <class TokenOf>
  Index at(double place, Index count, const TokenOf& token_of) const {
    Index last = -1;
    double sum = 0;
    for (Index k = 0; k < count; ++k) {
      const Index token = token_of(k);
      sum += double(weights_[token]);
      if (weights_[token] > 0) last = token;
      if (sum > place) break;
    }
    return last;
  }

  Scalar temperature_;
  Index top_k_;
  double top_p_;
  VectorX<Scalar> weights_;  // of every token; 0 if impossible or forbidden
  BestCandidates best_;
  std::vector<Index> kept_;
};

}  // namespace detail

/// Random sampling: `samples` independent hypotheses for each source. A sample depends only on the seed, its source's
/// key, its index and its previous tokens, not on the batch or the number of samples. If no token is possible, with
/// logits of -inf or forbidden by the limits, a hypothesis stops and is not marked as ended.
///
/// Throws ValueError or ShapeError for options that do not match the decoder, and NonFiniteError with source and step
/// for a logit that is NaN or +inf.
template <class D>
requires Decoder<std::remove_reference_t<D>>
auto sample(D&& decoder, const SamplingOptions& options) {
  detail::check(options, decoder.sources());
  detail::Sampler<typename std::remove_reference_t<D>::Scalar> sampler(options);
  detail::BestCandidates best;
  const auto choose = [&](const auto& choices, const detail::ActiveHypothesis& item, Index number, Index step) {
    if (sampler.greedy()) return detail::best_token(best, choices, item);
    const std::uint64_t key =
        options.source_keys.empty() ? std::uint64_t(item.source) : options.source_keys[std::size_t(item.source)];
    const Random random(options.seed, Purpose::sample, key, std::uint64_t(step));
    return sampler.draw(choices, random.uniform(std::uint64_t(number)));
  };
  return detail::generate(decoder, options.limits, options.keep_attention, options.samples, choose);
}

}  // namespace unroll
