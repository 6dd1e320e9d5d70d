#pragma once
// Which tokens may follow a hypothesis, how likely each is, and which are best.

#include <algorithm>
#include <cmath>
#include <limits>
#include <span>
#include <vector>

#include "unroll/core/types.hpp"
#include "unroll/simd/elementary.hpp"

namespace unroll::detail {

/// log softmax of a column. Each of the two terms is at most 0, and so is the sum, not only up to rounding: no
/// continuation of a hypothesis is ever more likely than itself, which the bound of the beam search relies on.
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

/// The largest number of all; NaN is passed over.
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

/// The sum of f(x) over all numbers, f a function of lanes. Registers add up a few hundred numbers each, so that even
/// float loses nothing worth mentioning over a vocabulary of any size.
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

/// Its log_sum is not finite if there is a NaN or +inf, or nothing but -inf.
template <class Scalar>
LogSoftmax<Scalar> log_softmax(std::span<const Scalar> logits) {
  const Scalar top = largest(logits);
  const double sum = sum_of(logits, [top]<class V>(V x) { return exp(x - V::constant(top)); });
  return {double(top), std::log(sum)};
}

/// What may follow a hypothesis: its next token's logits, as probabilities, and the few tokens that are forbidden.
template <class Scalar>
struct Choices {
  std::span<const Scalar> logits = {};
  LogSoftmax<Scalar> log_softmax = {};
  std::span<const Index> forbidden = {};

  bool allows(Index token) const { return std::ranges::find(forbidden, token) == forbidden.end(); }

  /// Is any token possible and allowed?
  bool any() const {
    for (std::size_t token = 0; token < logits.size(); ++token)
      if (logits[token] > -std::numeric_limits<Scalar>::infinity() && allows(Index(token))) return true;
    return false;
  }
};

/// Adds to `forbidden` the tokens that would repeat a run of n tokens: those that once followed the last n - 1.
inline void forbid_repetition(std::span<const Index> tokens, Index n, std::vector<Index>& forbidden) {
  const std::size_t before = std::size_t(n - 1);
  if (tokens.size() < before) return;
  const auto last = tokens.last(before);
  for (std::size_t i = 0; i + before < tokens.size(); ++i) {
    if (std::ranges::equal(tokens.subspan(i, before), last)) forbidden.push_back(tokens[i + before]);
  }
}

/// Hypothesis `parent` with `token` added.
struct Candidate {
  double log_probability;
  Index token, parent;

  /// The order is total, so that results depend on nothing but the numbers.
  friend bool operator<(const Candidate& a, const Candidate& b) {
    if (a.log_probability != b.log_probability) return a.log_probability > b.log_probability;
    return a.token != b.token ? a.token < b.token : a.parent < b.parent;
  }
};

/// The best few candidates of all that are offered; smaller is better.
class BestCandidates {
 public:
  void clear(Index room) {
    heap_.clear();
    room_ = std::size_t(room);
    least_ = std::numeric_limits<double>::lowest();
  }

  /// Offers all that may follow `parent`, whose own log-probability is given. Most of them are passed over a block at a
  /// time, by the largest logit in it.
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

  /// Best first; ends the collection.
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

  std::vector<Candidate> heap_;  // the worst first
  std::size_t room_ = 0;
  double least_ = 0;  // what is less likely has no room; above -inf, which never has any
};

}  // namespace unroll::detail
