#pragma once
// Decoding of independent hypotheses, token by token.

#include <utility>
#include <vector>

#include "unroll/core/checked.hpp"
#include "unroll/infer/detail/frontier.hpp"

namespace unroll::detail {

/// Generates `samples` hypotheses of every source. choose(choices, item, sample, step) returns the next token of one.
/// In the first step all samples share `item`, since the set has one hypothesis per source.
template <class D, class Choose>
class Generation {
  using Scalar = typename D::Scalar;
  using Result = std::vector<std::vector<Hypothesis<Scalar>>>;

 public:
  Generation(D& decoder, const Limits& limits, bool keep_attention, Index samples, const Choose& choose)
      : frontier_(decoder, limits, keep_attention), samples_(samples), choose_(choose) {
    take_memory(checked_multiply(frontier_.size(), samples, "samples"), "samples", [&] {
      result_.assign(std::size_t(frontier_.size()), std::vector<Hypothesis<Scalar>>(std::size_t(samples)));
    });
  }

  Result run() && {
    for (; frontier_.size() > 0; frontier_.advance()) {
      for (Index k = 0; k < frontier_.size(); ++k) {
        const auto choices = frontier_.choices(k);
        const Index first = frontier_[k].sample, last = frontier_.length() == 0 ? samples_ : first + 1;
        for (Index sample = first; sample < last; ++sample) write(k, sample, choices);
      }
    }
    return std::move(result_);
  }

 private:
  void write(Index k, Index sample, const Choices<Scalar>& choices) {
    const ActiveHypothesis item = frontier_[k];
    if (!choices.any()) return finish(item, sample, false);
    const Index token = choose_(choices, item, sample, frontier_.length());
    const double log_probability = item.log_probability + choices.log_softmax(choices.logits[std::size_t(token)]);
    if (frontier_.ends(token)) return finish({item.source, item.node, log_probability}, sample, true);
    const ActiveHypothesis longer = frontier_.extended(k, token, log_probability, sample);
    if (frontier_.length() + 1 == frontier_.longest(item.source)) return finish(longer, sample, false);
    frontier_.go_on(k, token, longer);
  }

  void finish(const ActiveHypothesis& item, Index sample, bool ended) {
    result_[std::size_t(item.source)][std::size_t(sample)] = frontier_.hypothesis(item, ended);
  }

  Frontier<D> frontier_;
  Index samples_;
  const Choose& choose_;
  Result result_;
};

template <class D, class Choose>
auto generate(D& decoder, const Limits& limits, bool keep_attention, Index samples, const Choose& choose) {
  return Generation<D, Choose>(decoder, limits, keep_attention, samples, choose).run();
}

/// Most likely token, the lowest of equally likely ones.
template <class Scalar>
Index best_token(BestCandidates& best, const Choices<Scalar>& choices, const ActiveHypothesis& item) {
  best.clear(1);
  best.add(0, item.log_probability, choices);
  return best.sorted().front().token;
}

}  // namespace unroll::detail
