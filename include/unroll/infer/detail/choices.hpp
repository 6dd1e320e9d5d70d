#pragma once
// Tokens that may follow a hypothesis, their log-probabilities, and selection of the best.

#include <algorithm>
#include <cmath>
#include <limits>
#include <span>
#include <vector>

#include "unroll/core/types.hpp"
#include "unroll/simd/elementary.hpp"

namespace unroll::detail {

/// Log softmax of a column. Both terms are at most 0, hence also the rounded sum: no continuation is more likely than
/// its hypothesis, which the bound of the beam search requires.
template <class Scalar>
struct LogSoftmax {
  double top = 0, log_sum = 0;
  double operator()(Scalar logit) const { return (double(logit) - top) - log_sum; }
};

template <class Packet>
double sum_of_lanes(Lanes<Packet> lanes) {
  typename Lanes<Packet>::Scalar numbers[std::size_t(Lanes<Packet>::size)];
  lanes.store(numbers);
  double sum = 0;
  for (const auto number : numbers) sum += double(number);
  return sum;
}

/// Largest number; NaN is ignored.
template <class Scalar>
Scalar largest(std::span<const Scalar> x) {
  using V = NativeLanes<Scalar>;
  constexpr std::size_t width = std::size_t(V::size);
  Scalar top = -std::numeric_limits<Scalar>::infinity();
  V tops = V::constant(top);
  std::size_t i = 0;
  for (; i + width <= x.size(); i += width) tops = max(tops, V::load(x.data() + i));
  Scalar numbers[width];
  tops.store(numbers);
  for (const Scalar number : numbers) top = std::max(top, number);
  for (; i < x.size(); ++i) top = std::max(top, x[i]);
  return top;
}

/// Sum of f(x) over all numbers; f is a function of lanes. Each register sums a few hundred numbers, so the error of
/// float is negligible for a vocabulary of any size.
template <class Scalar, class F>
double sum_of(std::span<const Scalar> x, const F& f) {
  using V = NativeLanes<Scalar>;
  constexpr std::size_t width = std::size_t(V::size);
  double sum = 0;
  std::size_t i = 0;
  while (i + width <= x.size()) {
    V part = V::constant(0);
    for (std::size_t n = 0; n < 256 && i + width <= x.size(); ++n, i += width) part += f(V::load(x.data() + i));
    sum += sum_of_lanes(part);
  }
  for (; i < x.size(); ++i) sum += double(f(Lanes<Scalar>{x[i]}).v);
  return sum;
}

/// Log softmax of `logits`. Its log_sum is not finite if a logit is NaN or +inf, or if all are -inf.
template <class Scalar>
LogSoftmax<Scalar> log_softmax(std::span<const Scalar> logits) {
  const Scalar top = largest(logits);
  const double sum = sum_of(logits, [top]<class V>(V x) { return exp(x - V::constant(top)); });
  return {double(top), std::log(sum)};
}

/// Possible next tokens of a hypothesis: logits, their log softmax, and the few forbidden tokens.
template <class Scalar>
struct Choices {
  std::span<const Scalar> logits = {};
  LogSoftmax<Scalar> log_softmax = {};
  std::span<const Index> forbidden = {};

  bool allows(Index token) const { return std::ranges::find(forbidden, token) == forbidden.end(); }

  /// True if an allowed token has a logit above -inf.
  bool any() const {
    for (std::size_t token = 0; token < logits.size(); ++token)
      if (logits[token] > -std::numeric_limits<Scalar>::infinity() && allows(Index(token))) return true;
    return false;
  }
};

/// Adds to `forbidden` the tokens that would repeat an n-gram: those that followed earlier occurrences of the last
/// n - 1 tokens.
inline void forbid_repetition(std::span<const Index> tokens, Index n, std::vector<Index>& forbidden) {
  const std::size_t before = std::size_t(n - 1);
  if (tokens.size() < before) return;
  const auto last = tokens.last(before);
  for (std::size_t i = 0; i + before < tokens.size(); ++i) {
    if (std::ranges::equal(tokens.subspan(i, before), last)) forbidden.push_back(tokens[i + before]);
  }
}

/// Hypothesis `parent` extended by `token`.
struct Candidate {
  double log_probability;
  Index token, parent;

  /// Total order, so that results do not depend on the order of insertion. Better is less.
  friend bool operator<(const Candidate& a, const Candidate& b) {
    if (a.log_probability != b.log_probability) return a.log_probability > b.log_probability;
    return a.token != b.token ? a.token < b.token : a.parent < b.parent;
  }
};

/// The best candidates of all that are added, up to a given number.
class BestCandidates {
 public:
  void clear(Index room) {
    heap_.clear();
    room_ = std::size_t(room);
    least_ = std::numeric_limits<double>::lowest();
  }

  /// Adds all continuations of `parent`, whose log-probability is `log_probability`. Most are skipped in blocks, by the
  /// largest logit of a block.
  template <class Scalar>
  void add(Index parent, double log_probability, const Choices<Scalar>& choices) {
    constexpr std::size_t block = 64;
    const auto sum = [&](Scalar logit) { return log_probability + choices.log_softmax(logit); };
    for (std::size_t first = 0; first < choices.logits.size(); first += block) {
      const auto logits = choices.logits.subspan(first, std::min(block, choices.logits.size() - first));
      if (sum(largest(logits)) < least_) continue;
      for (std::size_t i = 0; i < logits.size(); ++i) offer({sum(logits[i]), Index(first + i), parent}, choices);
    }
  }

  /// The candidates, best first. No more can be added until clear().
  std::span<const Candidate> sorted() {
    std::sort_heap(heap_.begin(), heap_.end());
    return heap_;
  }

 private:
  template <class Scalar>
  void offer(const Candidate& candidate, const Choices<Scalar>& choices) {
    if (candidate.log_probability < least_) return;
    if (heap_.size() == room_ && !(candidate < heap_.front())) return;
    if (choices.allows(candidate.token)) insert(candidate);
  }

  void insert(const Candidate& candidate) {
    if (heap_.size() == room_) {
      std::pop_heap(heap_.begin(), heap_.end());
      heap_.pop_back();
    }
    heap_.push_back(candidate);
    std::push_heap(heap_.begin(), heap_.end());
    if (heap_.size() == room_) least_ = heap_.front().log_probability;
  }

  std::vector<Candidate> heap_;  // max-heap: the worst candidate first
  std::size_t room_ = 0;
  double least_ = 0;  // smallest log-probability accepted; above -inf, so impossible tokens are never accepted
};

}  // namespace unroll::detail
