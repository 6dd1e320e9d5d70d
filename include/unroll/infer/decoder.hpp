#pragma once
// What can be decoded: anything that says, for a set of hypotheses, how likely each token is to come next.

#include <concepts>
#include <span>

#include "unroll/core/types.hpp"

namespace unroll {

/// A model that writes token after token for a batch of sources. It holds a set of hypotheses and the state of each:
///
///     vocabulary(), sources()     numbers of tokens and of sources
///     start()                     back to one hypothesis per source, in their order, without any token
///     step(parents, tokens)       hypothesis k of the new set is hypothesis parents[k] of the set before with
///     tokens[k]
///                                 added; a parent may have none or several, so the set shrinks and grows
///
/// start() and step() return logits [vocabulary x hypotheses] of the token that comes next, one column per hypothesis,
/// readable until the next call. Whatever the state consists of, the decoder takes it from the parents itself. There
/// is no place for targets: what decodes cannot have seen them.
template <class D>
concept Decoder = std::floating_point<typename D::Scalar> &&
    requires(D& decoder, std::span<const Index> parents, std::span<const Index> tokens) {
  { decoder.vocabulary() } -> std::convertible_to<Index>;
  { decoder.sources() } -> std::convertible_to<Index>;
  { decoder.start() } -> std::convertible_to<ConstView<typename D::Scalar>>;
  { decoder.step(parents, tokens) } -> std::convertible_to<ConstView<typename D::Scalar>>;
};

/// A decoder that looks at its source:
///
///     attention()          weights [longest source x hypotheses] by which the last start() or step() came to its
///     logits source_length(b)     rows of them that belong to source b; those below count for nothing
template <class D>
concept AttentionDecoder = Decoder<D> && requires(D& decoder, Index source) {
  { decoder.attention() } -> std::convertible_to<ConstView<typename D::Scalar>>;
  { decoder.source_length(source) } -> std::convertible_to<Index>;
};

}  // namespace unroll
