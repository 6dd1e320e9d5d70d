#pragma once
// Beam search: hypotheses with the best total score, several followed at a time.

#include <algorithm>
#include <cmath>
#include <type_traits>
#include <vector>

#include "unroll/core/option_checks.hpp"
#include "unroll/infer/detail/coverage.hpp"
#include "unroll/infer/detail/frontier.hpp"

namespace unroll {

/// Divisor of a log-probability: ((offset + n) / scale)^alpha for n predictions, including the end token. Without it,
/// each further token lowers the score, which favours short hypotheses.
struct LengthPenalty {
  double alpha = 0;  ///< at least 0; 0: none
  double offset = 0, scale = 1;

  /// Penalty of Wu et al. 2016 (arXiv:1609.08144, equation 14).
  static constexpr LengthPenalty wu(double alpha) { return {alpha, 5, 6}; }
  /// Length to the power of alpha; with alpha = 1, scores are mean log-probabilities per prediction.
  static constexpr LengthPenalty average(double alpha = 1) { return {alpha, 0, 1}; }

  double divisor(Index n) const { return std::pow((offset + double(n)) / scale, alpha); }
};

struct BeamOptions {
  Limits limits = {};
  bool keep_attention = false;        ///< requires an AttentionDecoder; see Hypothesis
  Index beams = 4;                    ///< hypotheses of a source that are followed at a time
  Index n_best = 1;                   ///< results for each source, at most `beams`
  LengthPenalty length_penalty = {};  ///< none, LengthPenalty::wu(alpha) or ::average(alpha)
  double coverage_penalty = 0;        ///< beta >= 0, requires an AttentionDecoder: see beam_search()
};

namespace detail {

inline void check(const BeamOptions& o, bool attends) {
  const LengthPenalty& p = o.length_penalty;
  require<ValueError>(o.beams >= 1, "beam search: beams must be at least 1, got ", o.beams);
  require<ValueError>(o.n_best >= 1 && o.n_best <= o.beams, "beam search: n_best must be 1 to ", o.beams,
                      ", the number of beams, got ", o.n_best);
  check_not_negative("beam search", "alpha of the length penalty", p.alpha);
  require<ValueError>(p.scale > 0 && p.offset + 1 >= p.scale && is_finite(p.offset),
                      "beam search: the length penalty must be finite and at least 1, got (offset + n) / scale = (",
                      p.offset, " + n) / ", p.scale);
  check_not_negative("beam search", "coverage_penalty", o.coverage_penalty);
  require<ValueError>(attends || o.coverage_penalty == 0,
                      "beam search: coverage_penalty must be 0 for a decoder without attention, got ",
                      o.coverage_penalty);
}

template <class D>
class BeamSearch {
  using Scalar = typename D::Scalar;

 public:
  BeamSearch(D& decoder, const BeamOptions& options)
      : decoder_(decoder), options_(options), frontier_(decoder, options.limits, options.keep_attention) {
    finished_.resize(std::size_t(frontier_.size()));
  }

  std::vector<std::vector<Hypothesis<Scalar>>> run() {
    for (look(); frontier_.size() > 0; look()) {
      for (Index first = 0, last = 0; first < frontier_.size(); first = last) {
        while (last < frontier_.size() && frontier_[last].source == frontier_[first].source) ++last;
        expand(first, last);
      }
      if (covers()) coverage_.continue_with(frontier_.parents());
      frontier_.advance();
    }
    return results();
  }

 private:
  /// Finished hypothesis. A dead end, which no token can follow, ranks below all others.
  struct Finished {
    ActiveHypothesis item;
    double score;
    bool ended, dead_end;

    friend bool operator<(const Finished& a, const Finished& b) {
      return a.dead_end != b.dead_end ? b.dead_end : a.score > b.score;
    }
  };

  bool covers() const { return options_.coverage_penalty > 0; }

  void look() {
    if constexpr (AttentionDecoder<D>) {
      if (covers() && frontier_.size() > 0) coverage_.add(frontier_.attention());
    }
  }

  /// Expands the hypotheses [first, last), which are those of one source.
  void expand(Index first, Index last) {
    const Index source = frontier_[first].source;
    best_.clear(options_.beams);
    for (Index k = first; k < last; ++k) {
      const auto choices = frontier_.choices(k);
      if (choices.any())
        best_.add(k, frontier_[k].log_probability, choices);
      else
        finish(k, frontier_[k], frontier_.length(), false, frontier_.length() < frontier_.longest(source));
    }
    const auto candidates = best_.sorted();
    for (const Candidate& candidate : candidates) finish_if_whole(candidate);
    const auto best = std::ranges::find_if(candidates, [this](const Candidate& c) { return goes_on(c); });
    if (best == candidates.end() || !can_improve(source, best->log_probability)) return;
    for (const Candidate& c : candidates)
      if (goes_on(c)) frontier_.go_on(c.parent, c.token, frontier_.extended(c.parent, c.token, c.log_probability));
  }

  bool goes_on(const Candidate& c) const {
    return !frontier_.ends(c.token) && frontier_.length() + 1 < frontier_.longest(frontier_[c.parent].source);
  }

  void finish_if_whole(const Candidate& c) {
    if (goes_on(c)) return;
    const bool ended = frontier_.ends(c.token);
    ActiveHypothesis item = frontier_[c.parent];
    item.log_probability = c.log_probability;
    if (!ended) item = frontier_.extended(c.parent, c.token, c.log_probability);
    finish(c.parent, item, frontier_.length() + 1, ended, false);
  }

  /// Finishes `item`, which is hypothesis k of the current set or an extension of it, after n predictions.
  void finish(Index k, const ActiveHypothesis& item, Index n, bool ended, bool dead_end) {
    const Finished one{item, score(k, item, n), ended, dead_end};
    require<NonFiniteError>(is_finite(one.score), "beam search: source ", item.source, ", step ", frontier_.length(),
                            ": the score must be finite, got ", one.score, "; check the attention weights");
    auto& list = finished_[std::size_t(item.source)];
    list.insert(std::upper_bound(list.begin(), list.end(), one), one);
    if (Index(list.size()) > options_.n_best) list.pop_back();
  }

  double score(Index k, const ActiveHypothesis& item, Index n) const {
    const double mean = n == 0 ? 0 : item.log_probability / options_.length_penalty.divisor(n);
    if constexpr (AttentionDecoder<D>) {
      if (covers()) return mean + options_.coverage_penalty * coverage_.penalty(k, decoder_.source_length(item.source));
    }
    return mean;
  }

  /// True if a hypothesis that continues from this log-probability can still become a result. Further tokens only lower
  /// it; the bound divides it by the penalty of the largest length and assumes full coverage of the source. So early
  /// stopping never changes a result.
  bool can_improve(Index source, double log_probability) const {
    const auto& list = finished_[std::size_t(source)];
    if (Index(list.size()) < options_.n_best || list.back().dead_end) return true;
    return log_probability / options_.length_penalty.divisor(frontier_.longest(source)) > list.back().score;
  }

  std::vector<std::vector<Hypothesis<Scalar>>> results() const {
    std::vector<std::vector<Hypothesis<Scalar>>> out(finished_.size());
    for (std::size_t b = 0; b < out.size(); ++b) {
      for (const Finished& one : finished_[b]) {
        out[b].push_back(frontier_.hypothesis(one.item, one.ended));
        out[b].back().score = one.score;
      }
    }
    return out;
  }

  D& decoder_;
  const BeamOptions& options_;
  Frontier<D> frontier_;
  Coverage coverage_;
  BestCandidates best_;
  std::vector<std::vector<Finished>> finished_;
};

}  // namespace detail

/// Beam search: for each source up to `n_best` hypotheses, best score first. Each step follows the `beams`
/// continuations of a source's hypotheses with the highest log-probability; of equals, the one with the lower token,
/// then the one of the earlier hypothesis. Finished hypotheses have the score
///
///     log-probability / length penalty(n) + coverage_penalty * sum_s log min(sum_t attention_ts, 1)
///
/// where n counts predictions including the end token, and the argument of the logarithm is at least 1e-6. The search
/// of a source stops when no active hypothesis can improve the `n_best` found. With one beam the result is that of
/// greedy(), for all penalties. A source's result does not depend on other sources in the batch. A hypothesis that no
/// token can follow, with logits of -inf or forbidden by the limits, is returned only if there are fewer than `n_best`
/// others.
///
/// Throws ValueError or ShapeError for options that do not match the decoder, and NonFiniteError with source and step
/// for a logit that is NaN or +inf.
template <class D>
requires Decoder<std::remove_reference_t<D>>
auto beam_search(D&& decoder, const BeamOptions& options) {
  using Search = detail::BeamSearch<std::remove_reference_t<D>>;
  detail::check(options, AttentionDecoder<std::remove_reference_t<D>>);
  return Search(decoder, options).run();
}

}  // namespace unroll
