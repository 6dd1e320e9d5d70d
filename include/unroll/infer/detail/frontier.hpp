#pragma once
// Set of active hypotheses, which all decoding methods use.

#include <limits>
#include <span>
#include <utility>
#include <vector>

#include "unroll/core/error.hpp"
#include "unroll/core/finite.hpp"
#include "unroll/infer/decoder.hpp"
#include "unroll/infer/detail/choices.hpp"
#include "unroll/infer/detail/hypothesis_tree.hpp"
#include "unroll/infer/hypothesis.hpp"

namespace unroll::detail {

/// Active hypothesis. `sample` distinguishes samples of the same source.
struct ActiveHypothesis {
  Index source = 0, node = -1;
  double log_probability = 0;
  Index sample = 0;
};

/// Current set of a decoder, whose hypotheses all have length() tokens, and the next set under construction. Hypotheses
/// of a source are adjacent and sources are in order, if they are continued in order.
template <class D>
class Frontier {
 public:
  using Scalar = typename D::Scalar;

  Frontier(D& decoder, const Limits& limits, bool keep_attention)
      : decoder_(decoder), limits_(limits), keep_attention_(keep_attention) {
    const Index sources = decoder.sources();
    check(limits, decoder.vocabulary(), sources);
    require<ValueError>(AttentionDecoder<D> || !keep_attention,
                        "decoding: keep_attention must be false for a decoder without attention, got true");
    for (Index b = 0; b < sources; ++b) items_.push_back({.source = b, .node = Tree::root});
    if (sources > 0) take(decoder.start());
  }

  Index size() const { return Index(items_.size()); }
  const ActiveHypothesis& operator[](Index k) const { return items_[std::size_t(k)]; }
  /// Number of tokens of every hypothesis.
  Index length() const { return length_; }
  Index longest(Index source) const { return detail::longest(limits_, source); }

  /// Possible next tokens of hypothesis k, none if the largest length of its source is 0. Valid until the next call.
  /// Throws NonFiniteError for a logit that is NaN or +inf.
  Choices<Scalar> choices(Index k) {
    if (length_ == longest((*this)[k].source)) return {};
    const std::span<const Scalar> logits(logits_.at(0, k), std::size_t(decoder_.vocabulary()));
    const LogSoftmax<Scalar> probabilities = log_softmax(logits);
    if (!is_finite(probabilities.log_sum)) refuse_non_finite(logits, (*this)[k].source);
    forbid(k);
    return {logits, probabilities, forbidden_};
  }

  /// Attention of the current set [longest source x size()]. Throws ShapeError if it does not match the set.
  ConstView<Scalar> attention() requires AttentionDecoder<D> {
    const ConstView<Scalar> weights = decoder_.attention();
    require<ShapeError>(weights.cols() == size(), "decoding: the attention must have ", size(),
                        " columns, one for each hypothesis, got ", weights.cols());
    for (const ActiveHypothesis& item : items_) {
      const Index steps = decoder_.source_length(item.source);
      require<ShapeError>(steps >= 0 && steps <= weights.rows(), "decoding: source ", item.source,
                          ": its length must be 0 to ", weights.rows(), " steps, the rows of the attention, got ",
                          steps);
    }
    return weights;
  }

  bool ends(Index token) const { return token == limits_.end; }

  /// Hypothesis k extended by a token that does not end it.
  ActiveHypothesis extended(Index k, Index token, double log_probability, Index sample = 0) {
    return {(*this)[k].source, tree_.add((*this)[k].node, token, k), log_probability, sample};
  }
  /// Adds hypothesis k, extended by `token` to `item`, to the next set.
  void go_on(Index k, Index token, const ActiveHypothesis& item) {
    parents_.push_back(k), tokens_.push_back(token), next_.push_back(item);
  }
  /// Parents of the hypotheses of the next set.
  std::span<const Index> parents() const { return parents_; }

  void advance() {
    items_.swap(next_);
    ++length_;
    if (!items_.empty()) take(decoder_.step(parents_, tokens_));
    next_.clear(), parents_.clear(), tokens_.clear();
  }

  Hypothesis<Scalar> hypothesis(const ActiveHypothesis& item, bool ended) const {
    Hypothesis<Scalar> result{.log_probability = item.log_probability, .score = item.log_probability, .ended = ended};
    tree_.tokens(item.node, result.tokens);
    if constexpr (AttentionDecoder<D>) {
      if (keep_attention_)
        result.attention = tree_.attention(item.node, decoder_.source_length(item.source), Index(result.tokens.size()));
    }
    return result;
  }

 private:
  using Tree = HypothesisTree<Scalar>;

  void take(const ConstView<Scalar>& logits) {
    require<ShapeError>(logits.rows() == decoder_.vocabulary() && logits.cols() == size(),
                        "decoding: the logits must have ", decoder_.vocabulary(), " rows, one for each token, and ",
                        size(), " columns, one for each hypothesis, got ", logits.rows(), " x ", logits.cols());
    logits_ = {logits.data(), logits.outerStride()};
    if constexpr (AttentionDecoder<D>) {
      if (keep_attention_) tree_.keep(attention());
    }
  }

  void refuse_non_finite(std::span<const Scalar> logits, Index source) const {
    for (std::size_t token = 0; token < logits.size(); ++token) {
      const bool nan = is_nan(logits[token]);
      require<NonFiniteError>(!nan && logits[token] < std::numeric_limits<Scalar>::infinity(), "decoding: source ",
                              source, ", step ", length_, ": the logit of token ", token,
                              " must be finite or -inf, got ", nan ? "NaN" : "+inf");
    }
  }

  void forbid(Index k) {
    forbidden_.clear();
    if (limits_.end >= 0 && length_ < limits_.shortest) forbidden_.push_back(limits_.end);
    if (limits_.no_repeat_ngram == 0) return;
    tree_.tokens((*this)[k].node, written_);
    forbid_repetition(written_, limits_.no_repeat_ngram, forbidden_);
  }

  D& decoder_;
  const Limits& limits_;
  bool keep_attention_;
  Tree tree_;
  std::vector<ActiveHypothesis> items_, next_;
  std::vector<Index> parents_, tokens_, forbidden_, written_;
  Strided<const Scalar> logits_;
  Index length_ = 0;
};

}  // namespace unroll::detail
