#pragma once
// Hypotheses that are written token by token, each for itself.

#include <type_traits>
#include <utility>
#include <vector>

#include "unroll/infer/frontier.hpp"

namespace unroll::detail {

/// `samples` hypotheses of every source. choose(choices, item, sample, step) gives the next token of one; `item` is
/// what is common to all samples in the first step, which has one hypothesis per source only.
template <class D, class Choose>
auto generate(D& decoder, const Limits& limits, bool keep_attention, Index samples, Choose&& choose) {
  using Scalar = typename D::Scalar;
  Frontier<D> frontier(decoder, limits, keep_attention);
  std::vector<std::vector<Hypothesis<Scalar>>> result(std::size_t(frontier.size()),
                                                      std::vector<Hypothesis<Scalar>>(std::size_t(samples)));
  const auto finish = [&](const Ongoing& item, Index sample, bool ended) {
    result[std::size_t(item.source)][std::size_t(sample)] = frontier.hypothesis(item, ended);
  };
  const auto write = [&](Index k, Index sample, const Choices<Scalar>& choices) {
    const Ongoing item = frontier[k];
    if (!choices.any()) return finish(item, sample, false);
    const Index token = choose(choices, item, sample, frontier.length());
    const double log_probability = item.log_probability + choices.log_softmax(choices.logits[std::size_t(token)]);
    if (frontier.ends(token)) return finish({item.source, item.node, log_probability}, sample, true);
    const Ongoing longer = frontier.extended(k, token, log_probability, sample);
    if (frontier.length() + 1 == frontier.longest(item.source)) return finish(longer, sample, false);
    frontier.go_on(k, token, longer);
  };
  for (; frontier.size() > 0; frontier.advance()) {
    for (Index k = 0; k < frontier.size(); ++k) {
      const auto choices = frontier.choices(k);
      const Index first = frontier[k].sample, last = frontier.length() == 0 ? samples : first + 1;
      for (Index sample = first; sample < last; ++sample) write(k, sample, choices);
    }
  }
  return result;
}

/// The most likely token; of equals the lowest.
template <class Scalar>
Index best_token(BestCandidates& best, const Choices<Scalar>& choices, const Ongoing& item) {
  best.clear(1);
  best.add(0, item.log_probability, choices);
  return best.sorted().front().token;
}

}  // namespace unroll::detail
