#pragma once
// Concept of a decoder: a model that computes, for a set of hypotheses, the logits of the next token.

#include <concepts>
#include <span>

#include "unroll/core/types.hpp"

namespace unroll {

/// Model that generates tokens for a batch of sources. It holds a set of hypotheses and the state of each:
///
///     vocabulary(), sources()    number of tokens, number of sources
///     start()                    resets to one empty hypothesis per source, in order of sources
///     step(parents, tokens)      makes a new set: hypothesis k is parents[k] of the old set extended by tokens[k];
///                                a parent may occur any number of times, so the set shrinks and grows
///
/// start() and step() return the logits of the next token [vocabulary x hypotheses], valid until the next call. The
/// decoder copies its states from the parents. The interface takes no targets, so decoding cannot leak them.
template <class D>
concept Decoder = std::floating_point<typename D::Scalar> &&
    requires(D& decoder, std::span<const Index> parents, std::span<const Index> tokens) {
  { decoder.vocabulary() } -> std::convertible_to<Index>;
  { decoder.sources() } -> std::convertible_to<Index>;
  { decoder.start() } -> std::convertible_to<ConstView<typename D::Scalar>>;
  { decoder.step(parents, tokens) } -> std::convertible_to<ConstView<typename D::Scalar>>;
};

/// Decoder that attends to its source:
///
///     attention()          weights [longest source x hypotheses] of the last start() or step()
///     source_length(b)     number of rows that belong to source b; the rows after them are ignored
template <class D>
concept AttentionDecoder = Decoder<D> && requires(D& decoder, Index source) {
  { decoder.attention() } -> std::convertible_to<ConstView<typename D::Scalar>>;
  { decoder.source_length(source) } -> std::convertible_to<Index>;
};

}  // namespace unroll
