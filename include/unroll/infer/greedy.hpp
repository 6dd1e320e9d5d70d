#pragma once
// Greedy decoding: the most likely token at every step.

#include <type_traits>
#include <utility>
#include <vector>

#include "unroll/infer/generate.hpp"

namespace unroll {

struct GreedyOptions {
  Limits limits = {};
  bool keep_attention = false;  ///< requires an AttentionDecoder; see Hypothesis
};

/// Greedy decoding: for each source the hypothesis of the most likely tokens, the lowest of equally likely ones. A
/// source's result does not depend on other sources in the batch. If no token is possible, with logits of -inf or
/// forbidden by the limits, a hypothesis stops and is not marked as ended.
///
/// Throws ValueError or ShapeError for limits that do not match the decoder, and NonFiniteError with source and step
/// for a logit that is NaN or +inf.
template <class D>
requires Decoder<std::remove_reference_t<D>>
auto greedy(D&& decoder, const GreedyOptions& options) {
  detail::BestCandidates best;
  auto each = detail::generate(decoder, options.limits, options.keep_attention, 1,
                               [&](const auto& choices, const detail::ActiveHypothesis& item, Index, Index) {
                                 return detail::best_token(best, choices, item);
                               });
  std::vector<Hypothesis<typename std::remove_reference_t<D>::Scalar>> result;
  result.reserve(each.size());
  for (auto& one : each) result.push_back(std::move(one.front()));
  return result;
}

}  // namespace unroll
